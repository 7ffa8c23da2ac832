"""Claims: the tick's verbs on contacts (T1, T1b, T2)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bson import MaxKey
from pymongo.collection import Collection
from pymongo.errors import PyMongoError

from dialer.adapters.contact_documents import (
    BOOKED_INDEX,
    CLAIM_INDEX,
    INDEXES,
    Stage,
    booked_in,
    is_past,
    states,
    to_pending,
    to_terminal,
)
from dialer.adapters.mongo import Document, available
from dialer.lifecycle import BOOKED, Move, State, target
from dialer.model import Claimed, attempt_id, claim_of

Bound = list[tuple[str, Any]]  # a key of the index, whole
_CLAIM_KEYS, _ = INDEXES[CLAIM_INDEX]
_CANDIDATE = {"_id": 1, "phone": 1, "region": 1, "priority": 1, "due_at": 1}
_QUEUE = [("priority", -1), ("due_at", 1), ("_id", 1)]
_LAST: Bound = [("phone", MaxKey()), ("region", MaxKey())]


class MongoClaims:
    """Claims in batches: a covered select of candidates, then one guarded update.

    When its reply does not say that all of them were won, they are read back by the claim's token.
    """

    def __init__(self, contacts: Collection[Document]) -> None:
        self._contacts = contacts

    def count_booked(self, campaign_id: str, *, limit: int) -> int:
        with available():
            return self._contacts.count_documents(booked_in(campaign_id, BOOKED), limit=limit, hint=BOOKED_INDEX)

    def anyone_due(self, campaign_id: str, *, now: datetime) -> bool:
        with available():
            return bool(self._from_the_front(due(campaign_id, now), limit=1))

    def claim_due(
        self,
        campaign_id: str,
        *,
        claim: str,
        limit: int,
        until: datetime,
        now: datetime,
        behind: Claimed | None = None,
    ) -> Sequence[Claimed]:
        with available():
            found = {one["_id"]: one for one in self._candidates(campaign_id, limit, now, behind)}
            if not found:
                return []
            ids = list(found)
            try:
                won = self._claim(ids, claim=claim, until=until)
            except PyMongoError:
                won = None  # applied or not: only the read-back knows
            if won == 0:
                return []
            # Where the reply says that it changed them all, it has told us whose they are: nobody is read back.
            mine = ids if won == len(ids) else self._won_by(claim, ids)
            return [_claimed(found[contact_id], claim) for contact_id in mine]

    def sift(self, claimed: Sequence[Claimed], *, to: State, due_at: datetime | None, reason: str) -> int:
        target(Move.SIFT, to)
        stages = to_pending(due_at, reason=reason) if to is State.PENDING else to_terminal(to, reason=reason)
        return self._give_back(Move.SIFT, claimed, stages)

    def unsend(self, claimed: Sequence[Claimed]) -> int:
        return self._give_back(Move.UNSEND, claimed, to_pending("$$NOW", reason="the queue did not take it"))

    def _candidates(self, campaign_id: str, limit: int, now: datetime, behind: Claimed | None) -> Sequence[Document]:
        """From the index alone. The function's clock only chooses here; the update guards with the server's.

        Behind a place, because claimed keys stay in the index's pages for minutes: each batch would walk past all the
        batches before it.
        """
        if behind is None:
            return self._from_the_front(due(campaign_id, now), limit=limit)
        found = self._rest_of_priority(campaign_id, limit, now, behind)
        if len(found) < limit:
            lower = {"priority": {"$lt": behind.priority}}
            found += self._from_the_front(due(campaign_id, now) | lower, limit=limit - len(found))
        return found

    def _from_the_front(self, wanted: Document, *, limit: int) -> list[Document]:
        found = self._contacts.find(wanted, _CANDIDATE, sort=_QUEUE, limit=limit, hint=CLAIM_INDEX, batch_size=limit)
        return list(found)

    def _rest_of_priority(self, campaign_id: str, limit: int, now: datetime, behind: Claimed) -> list[Document]:
        """Who is due with the same priority, behind one that was just claimed: a range of the index, no filter."""
        rest: Bound = [("campaign_id", campaign_id), ("priority", behind.priority)]
        after: Bound = [*rest, ("due_at", behind.due_at), ("_id", behind.contact_id), *_LAST]
        to: Bound = [*rest, ("due_at", now), ("_id", MaxKey()), *_LAST]
        found = self._contacts.find({}, _CANDIDATE, sort=_QUEUE, limit=limit, hint=_CLAIM_KEYS, batch_size=limit)
        return list(found.min(after).max(to))

    def _claim(self, ids: list[str], *, claim: str, until: datetime) -> int:
        attempts_left = {"$lt": ["$used", "$max"]}
        result = self._contacts.update_many(
            {
                "_id": {"$in": ids},
                "state": states(Move.CLAIM),
                "$expr": {"$and": [attempts_left, is_past("$due_at")]},
            },
            {
                "$set": {
                    "state": target(Move.CLAIM, State.CLAIMED),
                    "attempt": {"id": claim, "until": until},
                },
                "$unset": {"due_at": ""},
            },
        )
        return result.modified_count

    def _won_by(self, claim: str, ids: list[str]) -> list[str]:
        """Somebody else was faster with some, or the reply was lost: who carries our token is ours."""
        carrying = {"_id": {"$in": ids}, "state": State.CLAIMED, "attempt.id": claim}
        mine = {document["_id"] for document in self._contacts.find(carrying, {"_id": 1}, batch_size=len(ids))}
        return [contact_id for contact_id in ids if contact_id in mine]

    def _give_back(self, move: Move, claimed: Sequence[Claimed], stages: list[Stage]) -> int:
        """All from one claim, so that one update guards them all."""
        if not claimed:
            return 0
        (claim,) = {claim_of(one.attempt_id) for one in claimed}
        with available():
            result = self._contacts.update_many(
                {
                    "_id": {"$in": [one.contact_id for one in claimed]},
                    "state": states(move),
                    "attempt.id": claim,
                },
                stages,
            )
            return result.modified_count


def due(campaign_id: str, now: datetime) -> Document:
    """A campaign's contacts whose time has come."""
    return {"campaign_id": campaign_id, "due_at": {"$lte": now}}


def _claimed(candidate: Document, claim: str) -> Claimed:
    contact_id = candidate["_id"]
    return Claimed(
        contact_id=contact_id,
        attempt_id=attempt_id(contact_id, claim),
        phone=candidate["phone"],
        region=candidate.get("region", ""),
        priority=candidate["priority"],
        due_at=candidate["due_at"],
    )
