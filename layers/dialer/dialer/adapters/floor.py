"""The floor: who is on the line, who was called last, and who waits where; every look by an index."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from pymongo import timeout
from pymongo.collection import Collection

from dialer.adapters.contact_documents import (
    BOOKED_INDEX,
    CLAIM_INDEX,
    ENDED_INDEX,
    REASON_INDEX,
    attempted_in,
    booked_in,
    contacts_of,
    waiting_in,
)
from dialer.adapters.mongo import Document, available
from dialer.adapters.people import NEVER
from dialer.adapters.remembering import Remembering
from dialer.lifecycle import IN_FLIGHT, LIVE, State
from dialer.model import Contact
from dialer.office_ports import Called, Standing, Wait, WaitingGroup
from dialer.ports import Clock

_BEGINNING = datetime.min.replace(tzinfo=UTC)
_COUNTING_S = 60  # ten million contacts take a few seconds
_AT_LEAST_S = 1.5
_MOST_IN_FLIGHT = 20_000  # twice the lines that a campaign may have
_MOST_REASONS = 100
_LONGEST_REASON = 100
_MOST_WAITS = 30
_OTHER = "other"


class MongoFloor:
    """Reads alone: what is shown decides nothing."""

    def __init__(self, contacts: Collection[Document], *, clock: Clock) -> None:
        self._contacts = contacts
        self._standing: Remembering[Sequence[Standing]] = Remembering(clock, at_least=_AT_LEAST_S)
        self._waiting: Remembering[Sequence[WaitingGroup]] = Remembering(clock, at_least=_AT_LEAST_S)
        self._waits: Remembering[Sequence[Wait]] = Remembering(clock, at_least=_AT_LEAST_S)
        self._latest: Remembering[Sequence[Called]] = Remembering(clock, at_least=_AT_LEAST_S)

    def in_flight(self, campaign_id: str) -> Sequence[Standing]:
        return self._standing(campaign_id, lambda: self._in_flight(campaign_id))

    def waiting(self, campaign_id: str, *, now: datetime) -> Sequence[WaitingGroup]:
        return self._waiting(campaign_id, lambda: self._all_waiting(campaign_id, now))

    def waits(self, campaign_id: str, *, now: datetime) -> Sequence[Wait]:
        return self._waits(campaign_id, lambda: self._all_waits(campaign_id, now))

    def latest(self, campaign_id: str, *, limit: int) -> Sequence[Called]:
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
        stages: list[Document] = [
            {"$match": waiting_in(campaign_id)},
            {"$project": {"_id": 0, "region": 1, "due_at": 1}},
            {
                "$group": {
                    "_id": "$region",
                    "n": {"$sum": 1},
                    "due": {"$sum": _one_if({"$lte": ["$due_at", now]})},
                    "held": {"$sum": _one_if(is_held)},
                    "next": _next_after(now),
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

    def _all_waits(self, campaign_id: str, now: datetime) -> Sequence[Wait]:
        """From keys alone, of those who have a reason."""
        reason = {"$substrCP": ["$reason", 0, _LONGEST_REASON]}
        stages: list[Document] = [
            {"$match": waiting_in(campaign_id) | {"reason": {"$gt": ""}}},
            {"$project": {"_id": 0, "reason": 1, "due_at": 1}},
            {"$group": {"_id": reason, "n": {"$sum": 1}, "next": _next_after(now)}},
            {"$sort": {"n": -1, "_id": 1}},
        ]
        with available(), timeout(_COUNTING_S):
            found = self._contacts.aggregate(stages, hint=REASON_INDEX)
            waits = [Wait(reason=one["_id"], contacts=one["n"], next_at=one["next"]) for one in found]
        return [*waits[:_MOST_WAITS], *_together(waits[_MOST_WAITS:])]

    def _called(self, campaign_id: str, limit: int) -> Sequence[Called]:
        """The latest ends of all are in the stories of those contacts that have the latest; who hangs up between the
        two looks is in both."""
        with available():
            on_the_line = contacts_of(self._contacts.find(booked_in(campaign_id, LIVE), limit=limit, hint=BOOKED_INDEX))
            found = self._contacts.find(
                attempted_in(campaign_id), sort=[("history.ended_at", -1)], limit=limit, hint=ENDED_INDEX
            )
            over = [call for contact in contacts_of(found) for call in _ended(contact)]
        ended = sorted(over, key=lambda call: call.ended_at or _BEGINNING, reverse=True)[:limit]
        known = {call.attempt_id for call in ended}
        going = [call for contact in on_the_line for call in _going(contact) if call.attempt_id not in known]
        on = going[: max(limit - len(ended), limit // 2)]
        return sorted([*on, *ended[: limit - len(on)]], key=lambda call: call.dialed_at, reverse=True)


def _ended(contact: Contact) -> Iterator[Called]:
    for past in contact.history:
        if past.dial_at:
            yield Called(contact=contact, attempt_id=past.id, dialed_at=past.dial_at, ended_at=past.ended_at)


def _going(contact: Contact) -> Iterator[Called]:
    attempt = contact.attempt
    if attempt and attempt.dial_at:
        yield Called(contact=contact, attempt_id=attempt.id, dialed_at=attempt.dial_at, ended_at=None)


def _together(waits: Sequence[Wait]) -> Iterator[Wait]:
    if waits:
        contacts, moments = sum(one.contacts for one in waits), [one.next_at for one in waits if one.next_at]
        yield Wait(reason=_OTHER, contacts=contacts, next_at=min(moments, default=None))


def _next_after(now: datetime) -> Document:
    """When the next is due of those who are not due, and not on hold."""
    later = {"$and": [{"$gt": ["$due_at", now]}, {"$lt": ["$due_at", NEVER]}]}
    return {"$min": {"$cond": [later, "$due_at", None]}}


def _one_if(condition: Any) -> Document:
    return {"$cond": [condition, 1, 0]}
