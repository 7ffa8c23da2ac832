"""Suppressions: phones that must not be called, stored only as keyed hashes, so that an erased person stays safe."""

import hashlib
import hmac
from collections.abc import Sequence

from pymongo.collection import Collection

from dialer.adapters.mongo import Document, available
from dialer.secret import Secret

GLOBAL = "global"


class MongoSuppressions:
    """One document per phone, with the scopes in which it must not be called."""

    def __init__(self, suppressions: Collection[Document], *, key: Secret) -> None:
        self._suppressions = suppressions
        self._key = key.reveal().encode()

    def suppress(self, phone: str, *, scope: str, source: str, reason: str) -> None:
        with available():
            self._suppressions.update_one(
                {"_id": self._hash(phone)},
                {
                    "$addToSet": {"scopes": scope},
                    "$set": {"source": source, "reason": reason},
                    "$currentDate": {"at": True},
                },
                upsert=True,
            )

    def among(self, campaign_id: str, phones: Sequence[str]) -> frozenset[str]:
        by_hash = {self._hash(phone): phone for phone in phones}
        if not by_hash:
            return frozenset()
        scopes = [GLOBAL, campaign_scope(campaign_id)]
        with available():
            found = self._suppressions.find({"_id": {"$in": list(by_hash)}, "scopes": {"$in": scopes}}, {"_id": 1})
            return frozenset(by_hash[document["_id"]] for document in found)

    def _hash(self, phone: str) -> str:
        return hmac.new(self._key, phone.encode(), hashlib.sha256).hexdigest()


def campaign_scope(campaign_id: str) -> str:
    """The scope in which only one campaign must not call a phone."""
    return f"campaign:{campaign_id}"
