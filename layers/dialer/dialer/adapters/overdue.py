"""Overdue: reconcile's verbs on contacts that have outlived their attempt's `until` (T3, T12, T14)."""

from collections.abc import Sequence
from datetime import timedelta

from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from dialer.adapters.contact_documents import (
    UNTIL_INDEX,
    Stage,
    archive,
    contact_of,
    contacts_of,
    from_now,
    guard,
    having,
    is_past,
    milliseconds,
    no_other_call,
    no_sooner_than_asked,
    states,
    to_pending,
    to_placed,
    to_terminal,
    to_uncertain,
)
from dialer.adapters.decisions import noted
from dialer.adapters.mongo import Document, available, database_clock, literal, readable
from dialer.lifecycle import Move, State, target
from dialer.model import Contact, Outcome, attempt_of, claim_of
from dialer.ports import ContactBatch
from dialer.retry import RetryDecision

_OVERDUE = is_past("$attempt.until")
_ADOPTED = "the carrier's list has one call that can be this attempt's"


class MongoOverdue:
    """Finds by the index on (state, until); every guard asks again by the database's clock."""

    def __init__(self, contacts: Collection[Document]) -> None:
        self._contacts = contacts

    def overdue(self, state: State, *, limit: int) -> ContactBatch:
        with available():
            now = database_clock(self._contacts.database)
            found = self._contacts.find(
                {"state": state, "attempt.until": {"$lte": now}},
                sort=[("attempt.until", 1)],
                limit=limit,
                hint=UNTIL_INDEX,
            )
            contacts, unreadable = readable(found, contact_of)
        return ContactBatch(contacts=contacts, unreadable=unreadable)

    def expire_claims(self, contacts: Sequence[Contact], *, to: State, reason: str) -> int:
        target(Move.EXPIRE, to)
        stages = to_pending("$$NOW", reason=reason) if to is State.PENDING else to_terminal(to, reason=reason)
        return self._each_overdue(Move.EXPIRE, contacts, stages)

    def fall_silent(self, contacts: Sequence[Contact]) -> int:
        stages = to_uncertain(timedelta(0), reason="the function that dialed never said what happened")
        return self._each_overdue(Move.FALL_SILENT, contacts, stages)

    def sharing_phone(self, phone: str) -> Sequence[Contact]:
        with available():
            return contacts_of(self._contacts.find(having([phone])))

    def look_again(self, contact: Contact, *, after: timedelta) -> bool:
        same = {"_id": contact.id, "state": contact.state, "attempt.id": claim_of(attempt_of(contact).id)}
        return self._update(same, [{"$set": {"attempt.until": from_now(after)}}])

    def adopt(self, contact: Contact, *, sid: str) -> bool:
        try:
            adopted: Stage = {"$set": noted(State.PLACED, _ADOPTED)}
            return self._update(self._guard(Move.ADOPT, contact) | no_other_call(sid), [*to_placed(sid), adopted])
        except DuplicateKeyError:
            return False

    def hold(self, contact: Contact, *, limit: timedelta, reason: str) -> bool:
        held: Stage = {
            "$set": {
                "state": target(Move.HOLD, State.HELD),
                "reason": literal(reason),
                "attempt.until": {"$add": ["$attempt.dial_at", milliseconds(limit)]},
                **noted(State.HELD, reason),
            }
        }
        return self._update(self._guard(Move.HOLD, contact), [held])

    def release(self, contact: Contact, *, decision: RetryDecision, reason: str) -> bool:
        return self._end_unknown(Move.RELEASE, contact.id, attempt_of(contact).id, decision, reason)

    def give_up(self, contact: Contact, *, reason: str) -> bool:
        decision = RetryDecision(state=State.FAILED)
        return self._end_unknown(Move.GIVE_UP, contact.id, attempt_of(contact).id, decision, reason)

    def resolve(self, contact_id: str, attempt_id: str, *, decision: RetryDecision, reason: str) -> bool:
        return self._end_unknown(Move.RESOLVE, contact_id, attempt_id, decision, reason)

    def _end_unknown(self, move: Move, contact_id: str, attempt_id: str, decision: RetryDecision, reason: str) -> bool:
        target(move, decision.state)
        return self._update(guard(move, contact_id, attempt_id, *_room(decision.state)), _unknown(decision, reason))

    def _each_overdue(self, move: Move, contacts: Sequence[Contact], stages: list[Stage]) -> int:
        """Many at once: an attempt that has been renewed since has a later `until` and is left alone."""
        ids = [contact.id for contact in contacts]
        with available():
            result = self._contacts.update_many({"_id": {"$in": ids}, "state": states(move), "$expr": _OVERDUE}, stages)
            return result.modified_count

    def _guard(self, move: Move, contact: Contact) -> Document:
        return guard(move, contact.id, attempt_of(contact).id)

    def _update(self, permission: Document, stages: list[Stage]) -> bool:
        with available():
            return self._contacts.update_one(permission, stages).modified_count == 1


def _room(to: State) -> list[Stage]:
    """Only who has an attempt left may wait for one: the others every tick would choose, and none could claim."""
    return [{"$lt": ["$used", "$max"]}] if to is State.PENDING else []


def _unknown(decision: RetryDecision, reason: str) -> list[Stage]:
    """The attempt ends without anybody knowing whether it reached the person; due at once, or when it was decided."""
    end = to_terminal(decision.state, reason=reason, tried=True)
    if decision.waits:
        due_at = no_sooner_than_asked(decision.due_at) if decision.due_at else "$$NOW"
        end = to_pending(due_at, reason=reason, number=decision.number, tried=True)
    return [*archive(Outcome.UNKNOWN, detail=reason), *end]
