"""Caller numbers: how often each was used in a day, one document for each number and day, kept for a week."""

from datetime import timedelta

from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from dialer.adapters.mongo import Document, available

EXPIRY_INDEX = "after_a_week"
_KEPT = timedelta(days=7)


class MongoCallerIds:
    """A reservation is one guarded increment: the database lets no two callers have the last one."""

    def __init__(self, numbers: Collection[Document]) -> None:
        self._numbers = numbers

    def prepare(self) -> None:
        """Make the index; safe to repeat. Without it nothing is wrong but old days stay."""
        with available():
            self._numbers.create_index("at", name=EXPIRY_INDEX, expireAfterSeconds=int(_KEPT.total_seconds()))

    def reserve(self, number: str, *, day: str, limit: int) -> bool:
        """A day that is not there yet is made; one that is there and full is not found, and cannot be made again."""
        try:
            return self._take(number, day, limit, upsert=True)
        except DuplicateKeyError:  # it is full, or somebody else made it in this very moment
            return self._take(number, day, limit, upsert=False)

    def _take(self, number: str, day: str, limit: int, *, upsert: bool) -> bool:
        used = {"$inc": {"used": 1}, "$currentDate": {"at": True}}
        with available():
            taken = self._numbers.update_one({"_id": _id(number, day), "used": {"$lt": limit}}, used, upsert=upsert)
            return taken.modified_count == 1 or taken.upserted_id is not None

    def release(self, number: str, *, day: str) -> None:
        with available():
            self._numbers.update_one({"_id": _id(number, day), "used": {"$gt": 0}}, {"$inc": {"used": -1}})


def _id(number: str, day: str) -> str:
    return f"{number} {day}"
