"""Tokens as documents: each with a bucket of requests that all functions share, filled by the database's clock."""

from collections.abc import Sequence
from typing import Any

from pymongo.collection import Collection

from dialer.adapters.mongo import Document, available
from dialer.tokens import Role, Token

_GOOD: Document = {"revoked_at": None, "$expr": {"$lt": ["$$NOW", "$expires_at"]}}
_KEPT = 1000  # tokens are few, and listed whole


class MongoTokens:
    """Few, and each found by its id."""

    def __init__(self, tokens: Collection[Document]) -> None:
        self._tokens = tokens

    def find(self, token_id: str) -> Token | None:
        with available():
            document = self._tokens.find_one({"_id": token_id})
        return _token_of(document) if document else None

    def is_good(self, token_id: str) -> bool:
        with available():
            return self._tokens.find_one({"_id": token_id, **_GOOD}, {"_id": 1}) is not None

    def any_good(self, role: Role) -> bool:
        with available():
            return self._tokens.find_one({"role": role, **_GOOD}, {"_id": 1}) is not None

    def keep(self, token: Token) -> None:
        with available():
            self._tokens.insert_one(_document_of(token))

    def spend(self, token: Token) -> bool:
        """One request out of the bucket, which fills by `per_second` up to `burst`."""
        seconds = {"$divide": [{"$subtract": ["$$NOW", {"$ifNull": ["$used_at", "$created_at"]}]}, 1000]}
        filled = {"$add": ["$requests", {"$multiply": [{"$max": [0, seconds]}, "$per_second"]}]}
        left = {"$min": ["$burst", filled]}
        with available():
            result = self._tokens.update_one(
                {
                    "_id": token.id,
                    "hash": token.hash,
                    "revoked_at": None,
                    "$expr": {"$and": [{"$lt": ["$$NOW", "$expires_at"]}, {"$gte": [left, 1]}]},
                },
                [{"$set": {"requests": {"$subtract": [left, 1]}, "used_at": "$$NOW"}}],
            )
            return result.modified_count == 1

    def revoke(self, token_id: str) -> bool:
        with available():
            result = self._tokens.update_one(
                {"_id": token_id, "revoked_at": None}, {"$currentDate": {"revoked_at": True}}
            )
            return result.modified_count == 1

    def all(self) -> Sequence[Token]:
        with available():
            return [_token_of(document) for document in self._tokens.find(sort=[("_id", 1)], limit=_KEPT)]


_FIELDS = ("name", "hash", "created_at", "created_by", "expires_at", "per_second", "burst")


def _document_of(token: Token) -> Document:
    kept: Document = {name: getattr(token, name) for name in _FIELDS}
    return {"_id": token.id, **kept, "role": token.role, "requests": float(token.burst)}


def _token_of(document: Document) -> Token:
    known: dict[str, Any] = {name: document[name] for name in _FIELDS}
    moments = {name: document.get(name) for name in ("revoked_at", "used_at")}
    return Token(id=document["_id"], role=Role(document["role"]), **known, **moments)
