"""Callback: what the carrier tells us of a call: progress, the end, the answer, a key, who answered (T13, T16).

Early, late, repeated and reordered webhooks are no-ops: the contact moves only forward, and only for its own call.
"""

from dataclasses import dataclass, replace

from dialer import call_status
from dialer.errors import Unavailable
from dialer.model import CallReport, Contact
from dialer.ports import CallQueue, CallRef, Campaigns, Clock, Hearing, Suppressions
from dialer.retry import decide
from dialer.speech import HangUp, Speech, farewell, speech_for


@dataclass(frozen=True, kw_only=True)
class CallbackReport:
    """What one webhook changed."""

    contact_id: str
    attempt_id: str
    outcome: str
    """moved | settled | no-op | unknown | speaks | hung up | opted out"""
    detail: str = ""
    alarm: str = ""
    campaign_id: str = ""
    """Empty where the webhook is about nobody we know."""
    sid: str = ""
    state: str = ""
    """Where a settled contact went."""


@dataclass(frozen=True, kw_only=True)
class Callback:
    """The parts that listen to the carrier."""

    hearing: Hearing
    campaigns: Campaigns
    suppressions: Suppressions
    queue: CallQueue
    clock: Clock

    def status(self, ref: CallRef, report: CallReport) -> CallbackReport:
        """T13: a status of this call. Moves the contact if it is news, else does nothing."""
        if not call_status.is_known(report.status):
            return _report(ref, "unknown", f"status {report.status!r}")
        if call_status.is_final(report.status):
            return self._settle(ref, report)
        if campaign_id := self.hearing.hear(ref, report):
            return _report(ref, "moved", report.status, campaign_id=campaign_id)
        return self._unmoved(ref, report)

    def answer(self, ref: CallRef, report: CallReport) -> tuple[CallbackReport, Speech | HangUp]:
        """T16: what to say to whoever answered. Of two calls for one attempt only the first may speak."""
        contact = self.hearing.find(ref.contact_id)
        sight = self.campaigns.see(contact.campaign_id) if contact else None
        if contact is None or sight is None:
            return _report(ref, "unknown"), HangUp()
        of = contact.campaign_id
        if not self.hearing.answer(ref, sid=report.sid):
            return _report(ref, "hung up", alarm=self._mute(ref, report.sid), campaign_id=of), HangUp()
        if report.answered_by:
            self.hearing.note_machine(ref, sid=report.sid, answered_by=report.answered_by)
        return _report(ref, "speaks", campaign_id=of), speech_for(sight.campaign.call, contact.vars)

    def keypress(self, ref: CallRef, *, digits: str) -> tuple[CallbackReport, Speech | HangUp]:
        """A key pressed. An opt-out is written whatever has become of the attempt."""
        contact = self.hearing.find(ref.contact_id)
        sight = self.campaigns.see(contact.campaign_id) if contact else None
        if contact is None or sight is None:
            return _report(ref, "unknown"), HangUp()
        wanted = sight.campaign.call.opt_out_digit
        if not wanted or digits != wanted:
            return _report(ref, "no-op", "another key", campaign_id=contact.campaign_id), HangUp()
        self.suppressions.suppress(contact.phone, scope="global", source="keypress", reason="opted out on a call")
        return _report(ref, "opted out", campaign_id=contact.campaign_id), farewell(sight.campaign.call)

    def machine(self, ref: CallRef, report: CallReport) -> CallbackReport:
        """Who answered, when the carrier found out during the call."""
        if campaign_id := self.hearing.note_machine(ref, sid=report.sid, answered_by=report.answered_by):
            return _report(ref, "moved", report.answered_by, campaign_id=campaign_id)
        return self._unmoved(ref, report)

    def _mute(self, ref: CallRef, sid: str) -> str:
        """Why this call may not speak; no alarm where it is the attempt's own and only its webhook is late."""
        contact = self.hearing.find(ref.contact_id)
        over = contact is not None and any(past.id == ref.attempt_id and past.sid == sid for past in contact.history)
        return "" if over else f"call {sid} has no right to speak"

    def _settle(self, ref: CallRef, report: CallReport) -> CallbackReport:
        contact = self.hearing.find(ref.contact_id)
        if contact is None or contact.attempt is None or contact.attempt.id != ref.attempt_id:
            return self._unmoved(ref, report, contact)
        sight = self.campaigns.see(contact.campaign_id)
        if sight is None:
            return _report(ref, "unknown", "no such campaign", campaign_id=contact.campaign_id)
        outcome = call_status.outcome(report, heard_before=contact.attempt.answered_by)
        policy = sight.campaign.retry
        decision = decide(policy=policy, outcome=outcome, used=contact.used, max_attempts=contact.max)
        if not self.hearing.settle(ref, report, outcome=outcome, decision=decision):
            return self._unmoved(ref, report)
        if sight.campaign.running:
            self._refill(contact.campaign_id)
        settled = _report(ref, "settled", outcome, campaign_id=contact.campaign_id)
        return replace(settled, sid=report.sid, state=decision.state)

    def _unmoved(self, ref: CallRef, report: CallReport, contact: Contact | None = None) -> CallbackReport:
        """Nothing changed: say whether that is a repetition, a stranger, or a call that should not exist."""
        contact = contact or self.hearing.find(ref.contact_id)
        if contact is None:
            return _report(ref, "unknown")
        alarm = self._alarm(ref, report, contact)
        return _report(ref, "no-op", report.status, alarm=alarm, campaign_id=contact.campaign_id)

    def _alarm(self, ref: CallRef, report: CallReport, contact: Contact) -> str:
        if contact.attempt and contact.attempt.id == ref.attempt_id:
            other = contact.attempt.sid and contact.attempt.sid != report.sid
            return f"second call {report.sid} for one attempt" if other else ""
        past = next((attempt for attempt in contact.history if attempt.id == ref.attempt_id), None)
        if past is None or past.sid == report.sid:
            return ""
        if past.sid:
            return f"second call {report.sid} for one attempt"
        self.hearing.note_late(ref, sid=report.sid)
        return f"call {report.sid} belongs to an attempt that was given up"

    def _refill(self, campaign_id: str) -> None:
        """A hint only: when it is lost, the schedule finds the free line."""
        try:
            self.queue.refill(campaign_id, now=self.clock.now())
        except Unavailable:
            return


def _report(ref: CallRef, outcome: str, detail: str = "", *, alarm: str = "", campaign_id: str = "") -> CallbackReport:
    return CallbackReport(
        contact_id=ref.contact_id,
        attempt_id=ref.attempt_id,
        outcome=outcome,
        detail=detail,
        alarm=alarm,
        campaign_id=campaign_id,
    )
