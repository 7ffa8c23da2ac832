"""The floor: who is on the line, who was called last, and who waits where; every look by an index."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pymongo import timeout
from pymongo.collection import Collection

from dialer.adapters.contact_documents import BOOKED_INDEX, CLAIM_INDEX, SETTLED_INDEX, booked_in, contacts_of
from dialer.adapters.mongo import Document, available
from dialer.adapters.people import NEVER
from dialer.adapters.remembering import Remembering
from dialer.lifecycle import IN_FLIGHT, LIVE, State
from dialer.model import Contact
from dialer.office_ports import Standing, WaitingGroup
from dialer.ports import Clock

_BEGINNING = datetime.min.replace(tzinfo=UTC)  # `$exists` would read every document
_COUNTING_S = 60  # ten million contacts take a few seconds
_AT_LEAST_S = 1.5
_MOST_IN_FLIGHT = 20_000  # twice the lines that a campaign may have
_MOST_REASONS = 100
_LONGEST_REASON = 100
_CALLED = (State.DONE, State.FAILED)


class MongoFloor:
    """Reads alone: what is shown decides nothing."""

    def __init__(self, contacts: Collection[Document], *, clock: Clock) -> None:
        self._contacts = contacts
        self._standing: Remembering[Sequence[Standing]] = Remembering(clock, at_least=_AT_LEAST_S)
        self._waiting: Remembering[Sequence[WaitingGroup]] = Remembering(clock, at_least=_AT_LEAST_S)
        self._latest: Remembering[Sequence[Contact]] = Remembering(clock, at_least=_AT_LEAST_S)

    def in_flight(self, campaign_id: str) -> Sequence[Standing]:
        return self._standing(campaign_id, lambda: self._in_flight(campaign_id))

    def waiting(self, campaign_id: str, *, now: datetime) -> Sequence[WaitingGroup]:
        return self._waiting(campaign_id, lambda: self._all_waiting(campaign_id, now))

    def latest(self, campaign_id: str, *, limit: int) -> Sequence[Contact]:
        return self._latest(f"{campaign_id} {limit}", lambda: self._called(campaign_id, limit))

    def _in_flight(self, campaign_id: str) -> Sequence[Standing]:
        """At most as many as have lines, and those who are held."""
        reason = {"$substrCP": [{"$ifNull": ["$reason", ""]}, 0, _LONGEST_REASON]}
        of = {"state": "$state", "status": {"$ifNull": ["$attempt.status", ""]}, "reason": reason}
        stages: list[Document] = [
            {"$match": booked_in(campaign_id, IN_FLIGHT)},
            {"$limit": _MOST_IN_FLIGHT},
            {"$group": {"_id": of, "n": {"$sum": 1}}},
            {"$sort": {"n": -1}},
            {"$limit": _MOST_REASONS},
        ]
        with available():
            found = list(self._contacts.aggregate(stages, hint=BOOKED_INDEX))
        return [
            Standing(
                state=State(one["_id"]["state"]),
                status=one["_id"]["status"],
                reason=one["_id"]["reason"],
                contacts=one["n"],
            )
            for one in found
        ]

    def _all_waiting(self, campaign_id: str, now: datetime) -> Sequence[WaitingGroup]:
        """From the keys of the queue alone, the largest first."""
        is_held = {"$gte": ["$due_at", NEVER]}
        later = {"$and": [{"$gt": ["$due_at", now]}, {"$lt": ["$due_at", NEVER]}]}
        stages: list[Document] = [
            {"$match": {"campaign_id": campaign_id, "due_at": {"$gte": _BEGINNING}}},
            {"$project": {"_id": 0, "region": 1, "due_at": 1}},
            {
                "$group": {
                    "_id": "$region",
                    "n": {"$sum": 1},
                    "due": {"$sum": _one_if({"$lte": ["$due_at", now]})},
                    "held": {"$sum": _one_if(is_held)},
                    "next": {"$min": {"$cond": [later, "$due_at", None]}},
                }
            },
            {"$sort": {"n": -1, "_id": 1}},
        ]
        with available(), timeout(_COUNTING_S):
            found = list(self._contacts.aggregate(stages, hint=CLAIM_INDEX))
        return [
            WaitingGroup(
                region=one["_id"] or "",
                contacts=one["n"],
                due=one["due"],
                held_back=one["held"],
                next_at=one["next"],
            )
            for one in found
        ]

    def _called(self, campaign_id: str, limit: int) -> Sequence[Contact]:
        """Whoever is on the line, and whoever was settled last, by the moment of their call."""
        with available():
            on_the_line = self._contacts.find(booked_in(campaign_id, LIVE), limit=limit, hint=BOOKED_INDEX)
            settled = [self._settled_last(campaign_id, state, limit) for state in _CALLED]
            found = contacts_of([*on_the_line, *(one for some in settled for one in some)])
        called = [contact for contact in found if _called_at(contact)]
        return sorted(called, key=_moment, reverse=True)[:limit]

    def _settled_last(self, campaign_id: str, state: State, limit: int) -> Sequence[Document]:
        wanted = {"campaign_id": campaign_id, "state": state}
        return list(self._contacts.find(wanted, sort=[("settled_at", -1)], limit=limit, hint=SETTLED_INDEX))


def _called_at(contact: Contact) -> datetime | None:
    if contact.attempt and contact.attempt.dial_at:
        return contact.attempt.dial_at
    return contact.history[-1].dial_at if contact.history else None


def _moment(contact: Contact) -> datetime:
    moment = _called_at(contact)
    assert moment is not None  # noqa: S101  only those who were called are sorted
    return moment


def _one_if(condition: Any) -> Document:
    return {"$cond": [condition, 1, 0]}
