"""Live answers: one document for each attempt that was answered live, for as long as the share of them is taken.

Every write says something that stays true, by operators that may be repeated and come in any order: the same webhooks,
early, late, twice or crossed, leave the same document.
"""

from datetime import datetime, timedelta

from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from dialer.adapters.mongo import Document, available
from dialer.ports import CallRef

COUNTED_INDEX = "counted"
EXPIRY_INDEX = "after_the_window"
_KEPT = timedelta(days=31)  # a day longer than they count
_UNTRIED, _NOBODY, _SOMEBODY = range(3)  # what is found: the greatest that was ever written


class MongoLiveAnswers:
    """A transfer may be heard of before its call has ended: until then its document names no campaign, and counts for
    none."""

    def __init__(self, answers: Collection[Document]) -> None:
        self._answers = answers

    def prepare(self) -> None:
        with available():
            self._answers.create_index([("campaign_id", 1), ("found", 1), ("at", 1)], name=COUNTED_INDEX)
            self._answers.create_index("at", name=EXPIRY_INDEX, expireAfterSeconds=int(_KEPT.total_seconds()))

    def note(self, ref: CallRef, *, campaign_id: str, at: datetime) -> bool:
        return self._write(ref, {"$set": {"campaign_id": campaign_id}, **_at_least(_UNTRIED, at)})

    def reached(self, ref: CallRef, *, somebody: bool, at: datetime) -> bool:
        return self._write(ref, _at_least(_SOMEBODY if somebody else _NOBODY, at))

    def live(self, campaign_id: str, *, since: datetime) -> int:
        return sum(self._count(campaign_id, found, since) for found in (_UNTRIED, _NOBODY, _SOMEBODY))

    def abandoned(self, campaign_id: str, *, since: datetime) -> int:
        return self._count(campaign_id, _NOBODY, since)

    def _write(self, ref: CallRef, news: Document) -> bool:
        """Whether it is counted now as one that found nobody."""
        own = {"_id": ref.attempt_id}
        with available():
            try:
                known = self._answers.find_one_and_update(own, news, upsert=True, return_document=ReturnDocument.AFTER)
            except DuplicateKeyError:  # somebody else made it in this very moment
                known = self._answers.find_one_and_update(own, news, return_document=ReturnDocument.AFTER)
        return known is not None and "campaign_id" in known and known["found"] == _NOBODY

    def _count(self, campaign_id: str, found: int, since: datetime) -> int:
        """By the `count` command, which counts keys: one run of the index, and no document."""
        with available():
            return self._answers.estimated_document_count(
                query={"campaign_id": campaign_id, "found": found, "at": {"$gt": since}}
            )


def _at_least(found: int, at: datetime) -> Document:
    return {"$max": {"found": found}, "$min": {"at": at}}
