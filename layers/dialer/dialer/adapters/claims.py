"""Claims: the tick's verbs on contacts (T1, T1b, T2)."""

from collections.abc import Sequence
from datetime import datetime

from pymongo.collection import Collection
from pymongo.errors import PyMongoError

from dialer.adapters.contact_documents import (
    BOOKED_INDEX,
    CLAIM_INDEX,
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


class MongoClaims:
    """Claims in batches: a covered select of candidates, one guarded update, and a read-back by the claim's token."""

    def __init__(self, contacts: Collection[Document]) -> None:
        self._contacts = contacts

    def count_booked(self, campaign_id: str, *, limit: int) -> int:
        with available():
            return self._contacts.count_documents(booked_in(campaign_id, BOOKED), limit=limit, hint=BOOKED_INDEX)

    def claim_due(
        self, campaign_id: str, *, claim: str, limit: int, until: datetime, now: datetime
    ) -> Sequence[Claimed]:
        with available():
            ids = self._candidates(campaign_id, limit=limit, now=now)
            if not ids:
                return []
            try:
                won = self._claim(ids, claim=claim, until=until)
            except PyMongoError:
                won = None  # applied or not: only the read-back knows
            return [] if won == 0 else self._claimed_by(ids, claim)

    def sift(self, claimed: Sequence[Claimed], *, to: State, due_at: datetime | None, reason: str) -> int:
        target(Move.SIFT, to)
        stages = to_pending(due_at, reason=reason) if to is State.PENDING else to_terminal(to, reason=reason)
        return self._give_back(Move.SIFT, claimed, stages)

    def unsend(self, claimed: Sequence[Claimed]) -> int:
        return self._give_back(Move.UNSEND, claimed, to_pending("$$NOW", reason="the queue did not take it"))

    def _candidates(self, campaign_id: str, *, limit: int, now: datetime) -> list[str]:
        """Ids from the index alone. The function's clock only chooses here; the update guards with the server's."""
        found = self._contacts.find(
            {"campaign_id": campaign_id, "due_at": {"$lte": now}},
            {"_id": 1},
            sort=[("priority", -1), ("due_at", 1), ("_id", 1)],
            limit=limit,
            hint=CLAIM_INDEX,
            batch_size=limit,
        )
        return [document["_id"] for document in found]

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

    def _claimed_by(self, ids: list[str], claim: str) -> list[Claimed]:
        found = self._contacts.find(
            {"_id": {"$in": ids}, "state": State.CLAIMED, "attempt.id": claim}, {"phone": 1, "region": 1}
        )
        order = {contact_id: index for index, contact_id in enumerate(ids)}
        mine = [
            Claimed(
                contact_id=document["_id"],
                attempt_id=attempt_id(document["_id"], claim),
                phone=document["phone"],
                region=document.get("region", ""),
            )
            for document in found
        ]
        return sorted(mine, key=lambda one: order[one.contact_id])

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
