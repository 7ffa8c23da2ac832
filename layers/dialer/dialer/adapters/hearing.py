"""Hearing: what the carrier tells us moves a contact forward, and only its own call does (T13, T16)."""

from datetime import timedelta

from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from dialer import call_status
from dialer.adapters.contact_documents import (
    Stage,
    archive,
    contact_of,
    from_now,
    guard,
    holds,
    no_other_call,
    no_sooner_than_asked,
    only_where,
    to_pending,
    to_placed,
    to_terminal,
)
from dialer.adapters.mongo import Document, available, literal
from dialer.lifecycle import Move, target
from dialer.model import CallReport, Contact, Outcome, claim_of
from dialer.ports import CallRef, Heard
from dialer.retry import RetryDecision

_ANSWERS = {"$ifNull": ["$attempt.answers", literal({})]}
_CALLBACK_AT = {"$ifNull": ["$callback_at", None]}
_LEFT = {"$ifNull": ["$attempt.voicemail_left", False]}
_VOICEMAIL_LEFT: list[Stage] = [{"$set": {"attempt.voicemail_left": True}}]


class MongoHearing:
    """Every verb is one guarded update; a webhook that says nothing new changes nothing."""

    def __init__(self, contacts: Collection[Document]) -> None:
        self._contacts = contacts

    def find(self, contact_id: str) -> Contact | None:
        with available():
            document = self._contacts.find_one({"_id": contact_id})
            if document and "vars_of" in document:
                document["vars"] = self._vars_of(document["vars_of"])
            return contact_of(document) if document else None

    def _vars_of(self, contact_id: str) -> dict[str, str]:
        """As they are now; none of somebody who has been erased."""
        other = self._contacts.find_one({"_id": contact_id}, {"vars": 1})
        return other.get("vars", {}) if other else {}

    def hear(self, ref: CallRef, report: CallReport) -> Heard:
        """The guard is within the update, which so tells in one trip whom it moved, and how else they stand."""
        rank = call_status.rank(report.status)
        news = {"$lt": ["$attempt.rank", rank]}
        answered = call_status.is_answered(report.status)
        heard = {"attempt.rank": rank, "attempt.status": literal(report.status)}
        guarded = holds(Move.HEAR, ref.attempt_id, report.sid, news)
        progress = only_where(guarded, to_placed(report.sid, answered=answered, **heard))
        told = {"campaign_id": 1, "stays": {"$cond": [guarded, "$$REMOVE", "$$ROOT"]}}
        try:
            with available():
                before = self._contacts.find_one_and_update({"_id": ref.contact_id}, progress, told)
        except DuplicateKeyError:  # another contact has this call id: its webhook is a stranger's
            return Heard(contact=self.find(ref.contact_id))
        if before is None:
            return Heard()
        return Heard(contact=contact_of(before["stays"])) if "stays" in before else Heard(moved=before["campaign_id"])

    def answer(self, ref: CallRef, *, sid: str) -> bool:
        return bool(self._move(self._own(Move.ANSWER, ref, sid), to_placed(sid, answered=True)))

    def settle(
        self,
        ref: CallRef,
        report: CallReport,
        *,
        outcome: Outcome,
        decision: RetryDecision,
        seen: Contact | None = None,
    ) -> bool:
        story = archive(
            outcome,
            detail=report.detail,
            sid=report.sid,
            answered_by=report.answered_by,
            duration=report.duration,
            price=report.price,
        )
        to = target(Move.SETTLE, decision.state)
        end = to_terminal(to, reason=outcome, tried=True)
        if decision.waits:
            due_at = no_sooner_than_asked(decision.due_at or from_now(decision.after or timedelta(0)))
            used = 0 if decision.counts else -1
            end = to_pending(due_at, reason=outcome, used=used, number=decision.number, tried=True)
        no_news = _as_seen(seen) if seen else []
        return bool(self._move(self._own(Move.SETTLE, ref, report.sid, *no_news), [*story, *end]))

    def note_machine(self, ref: CallRef, *, sid: str, answered_by: str, voicemail_left: bool = False) -> str:
        news = {"$ne": ["$attempt.answered_by", literal(answered_by)]}
        noted: list[Stage] = [{"$set": {"attempt.answered_by": literal(answered_by)}}]
        if voicemail_left:
            noted += _VOICEMAIL_LEFT
        return self._move(self._own(Move.HEAR, ref, sid, news), noted)

    def note_voicemail(self, ref: CallRef, *, sid: str) -> bool:
        return bool(self._move(self._own(Move.HEAR, ref, sid), _VOICEMAIL_LEFT))

    def note_answer(
        self, ref: CallRef, *, name: str, value: str, sid: str = "", call_back: timedelta | None = None
    ) -> bool:
        on = guard(Move.HEAR, ref.contact_id, ref.attempt_id) | (no_other_call(sid) if sid else {})
        over = {"id": claim_of(ref.attempt_id)} | ({"sid": sid} if sid else {})
        asked = {} if call_back is None else {"callback_at": from_now(call_back)}
        with available():
            noted = self._contacts.update_one(on, [{"$set": {f"attempt.answers.{name}": literal(value), **asked}}])
            if not noted.matched_count:
                told = {"_id": ref.contact_id, "history": {"$elemMatch": over}}
                noted = self._contacts.update_one(told, {"$set": {f"history.$.answers.{name}": value}})
            return noted.matched_count == 1

    def note_late(self, ref: CallRef, *, sid: str) -> bool:
        given_up = {"id": claim_of(ref.attempt_id), "sid": ""}
        with available():
            result = self._contacts.update_one(
                {"_id": ref.contact_id, "history": {"$elemMatch": given_up}}, {"$set": {"history.$.sid": sid}}
            )
            return result.modified_count == 1

    def _own(self, move: Move, ref: CallRef, sid: str, *clauses: Stage) -> Document:
        return guard(move, ref.contact_id, ref.attempt_id, *clauses) | no_other_call(sid)

    def _move(self, permission: Document, stages: list[Stage]) -> str:
        """The campaign of whom it moved. A call id that another contact already has moves nothing: its webhook is a
        stranger's."""
        try:
            with available():
                moved = self._contacts.find_one_and_update(permission, stages, {"campaign_id": 1})
        except DuplicateKeyError:
            return ""
        return str(moved["campaign_id"]) if moved else ""


def _as_seen(contact: Contact) -> list[Stage]:
    """Nothing has been answered, no voicemail been left, and no call-back been asked for since."""
    answers = dict(contact.attempt.answers) if contact.attempt else {}
    left = contact.attempt.voicemail_left if contact.attempt else False
    told: list[Stage] = [{"$eq": [_ANSWERS, literal(answers)]}, {"$eq": [_LEFT, left]}]
    return [*told, {"$eq": [_CALLBACK_AT, literal(contact.callback_at)]}]
