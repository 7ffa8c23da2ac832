"""The suppression list as an operator sees it: who is on it, by hash, in which scope, since when and why."""

import re
from collections.abc import Iterable, Sequence

from pymongo import UpdateOne

from dialer.adapters.mongo import Document, available
from dialer.adapters.suppressions import MongoSuppressions, listed
from dialer.office_ports import Listing, Suppressed, SuppressedIn

_HASH = re.compile(r"[0-9a-f]{64}")
_AFTER_EVERY_HASH = "g"  # the seal of the key is no hash


class MongoSuppressionList(MongoSuppressions):
    """The list itself, beside the one question that the functions ask of it."""

    def hash_of(self, phone: str) -> str:
        """Under which a phone stands in the list; a hash of ours stands for itself."""
        self._check_seal()
        return phone if _HASH.fullmatch(phone) else self._hash(phone)

    def add(self, listings: Sequence[Listing]) -> int:
        first: dict[tuple[str, str], Listing] = {}
        for one in listings:
            first.setdefault((one.scope, self.hash_of(one.phone)), one)
        known = self._known(first)
        updates = [
            UpdateOne({"_id": digest}, listed(scope, source=one.source, reason=one.reason, at=one.at), upsert=True)
            for (scope, digest), one in first.items()
            if (scope, digest) not in known
        ]
        if updates:
            with available():
                self._suppressions.bulk_write(updates, ordered=False)
        return len(updates)

    def remove(self, digest: str, *, scope: str) -> bool:
        with available():
            gone = self._suppressions.update_one(
                {"_id": digest, "scopes": scope}, {"$pull": {"scopes": scope}, "$unset": {f"listed.{scope}": ""}}
            )
            self._suppressions.delete_one({"_id": digest, "scopes": {"$size": 0}})
            return gone.modified_count == 1

    def find(self, digest: str) -> Suppressed | None:
        with available():
            document = self._suppressions.find_one({"_id": digest})
        return _suppressed_of(document) if document else None

    def page(self, *, limit: int, behind: str) -> Sequence[Suppressed]:
        """By hash."""
        wanted = {"_id": {"$gt": behind, "$lt": _AFTER_EVERY_HASH}}
        with available():
            return [_suppressed_of(one) for one in self._suppressions.find(wanted, sort=[("_id", 1)], limit=limit)]

    def _known(self, wanted: Iterable[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        hashes = sorted({digest for _, digest in wanted})
        with available():
            found = self._suppressions.find({"_id": {"$in": hashes}}, {"scopes": 1})
            return frozenset((scope, one["_id"]) for one in found for scope in one["scopes"])


def _suppressed_of(document: Document) -> Suppressed:
    told = document.get("listed", {})
    scopes = [
        SuppressedIn(scope=scope, **{"source": "", "reason": "", "at": None, **told.get(scope, {})})
        for scope in document["scopes"]
    ]
    return Suppressed(hash=document["_id"], scopes=scopes)
