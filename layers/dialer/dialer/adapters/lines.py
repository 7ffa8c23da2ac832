"""Lines: the call function's verbs on a contact (T4-T11)."""

from datetime import timedelta
from typing import Any

from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError, PyMongoError

from dialer.adapters.contact_documents import (
    Stage,
    archive,
    contact_of,
    count_booked_in,
    from_now,
    guard,
    is_date,
    milliseconds,
    no_other_call,
    no_sooner_than_asked,
    to_pending,
    to_placed,
    to_terminal,
    to_uncertain,
)
from dialer.adapters.mongo import Document, available, linearizable, literal
from dialer.errors import PhoneBusy, Unproven
from dialer.lifecycle import LIVE, Move, State, target
from dialer.model import NO_GROUNDS, CallMessage, Contact, Grounds, Number, Outcome, attempt_of
from dialer.ports import Acceptance

_PROOF_MS = 3000


class MongoLines:
    """One contact at a time, each verb one compare-and-set scoped to the attempt and, while dialing, to its token."""

    def __init__(self, contacts: Collection[Document]) -> None:
        self._contacts = contacts

    def take_line(
        self,
        message: CallMessage,
        *,
        token: str,
        from_number: str,
        silence: timedelta,
        patience: timedelta,
        talk_limit: timedelta,
        grounds: Grounds = NO_GROUNDS,
    ) -> Contact | None:
        attempts_left = {"$lt": ["$used", "$max"]}
        slot_is_here = {"$lte": [literal(message.slot_at), "$$NOW"]}
        not_too_late = {"$lt": ["$$NOW", literal(message.not_after)]}
        claim_has_an_end = is_date("$attempt.until")
        claim_outlasts_it = {"$lte": [literal(message.not_after), "$attempt.until"]}
        permission = guard(
            Move.TAKE_LINE,
            message.contact_id,
            message.attempt_id,
            attempts_left,
            slot_is_here,
            not_too_late,
            claim_has_an_end,
            claim_outlasts_it,
        )
        taken: list[Stage] = [
            {
                "$set": {
                    "state": target(Move.TAKE_LINE, State.DIALING),
                    "used": {"$add": ["$used", 1]},
                    "reason": "",
                    "attempt.token": literal(token),
                    "attempt.n": {"$add": ["$used", 1]},
                    "attempt.from": literal(from_number),
                    "attempt.dial_at": "$$NOW",
                    "attempt.until": from_now(silence),
                    "attempt.patience_ms": milliseconds(patience),
                    "attempt.talk_limit_ms": milliseconds(talk_limit),
                    "attempt.rank": 0,
                    "attempt.region": {"$ifNull": ["$region", ""]},  # a list may say another one later
                    "attempt.rules": literal(grounds.rules),
                    "attempt.rule": literal(grounds.rule),
                    "attempt.zone_source": literal(grounds.zone_source),
                }
            }
        ]
        try:
            document = self._contacts.find_one_and_update(permission, taken, return_document=ReturnDocument.AFTER)
        except DuplicateKeyError:
            raise PhoneBusy("another contact with this phone has an unsettled attempt") from None
        except PyMongoError as lost:
            document = self._proof_of(message.contact_id, token, lost)
        return contact_of(document) if document else None

    def _proof_of(self, contact_id: str, token: str, lost: PyMongoError) -> Document:
        """The write's reply was lost: dial only when the database, read as it stands now, shows our token."""
        try:
            document = linearizable(self._contacts).find_one(
                {"_id": contact_id, "attempt.token": token}, max_time_ms=_PROOF_MS
            )
        except PyMongoError as silent:
            raise Unproven(f"the line may or may not be ours ({type(silent).__name__})") from silent
        if document is None:
            raise Unproven(f"the line is not ours yet, and the write may still arrive ({type(lost).__name__})")
        return document

    def explain(self, contact_id: str) -> Contact | None:
        with available():
            document = self._contacts.find_one({"_id": contact_id})
            return contact_of(document) if document else None

    def put_off(self, message: CallMessage, *, after: timedelta, reason: str, setbacks: int = 0) -> bool:
        stages = to_pending(from_now(after), reason=reason, setbacks=setbacks)
        return self._move(guard(Move.PUT_OFF, message.contact_id, message.attempt_id), stages)

    def forbid(self, contact: Contact, *, to: State, due_at: Any, reason: str) -> bool:
        stages = (
            to_pending(no_sooner_than_asked(due_at), reason=reason, used=-1)
            if target(Move.FORBID, to) is State.PENDING
            else to_terminal(to, reason=reason, used=-1)
        )
        return self._move(self._mine(Move.FORBID, contact), stages)

    def step_back(self, contact: Contact, *, after: timedelta, reason: str) -> bool:
        stages = to_pending(no_sooner_than_asked(from_now(after)), reason=reason, used=-1, setbacks=1)
        return self._move(self._mine(Move.STEP_BACK, contact), stages)

    def accept(self, contact: Contact, *, sid: str) -> Acceptance:
        try:
            if self._move(self._attempt(Move.ACCEPT, contact) | no_other_call(sid), to_placed(sid)):
                return Acceptance(written=True)
            return self._not_accepted(contact, sid)
        except DuplicateKeyError:
            return Acceptance(written=False, alarm=f"call {sid} already belongs to another contact")

    def _not_accepted(self, contact: Contact, sid: str) -> Acceptance:
        """A webhook was faster, or something is wrong that a person must know of."""
        now = self.explain(contact.id)
        if now is None:
            return Acceptance(written=False, alarm=f"the contact of call {sid} is gone")
        if any(past.id == attempt_of(contact).id and past.sid == sid for past in now.history):
            return Acceptance(written=True)
        if self._move(self._attempt(Move.RECOVER, contact), [*_dialed_again(contact), *to_placed(sid)]):
            return Acceptance(written=True, alarm=f"call {sid} was dialed on a permission that was rolled back")
        return Acceptance(written=False, alarm=f"call {sid} is a second call for one attempt")

    def refuse(self, contact: Contact, *, reason: str, other: Number | None = None) -> bool:
        to = target(Move.REFUSE, State.PENDING if other else State.FAILED)
        end = to_terminal(to, reason=reason, tried=True)
        if other:
            due_at = no_sooner_than_asked("$$NOW")
            end = to_pending(due_at, reason=reason, used=-1, number=other, tried=True)
        return self._move(self._mine(Move.REFUSE, contact), [*archive(Outcome.REFUSED, detail=reason), *end])

    def not_placed(self, contact: Contact, *, after: timedelta, reason: str) -> bool:
        stages = to_pending(no_sooner_than_asked(from_now(after)), reason=reason, used=-1, setbacks=1)
        return self._move(self._mine(Move.NOT_PLACED, contact), stages)

    def doubt(self, contact: Contact, *, poll: timedelta, reason: str) -> bool:
        return self._move(self._mine(Move.DOUBT, contact), to_uncertain(poll, reason=reason))

    def count_live(self, campaign_id: str, *, limit: int) -> int:
        with available():
            return count_booked_in(self._contacts, campaign_id, LIVE, limit=limit)

    def _attempt(self, move: Move, contact: Contact) -> Document:
        return guard(move, contact.id, attempt_of(contact).id)

    def _mine(self, move: Move, contact: Contact) -> Document:
        return self._attempt(move, contact) | {"attempt.token": attempt_of(contact).token}

    def _move(self, permission: Document, stages: list[Stage]) -> bool:
        """Whether the guard let it through; the same again in the same millisecond modifies nothing, and counts."""
        with available():
            return self._contacts.update_one(permission, stages).matched_count == 1


def _dialed_again(contact: Contact) -> list[Stage]:
    """What the rolled-back permission had written, as far as its holder knows it."""
    attempt = attempt_of(contact)
    facts = {
        "token": literal(attempt.token),
        "n": attempt.n,
        "from": literal(attempt.from_number),
        "dial_at": attempt.dial_at,
        "rank": attempt.rank,
        "region": literal(attempt.region),
        "rules": literal(attempt.rules),
        "rule": literal(attempt.rule),
        "zone_source": literal(attempt.zone_source),
    }
    return [{"$set": {"used": {"$add": ["$used", 1]}, **{f"attempt.{name}": value for name, value in facts.items()}}}]
