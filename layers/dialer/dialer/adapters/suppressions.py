"""Suppressions: phones that must not be called, stored only as keyed hashes, so that an erased person stays safe."""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from pymongo.collection import Collection

from dialer.adapters.mongo import Document, available
from dialer.errors import BadSettings
from dialer.secret import Secret

GLOBAL = "global"


_SEAL = "the key's own hash"  # an id that no phone's hash can be


class MongoSuppressions:
    """One document per phone, with the scopes in which it must not be called.

    Under another key no phone would be found, and everybody who opted out would be called: so the first use ever leaves
    a seal of its key, and whoever comes with another one gets BadSettings instead of an answer.
    """

    def __init__(self, suppressions: Collection[Document], *, key: Secret) -> None:
        self._suppressions = suppressions
        self._key = key.reveal().encode()
        self._seal_is_ours = False

    def suppress(self, phone: str, *, scope: str, source: str, reason: str) -> None:
        self._check_seal()
        with available():
            self._suppressions.update_one(
                {"_id": self._hash(phone)},
                listed(scope, source=source, reason=reason),
                upsert=True,
            )

    def among(self, campaign_id: str, phones: Sequence[str], *, purpose: str = "") -> frozenset[str]:
        by_hash = {self._hash(phone): phone for phone in phones}
        if not by_hash:
            return frozenset()
        self._check_seal()
        scopes = [GLOBAL, campaign_scope(campaign_id), *([purpose_scope(purpose)] if purpose else [])]
        with available():
            found = self._suppressions.find({"_id": {"$in": list(by_hash)}, "scopes": {"$in": scopes}}, {"_id": 1})
            return frozenset(by_hash[document["_id"]] for document in found)

    def _check_seal(self) -> None:
        """Once per process."""
        if self._seal_is_ours:
            return
        ours = self._hash(_SEAL)
        with available():
            self._suppressions.update_one({"_id": _SEAL}, {"$setOnInsert": {"hash": ours}}, upsert=True)
            seal = self._suppressions.find_one({"_id": _SEAL})
        if seal is None or not hmac.compare_digest(str(seal["hash"]), ours):
            raise BadSettings(
                "The key in PHONE_HASH_KEY_PARAMETER is not the one under which the suppressed phones are stored: "
                "put the old one back, or nobody who opted out can be recognised."
            )
        self._seal_is_ours = True

    def _hash(self, phone: str) -> str:
        return hmac.new(self._key, phone.encode(), hashlib.sha256).hexdigest()


def listed(scope: str, *, source: str, reason: str, at: datetime | None = None) -> Document:
    """The update that lists a phone in one scope more; the other scopes keep who listed it there, and why.

    Since now, where nobody says since when.
    """
    told = {f"listed.{scope}.source": source, f"listed.{scope}.reason": reason}
    since = (
        {"$set": told | {f"listed.{scope}.at": at}}
        if at
        else {"$set": told, "$currentDate": {f"listed.{scope}.at": True}}
    )
    return {"$addToSet": {"scopes": scope}, **since}


def campaign_scope(campaign_id: str) -> str:
    """The scope in which only one campaign must not call a phone."""
    return f"campaign:{campaign_id}"


def purpose_scope(purpose: str) -> str:
    """The scope in which no campaign of this purpose must call a phone."""
    return f"purpose:{purpose}"
