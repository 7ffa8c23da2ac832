"""The contact book: contacts come in once per phone and campaign, and are counted."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo import IndexModel
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError

from dialer.adapters.contact_documents import INDEXES, contacts_of
from dialer.adapters.mongo import Document, available, database_clock
from dialer.errors import Unavailable
from dialer.lifecycle import State
from dialer.model import Contact, NewContact
from dialer.ports import Added

_DUPLICATE_KEY = 11000


class MongoContactBook:
    """Adds in unordered batches: the unique index on (campaign, phone) skips whoever is already there."""

    def __init__(self, contacts: Collection[Document]) -> None:
        self._contacts = contacts

    def prepare(self) -> None:
        models = [IndexModel(keys, name=name, **options) for name, (keys, options) in INDEXES.items()]
        with available():
            self._contacts.create_indexes(models)

    def add(self, campaign_id: str, contacts: Sequence[NewContact], *, max_attempts: int) -> Added:
        if not contacts:
            return Added(added=0, known=0)
        with available():
            now = database_clock(self._contacts.database)
        documents = [self._document(campaign_id, contact, max_attempts, now) for contact in contacts]
        with available():
            known = self._insert(documents)
        return Added(added=len(documents) - known, known=known)

    def _insert(self, documents: list[Document]) -> int:
        """How many of them were there already."""
        try:
            self._contacts.insert_many(documents, ordered=False)
        except BulkWriteError as partly:
            errors: list[dict[str, Any]] = partly.details.get("writeErrors", [])
            if any(error["code"] != _DUPLICATE_KEY for error in errors) or partly.details.get("writeConcernErrors"):
                raise Unavailable("the database did not take the whole batch: import the list again") from partly
            return len(errors)
        return 0

    def _document(self, campaign_id: str, contact: NewContact, max_attempts: int, now: datetime) -> Document:
        return {
            "_id": str(ObjectId()),
            "campaign_id": campaign_id,
            "phone": contact.phone,
            "region": contact.region,
            "priority": contact.priority,
            "due_at": now,
            "state": State.PENDING,
            "used": 0,
            "max": max_attempts,
            "vars": contact.vars,
        }

    def count_by_state(self, campaign_id: str) -> dict[State, int]:
        grouped: list[dict[str, Any]] = [
            {"$match": {"campaign_id": campaign_id}},
            {"$group": {"_id": "$state", "count": {"$sum": 1}}},
        ]
        with available():
            return {State(row["_id"]): row["count"] for row in self._contacts.aggregate(grouped)}

    def holding(self, campaign_id: str, state: State, *, limit: int) -> Sequence[Contact]:
        with available():
            return contacts_of(self._contacts.find({"campaign_id": campaign_id, "state": state}, limit=limit))
