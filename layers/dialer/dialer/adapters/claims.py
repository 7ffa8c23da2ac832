"""Claims: the tick's verbs on contacts (T1, T1b, T2)."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any

from pymongo.collection import Collection
from pymongo.errors import PyMongoError

from dialer.adapters.contact_documents import (
    CLAIM_INDEX,
    Stage,
    count_booked_in,
    is_past,
    regions_waiting_in,
    states,
    to_pending,
    to_terminal,
)
from dialer.adapters.mongo import Document, available
from dialer.lifecycle import BOOKED, Move, State, target
from dialer.model import Claimed, attempt_id, claim_of

_GROUPS_AT_ONCE = 150  # the database merges at most 200 ranges of an index; above that it would sort them
_CANDIDATE = {"_id": 1, "phone": 1, "region": 1, "priority": 1, "due_at": 1}
_QUEUE = [("priority", -1), ("due_at", 1), ("_id", 1)]


class MongoClaims:
    """Claims in batches: a covered select of candidates, then one guarded update.

    When its reply does not say that all of them were won, they are read back by the claim's token.
    """

    def __init__(self, contacts: Collection[Document]) -> None:
        self._contacts = contacts

    def count_booked(self, campaign_id: str, *, limit: int) -> int:
        with available():
            return count_booked_in(self._contacts, campaign_id, BOOKED, limit=limit)

    def regions_waiting(self, campaign_id: str) -> Sequence[str]:
        with available():
            return regions_waiting_in(self._contacts, campaign_id)

    def anyone_due(self, campaign_id: str, *, now: datetime, among: Sequence[str] | None = None) -> bool:
        with available():
            return bool(self._first(_Queue(campaign_id, self._all_if_none(campaign_id, among), now), limit=1))

    def claim_due(
        self,
        campaign_id: str,
        *,
        claim: str,
        limit: int,
        until: datetime,
        now: datetime,
        behind: Claimed | None = None,
        among: Sequence[str] | None = None,
    ) -> Sequence[Claimed]:
        with available():
            queue = _Queue(campaign_id, self._all_if_none(campaign_id, among), now)
            found = {one["_id"]: one for one in self._candidates(queue, limit, behind)}
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

    def _all_if_none(self, campaign_id: str, among: Sequence[str] | None) -> Sequence[str]:
        return self.regions_waiting(campaign_id) if among is None else among

    def _candidates(self, queue: "_Queue", limit: int, behind: Claimed | None) -> Sequence[Document]:
        """From the index alone. The function's clock only chooses here; the update guards with the server's.

        Behind a place, because claimed keys stay in the index's pages for minutes: each batch would walk past all the
        batches before it.
        """
        if behind is None:
            return self._first(queue, limit=limit)
        found: list[Document] = []
        for rest in queue.behind(behind):
            if len(found) < limit:
                found += self._first(rest, limit=limit - len(found))
        return found

    def _first(self, queue: "_Queue", *, limit: int) -> list[Document]:
        """The first of the queue, in its order, which each zone group has in the index: they are merged."""
        lanes = [
            self._contacts.find(wanted, _CANDIDATE, sort=queue.order, limit=limit, hint=CLAIM_INDEX, batch_size=limit)
            for wanted in queue.filters()
        ]
        return list(islice(merge(*lanes, key=_place), limit))

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


class _Queue:
    """Whose time has come, in some zone groups of a campaign; or what of them stands behind a place."""

    def __init__(self, campaign_id: str, among: Sequence[str], now: datetime, **narrower: Any) -> None:
        self._of = (campaign_id, among, now)
        self._wanted = {"due_at": {"$lte": now}, **narrower}
        # By what is the same for all of them the database would sort, instead of merging the ranges of the index.
        self.order = [(name, way) for name, way in _QUEUE if isinstance(self._wanted.get(name, {}), dict)]

    def filters(self) -> Iterator[Document]:
        """As many as it takes for the database to merge the groups of each."""
        campaign_id, among, _ = self._of
        for start in range(0, len(among), _GROUPS_AT_ONCE):
            groups = list(among[start : start + _GROUPS_AT_ONCE])
            yield {"campaign_id": campaign_id, "region": {"$in": groups}, **self._wanted}

    def behind(self, last: Claimed) -> Iterator["_Queue"]:
        """What follows somebody of this queue, in order: each is one range of every group's part of the index."""
        _, _, now = self._of
        yield _Queue(*self._of, priority=last.priority, due_at=last.due_at, _id={"$gt": last.contact_id})
        yield _Queue(*self._of, priority=last.priority, due_at={"$gt": last.due_at, "$lte": now})
        yield _Queue(*self._of, priority={"$lt": last.priority})


def _place(candidate: Document) -> tuple[int, datetime, str]:
    return -candidate["priority"], candidate["due_at"], candidate["_id"]


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
