"""Callback: what the carrier tells us of a call: progress, the end, who answered (T13).

Early, late, repeated and reordered webhooks are no-ops: the contact moves only forward, and only for its own call.
"""

from dataclasses import dataclass, replace

from dialer import call_status
from dialer.abandon_guard import AbandonGuard
from dialer.breaker import failing
from dialer.errors import Unavailable
from dialer.lifecycle import State
from dialer.model import (
    CallReport,
    Campaign,
    CampaignState,
    Contact,
    Outcome,
    Sight,
    attempt_of,
    is_unwelcome,
    rules_its_number_out,
)
from dialer.ports import CallQueue, CallRef, Campaigns, Clock, Hearing
from dialer.retry import RetryDecision, after_end, at_next_number, taken_back
from dialer.script import tell_of_a_person
from dialer.troubles import trouble_of

_THROUGH = frozenset(Outcome) - {Outcome.FAILED, Outcome.CANCELED, Outcome.REFUSED, Outcome.UNKNOWN}
_LOOKS = 3  # at an end while answers come in; what is still not written then, reconcile asks for


@dataclass(frozen=True, kw_only=True)
class CallbackReport:
    """What one webhook changed."""

    contact_id: str
    attempt_id: str
    outcome: str
    """moved | settled | no-op | unknown | speaks | goes on | hung up | opted out"""
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
    queue: CallQueue
    clock: Clock
    abandon_guard: AbandonGuard

    def status(self, ref: CallRef, report: CallReport) -> CallbackReport:
        """T13: a status of this call. Moves the contact if it is news, else does nothing."""
        if not call_status.is_known(report.status):
            return report_of(ref, "unknown", f"status {report.status!r}")
        if call_status.is_final(report.status):
            return self._settle(ref, report)
        heard = self.hearing.hear(ref, report)
        if heard.moved:
            return report_of(ref, "moved", report.status, campaign_id=heard.moved)
        return self._unmoved(ref, report, heard.contact)

    def machine(self, ref: CallRef, report: CallReport) -> CallbackReport:
        """Who answered, when the carrier found out during the call."""
        if campaign_id := self.hearing.note_machine(ref, sid=report.sid, answered_by=report.answered_by):
            return report_of(ref, "moved", report.answered_by, campaign_id=campaign_id)
        return self._unmoved(ref, report, self.hearing.find(ref.contact_id))

    def _settle(self, ref: CallRef, report: CallReport, *, looks: int = _LOOKS) -> CallbackReport:
        """The end. Where an answer or a call-back comes while it is being decided, it is decided again."""
        contact = self.hearing.find(ref.contact_id)
        if contact is None or contact.attempt is None or contact.attempt.id != ref.attempt_id:
            return self._unmoved(ref, report, contact)
        sight = self.campaigns.see(contact.campaign_id)
        if sight is None:
            return report_of(ref, "unknown", "no such campaign", campaign_id=contact.campaign_id)
        answers, heard = contact.attempt.answers, contact.attempt.answered_by
        by_a_person = tell_of_a_person(answers, sight.campaign.call.script)
        outcome = call_status.outcome(
            report,
            heard_before=heard,
            by_a_person=by_a_person,
            voicemail_left=contact.attempt.voicemail_left,
        )
        if outcome is Outcome.ANSWERED and contact.attempt.sid in {"", report.sid}:
            self.abandon_guard.answered(ref, sight)
        ended = replace(report, detail=call_status.detail(report, outcome, heard_before=heard))
        decision = _decision(contact, sight, outcome, ended.detail)
        if not self.hearing.settle(ref, ended, outcome=outcome, decision=decision, seen=contact):
            if looks > 1:
                return self._settle(ref, report, looks=looks - 1)
            return self._unmoved(ref, report, self.hearing.find(ref.contact_id))
        self._judge_carrier(sight.campaign, outcome, ended.detail)
        if sight.campaign.running:
            self._refill(contact.campaign_id)
        settled = report_of(ref, "settled", outcome, campaign_id=contact.campaign_id)
        return replace(settled, sid=report.sid, state=decision.state)

    def _unmoved(self, ref: CallRef, report: CallReport, contact: Contact | None) -> CallbackReport:
        """Nothing changed: say whether that is a repetition, a stranger, or a call that should not exist."""
        if contact is None:
            return report_of(ref, "unknown")
        alarm = self._alarm(ref, report, contact)
        return report_of(ref, "no-op", report.status, alarm=alarm, campaign_id=contact.campaign_id)

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

    def _judge_carrier(self, campaign: Campaign, outcome: Outcome, detail: str) -> None:
        """The end is written: what cannot be counted now is missing among many, and nothing is repeated for it."""
        try:
            if outcome is Outcome.FAILED:
                if failing(self.campaigns.count_failure(campaign.id)):
                    self._pause(campaign.id, f"nearly every call fails: {trouble_of(detail).meaning}")
            elif campaign.failures and outcome in _THROUGH:
                self.campaigns.forgive_failures(campaign.id)
        except Unavailable:
            return

    def _pause(self, campaign_id: str, reason: str) -> None:
        self.campaigns.set_state(campaign_id, CampaignState.PAUSED, sources=[CampaignState.RUNNING], reason=reason)

    def _refill(self, campaign_id: str) -> None:
        """A hint only: when it is lost, the schedule finds the free line."""
        try:
            self.queue.refill(campaign_id, now=self.clock.now())
        except Unavailable:
            return


def _decision(contact: Contact, sight: Sight, outcome: Outcome, detail: str) -> RetryDecision:
    if outcome is Outcome.CANCELED and not call_status.has_rung(attempt_of(contact).rank):
        return taken_back(sight.campaign, contact, now=sight.now)
    if is_unwelcome(outcome, detail):
        return RetryDecision(state=State.FAILED)
    if rules_its_number_out(outcome, detail):
        return at_next_number(sight.campaign, contact, outcome, now=sight.now)
    return after_end(sight.campaign, contact, outcome, now=sight.now)


def report_of(
    ref: CallRef, outcome: str, detail: str = "", *, alarm: str = "", campaign_id: str = ""
) -> CallbackReport:
    """What one webhook changed, about this attempt."""
    return CallbackReport(
        contact_id=ref.contact_id,
        attempt_id=ref.attempt_id,
        outcome=outcome,
        detail=detail,
        alarm=alarm,
        campaign_id=campaign_id,
    )
