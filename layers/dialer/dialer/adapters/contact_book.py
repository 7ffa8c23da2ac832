"""The contact book: contacts come in once per phone and campaign, and are counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo import IndexModel, timeout
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern

from dialer.adapters.clock import SystemClock
from dialer.adapters.contact_documents import INDEXES, PERSON_INDEX, contacts_of, standing_in
from dialer.adapters.mongo import Document, available, database_clock
from dialer.errors import Unavailable
from dialer.lifecycle import State
from dialer.model import Contact, NewContact
from dialer.ports import Added, Clock

_DUPLICATE_KEY = 11000
_COUNTING_S = 60  # ten million contacts take a few seconds, more than any other query may
_QUICK_S = 0.1  # what takes no longer is counted anew each time


class MongoContactBook:
    """Adds in unordered batches: the unique index on (campaign, phone) skips whoever is already there."""

    def __init__(self, contacts: Collection[Document], *, clock: Clock | None = None) -> None:
        self._contacts = contacts
        self._clock = clock or SystemClock()
        self._counted: dict[str, _Counted] = {}

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
            **({"external_id": contact.external_id} if contact.external_id else {}),
        }

    def count_by_state(self, campaign_id: str) -> dict[State, int]:
        """Counts keys of one snapshot, and reads no document.

        That takes some seconds for ten million contacts. What took long is remembered for nine times as long, so
        however often somebody looks, the database spends at most a tenth of its time on it.
        """
        known = self._counted.get(campaign_id)
        began = self._clock.monotonic()
        if known and began < known.good_until:
            return known.counts
        with available(), timeout(_COUNTING_S):
            counts = self._count_keys(campaign_id)
        self._counted[campaign_id] = _remembered(counts, began=began, ended=self._clock.monotonic())
        return counts

    def _count_keys(self, campaign_id: str) -> dict[State, int]:
        """Everybody, and everybody who does not wait: the rest waits. That is quicker than to count the queue."""
        keys = self._contacts.with_options(read_concern=ReadConcern())  # the session says which
        with self._contacts.database.client.start_session(snapshot=True) as moment:
            everybody = keys.count_documents({"campaign_id": campaign_id}, hint=PERSON_INDEX, session=moment)
            counts: dict[State, int] = {}
            for state in (one for one in State if one is not State.PENDING):
                standing, index = standing_in(campaign_id, state)
                counts[state] = keys.count_documents(standing, hint=index, session=moment)
        counts[State.PENDING] = everybody - sum(counts.values())
        return {state: count for state, count in counts.items() if count}

    def holding(self, campaign_id: str, state: State, *, limit: int) -> Sequence[Contact]:
        standing, index = standing_in(campaign_id, state)
        with available():
            return contacts_of(self._contacts.find(standing, limit=limit, hint=index))


@dataclass(frozen=True, kw_only=True)
class _Counted:
    """Counts, and how long they are good enough, on this process's clock."""

    counts: dict[State, int]
    good_until: float


def _remembered(counts: dict[State, int], *, began: float, ended: float) -> _Counted:
    took = ended - began
    return _Counted(counts=counts, good_until=ended + 9 * took if took > _QUICK_S else began)
