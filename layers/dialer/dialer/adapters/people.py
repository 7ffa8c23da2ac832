"""People: contacts as an operator looks for them, and the moves that only a person makes."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bson import MaxKey, MinKey
from pymongo.collection import Collection

from dialer.adapters.contact_documents import (
    BOOKED_INDEX,
    CLAIM_INDEX,
    EXTERNAL_INDEX,
    INDEXES,
    SETTLED_INDEX,
    contact_of,
    contacts_of,
    having,
    no_sooner_than_asked,
    states,
    to_pending,
    to_terminal,
)
from dialer.adapters.mongo import Document, available, literal
from dialer.errors import BadInput
from dialer.lifecycle import LIVE, TERMINAL, UNSETTLED, Move, State, target
from dialer.model import Contact, claim_of
from dialer.office_ports import ContactPage

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""When somebody on hold is due."""
_HELD_BACK = {"due_at": NEVER}
DUE_BEFORE_HOLD = "due_before_hold"
"""Where it is kept when they would be due otherwise."""
_WAS_DUE = {"$cond": [{"$eq": ["$due_at", NEVER]}, f"${DUE_BEFORE_HOLD}", "$due_at"]}
_NO_CURSOR = "This cursor is none of ours: take `next` of the page before."
_MOST_SHARING = 1000  # contacts with one phone: one in each campaign


class MongoPeople:
    """Every search by an index of its own; every move one compare-and-set on what the person saw."""

    def __init__(self, contacts: Collection[Document]) -> None:
        self._contacts = contacts

    def find(self, contact_id: str) -> Contact | None:
        with available():
            document = self._contacts.find_one({"_id": contact_id})
        return contact_of(document) if document else None

    def with_phone(self, phone: str) -> Sequence[Contact]:
        with available():
            return contacts_of(self._contacts.find(having([phone]), limit=_MOST_SHARING))

    def with_external_id(self, external_id: str) -> Sequence[Contact]:
        wanted = {"external_id": {"$eq": external_id, "$gt": ""}}
        with available():
            return contacts_of(self._contacts.find(wanted, limit=_MOST_SHARING, hint=EXTERNAL_INDEX))

    def in_state(self, campaign_id: str, state: State, *, limit: int, cursor: str) -> ContactPage:
        """Whoever waits in the order of the queue, whoever is settled the latest first, whoever is in flight by id."""
        with available():
            if state is State.PENDING:
                return self._waiting(campaign_id, limit, cursor)
            if state in TERMINAL:
                return self._settled(campaign_id, state, limit, cursor)
            return self._in_flight(campaign_id, state, limit, cursor)

    def _waiting(self, campaign_id: str, limit: int, cursor: str) -> ContactPage:
        keys, _ = INDEXES[CLAIM_INDEX]
        start: list[tuple[str, Any]] = [("campaign_id", campaign_id), *_before_all(keys[1:])]
        if cursor:
            region, priority, due, contact_id = _parts(cursor, 4)
            place = [region, _number(priority), _moment(due), contact_id, MaxKey()]
            start = [("campaign_id", campaign_id), *zip((name for name, _ in keys[1:]), place, strict=True)]
        end: list[tuple[str, Any]] = [("campaign_id", campaign_id), *_behind_all(keys[1:])]
        found = self._contacts.find({}, sort=keys[1:5], limit=limit, hint=keys).min(start).max(end)
        return _page(list(found), limit, _place_in_queue)

    def _settled(self, campaign_id: str, state: State, limit: int, cursor: str) -> ContactPage:
        """Many may be settled in one millisecond: the cursor says how many of them have been shown."""
        wanted: Document = {"campaign_id": campaign_id, "state": state}
        shown, moment = 0, ""
        if cursor:
            moment, told = _parts(cursor, 2)
            shown = _count(told)
            wanted["settled_at"] = {"$lte": _moment(moment)}
        found = self._contacts.find(wanted, sort=[("settled_at", -1)], skip=shown, limit=limit, hint=SETTLED_INDEX)
        documents = list(found)
        last = _milliseconds(documents[-1]["settled_at"]) if documents else ""
        alike = sum(1 for one in documents if _milliseconds(one["settled_at"]) == last)
        before = shown if last == moment else 0
        return _page(documents, limit, lambda _: f"{last}~{before + alike}")

    def _in_flight(self, campaign_id: str, state: State, limit: int, cursor: str) -> ContactPage:
        """Few, so they may be sorted."""
        wanted: Document = {"campaign_id": campaign_id, "state": state}
        if cursor:
            (contact_id,) = _parts(cursor, 1)
            wanted["_id"] = {"$gt": contact_id}
        documents = list(self._contacts.find(wanted, sort=[("_id", 1)], limit=limit, hint=BOOKED_INDEX))
        return _page(documents, limit, lambda one: str(one["_id"]))

    def hold_back(self, contact: Contact, *, reason: str) -> bool:
        target(Move.POSTPONE, State.PENDING)
        held = to_pending(literal(NEVER), reason=f"on hold: {reason}")
        return self._move(Move.POSTPONE, contact, {}, [{"$set": {DUE_BEFORE_HOLD: _WAS_DUE}}, *held])

    def let_go(self, contact: Contact, *, reason: str) -> bool:
        target(Move.POSTPONE, State.PENDING)
        due_at = no_sooner_than_asked({"$max": ["$$NOW", f"${DUE_BEFORE_HOLD}"]})
        released = to_pending(due_at, reason=f"released: {reason}")
        return self._move(Move.POSTPONE, contact, _HELD_BACK, [*released, {"$unset": DUE_BEFORE_HOLD}])

    def call_back(self, contact: Contact, *, at: datetime, reason: str) -> bool:
        target(Move.POSTPONE, State.PENDING)
        then = to_pending(literal(at), reason=f"to be called back: {reason}")
        not_on_hold = {"due_at": {"$ne": NEVER}}
        return self._move(Move.POSTPONE, contact, not_on_hold, [*then, {"$set": {"callback_at": literal(at)}}])

    def remember(self, contact: Contact, *, at: datetime) -> bool:
        if contact.attempt is None:
            return False
        called = {"_id": contact.id, "state": {"$in": sorted(LIVE)}, "attempt.id": claim_of(contact.attempt.id)}
        attempts_left = {"$expr": {"$lt": ["$used", "$max"]}}
        with available():
            return self._contacts.update_one(called | attempts_left, {"$set": {"callback_at": at}}).matched_count == 1

    def cancel(self, contact: Contact, *, reason: str) -> bool:
        to = target(Move.CANCEL, State.FAILED)
        return self._move(Move.CANCEL, contact, {}, to_terminal(to, reason=f"cancelled: {reason}"))

    def erase(self, contact: Contact) -> bool:
        """Remove the document, unless its phone may be ringing."""
        forgettable = {"_id": contact.id, "listed": contact.listed, "state": {"$nin": sorted(UNSETTLED)}}
        with available():
            return self._contacts.delete_one(forgettable).deleted_count == 1

    def _move(self, move: Move, contact: Contact, more: Mapping[str, Any], stages: list[Document]) -> bool:
        """On the attempt that the person saw, or on none where they saw none."""
        attempt = claim_of(contact.attempt.id) if contact.attempt else None
        guard = {"_id": contact.id, "state": states(move), "attempt.id": attempt, **more}
        with available():
            return self._contacts.update_one(guard, stages).matched_count == 1


def _before_all(keys: Sequence[tuple[str, int]]) -> list[tuple[str, Any]]:
    return [(name, MinKey() if direction > 0 else MaxKey()) for name, direction in keys]


def _behind_all(keys: Sequence[tuple[str, int]]) -> list[tuple[str, Any]]:
    return _before_all([(name, -direction) for name, direction in keys])


def _place_in_queue(one: Document) -> str:
    return f"{one['region']}~{one['priority']}~{_milliseconds(one['due_at'])}~{one['_id']}"


def _page(documents: Sequence[Document], limit: int, cursor: Any) -> ContactPage:
    full = len(documents) == limit and documents
    return ContactPage(contacts=contacts_of(documents), next=cursor(documents[-1]) if full else "")


def _parts(cursor: str, count: int) -> Sequence[str]:
    parts = cursor.split("~")
    if len(parts) != count:
        raise BadInput(_NO_CURSOR)
    return parts


def _number(text: str) -> int:
    if not text.removeprefix("-").isdecimal() or len(text) > 15:
        raise BadInput(_NO_CURSOR)
    return int(text)


def _count(text: str) -> int:
    if (count := _number(text)) < 0:
        raise BadInput(_NO_CURSOR)
    return count


def _milliseconds(moment: datetime) -> str:
    return str(round(moment.timestamp() * 1000))


def _moment(text: str) -> datetime:
    try:
        return datetime.fromtimestamp(_number(text) / 1000, UTC)
    except (ValueError, OverflowError):
        raise BadInput(_NO_CURSOR) from None
