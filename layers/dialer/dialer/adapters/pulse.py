"""Pulse: how many contacts are in doubt or held, and since when, from the index of what is in flight."""

from datetime import timedelta

from pymongo.collection import Collection

from dialer.adapters.contact_documents import UNTIL_INDEX
from dialer.adapters.mongo import Document, available
from dialer.lifecycle import State
from dialer.ports import Pulse


class MongoPatients:
    """One aggregation a minute, over the doubtful and the held alone."""

    def __init__(self, contacts: Collection[Document]) -> None:
        self._contacts = contacts

    def pulse(self) -> Pulse:
        stages: list[Document] = [
            {"$match": {"state": {"$in": [State.HELD, State.UNCERTAIN]}}},
            {"$group": {"_id": "$state", "count": {"$sum": 1}, "oldest": {"$min": "$attempt.dial_at"}}},
            {"$set": {"age_ms": {"$subtract": ["$$NOW", "$oldest"]}}},
        ]
        with available():
            found = {row["_id"]: row for row in self._contacts.aggregate(stages, hint=UNTIL_INDEX)}
        uncertain = found.get(State.UNCERTAIN, {})
        return Pulse(
            uncertain=uncertain.get("count", 0),
            held=found.get(State.HELD, {}).get("count", 0),
            oldest_uncertain=timedelta(milliseconds=uncertain.get("age_ms") or 0),
        )
