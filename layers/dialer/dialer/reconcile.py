"""Reconcile: whatever has outlived its `until` is returned, doubted, asked about or given up (T3, T12, T14, T15)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from dialer import call_status
from dialer.bounds import Bounds
from dialer.callback import Callback, CallbackReport
from dialer.errors import BadSettings, Unavailable
from dialer.lifecycle import State
from dialer.model import CallRecord, CallReport, CampaignState, Contact, Doubt, Outcome, Sight, attempt_of
from dialer.office_ports import Witness
from dialer.ports import CallRef, Campaigns, Overdue
from dialer.retry import redialed
from dialer.settling import Adopt, NoCall, Several, Wait, candidates, dialed_at, judge, needs_proof
from dialer.workers import each

_BATCH = 500

Work = Callable[[Sequence[Contact], "ReconcileReport"], None]
Settle = Callable[[Contact, Sight], "Settled"]


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What was found out about one contact."""

    contact_id: str
    attempt_id: str
    finding: str
    alarm: str = ""
    campaign_id: str = ""
    outcome: str = ""
    """How the attempt ended, where it did."""
    sid: str = ""
    state: str = ""
    """Where the contact went, where its attempt ended."""


@dataclass(kw_only=True)
class ReconcileReport:
    """What one run did."""

    expired: int = 0
    silenced: int = 0
    settled: list[Settled] = field(default_factory=list)
    unavailable: list[str] = field(default_factory=list)
    ran_out_of_time: bool = False


@dataclass(frozen=True, kw_only=True)
class Reconcile:
    """The parts of one run. Two runs at once are harmless: every step is a compare-and-set on one contact."""

    overdue: Overdue
    campaigns: Campaigns
    callback: Callback
    witness: Witness
    bounds: Bounds
    workers: int = 8

    def __call__(self, *, enough_time: Callable[[], bool]) -> ReconcileReport:
        """Go through every state that has an end, and stop starting work when time runs low."""
        report = ReconcileReport()
        for state, work in (
            (State.CLAIMED, self._expire),
            (State.DIALING, self._fall_silent),
            (State.UNCERTAIN, self._each(self._ask_about, enough_time)),
            (State.PLACED, self._each(self._ask_after, enough_time)),
            (State.HELD, self._each(self._give_up, enough_time)),
        ):
            try:
                self._until_none(state, work, report, enough_time)
            except BadSettings:  # they are everybody's, and an operator must put them right
                raise
            except Exception as broken:  # noqa: BLE001  one state that cannot be read must not keep the others waiting
                what = str(broken) if isinstance(broken, Unavailable) else f"{state}: {type(broken).__name__}"
                report.unavailable.append(what)
        return report

    def _until_none(self, state: State, work: Work, report: ReconcileReport, enough_time: Callable[[], bool]) -> None:
        while True:
            if not enough_time():
                report.ran_out_of_time = True
                return
            batch = self.overdue.overdue(state, limit=_BATCH)
            report.unavailable += batch.troubles
            if batch.contacts:
                work(batch.contacts, report)
            if len(batch) < _BATCH:
                return

    def _expire(self, contacts: Sequence[Contact], report: ReconcileReport) -> None:
        """T3: nobody dialed in time."""
        by_campaign = sorted(contacts, key=lambda contact: contact.campaign_id)
        for campaign_id, group in groupby(by_campaign, key=lambda contact: contact.campaign_id):
            sight = self.campaigns.see(campaign_id)
            stopped = sight is None or sight.campaign.state in {CampaignState.STOPPED, CampaignState.ARCHIVED}
            report.expired += self.overdue.expire_claims(
                list(group),
                to=State.FAILED if stopped else State.PENDING,
                reason="campaign stopped" if stopped else "nobody dialed in time",
            )

    def _fall_silent(self, contacts: Sequence[Contact], report: ReconcileReport) -> None:
        """T12: the function that held the permission is dead."""
        report.silenced += self.overdue.fall_silent(contacts)

    def _each(self, settle: Settle, enough_time: Callable[[], bool]) -> Work:
        """Each contact by itself, as far as time allows: the rest are still overdue in the next run."""

        def one(contact: Contact) -> Settled | str | None:
            return self._one(contact, settle) if enough_time() else None

        def work(contacts: Sequence[Contact], report: ReconcileReport) -> None:
            for done in each(contacts, one, workers=self.workers):
                if isinstance(done, Settled):
                    report.settled.append(done)
                elif done:
                    report.unavailable.append(done)
                else:
                    report.ran_out_of_time = True

        return work

    def _one(self, contact: Contact, settle: Settle) -> Settled | str:
        """One contact; a part that does not answer leaves it for the next run, and the others go on."""
        try:
            sight = self.campaigns.see(contact.campaign_id)
            if sight is None:
                self._look_again(contact)
                return f"contact {contact.id}: its campaign is gone"
            return settle(contact, sight)
        except Unavailable as cause:
            self._look_again(contact)
            return str(cause)
        except BadSettings:
            raise
        except Exception as bug:  # noqa: BLE001  one contact that breaks us must not keep the others waiting
            self._look_again(contact)
            return _settled(contact, "broken", alarm=type(bug).__name__)

    def _look_again(self, contact: Contact) -> None:
        try:
            self.overdue.look_again(contact, after=self.bounds.settle_poll)
        except Unavailable:
            return

    def _ask_about(self, contact: Contact, sight: Sight) -> Settled:
        """T14: did the carrier get the request?"""
        attempt, dialed = attempt_of(contact), dialed_at(contact)
        listed = self.witness.calls_to(contact.phone, from_number=attempt.from_number)
        sharing = self.overdue.sharing_phone(contact.phone)
        possible = candidates(listed, contact=contact, sharing=sharing, margin=self.bounds.list_margin)
        if possible and (len(possible) > 1 or needs_proof(sharing)):
            proofs = [(call, self.witness.mentions(call.sid, attempt.id)) for call in possible]
            if any(proof is None for _, proof in proofs):
                if sight.now - dialed >= self.bounds.hold_limit:
                    return self._hold(contact, "the carrier's request log never came")
                return self._wait(contact, "the carrier's request log is not there yet")
            possible = [call for call, proof in proofs if proof]
        finding = judge(possible, dialed=dialed, now=sight.now, horizon=self.bounds.settle_horizon)
        match finding:
            case Adopt(call=call):
                return self._adopt(contact, call)
            case Several(sids=sids):
                several = f"several calls for one attempt: {', '.join(sids)}"
                return self._hold(contact, several, alarm=several)
            case Wait():
                return self._wait(contact, "no call listed yet")
            case NoCall():
                return self._no_call(contact, sight)

    def _wait(self, contact: Contact, why: str) -> Settled:
        self.overdue.look_again(contact, after=self.bounds.settle_poll)
        return _settled(contact, f"waits: {why}")

    def _hold(self, contact: Contact, reason: str, *, alarm: str = "") -> Settled:
        self.overdue.hold(contact, limit=self.bounds.hold_limit, reason=reason)
        return _settled(contact, "held", alarm=alarm)

    def _adopt(self, contact: Contact, call: CallRecord) -> Settled:
        if not self.overdue.adopt(contact, sid=call.sid):
            return _settled(contact, "settled meanwhile")
        report = CallReport(
            sid=call.sid,
            status=call.status,
            answered_by=call.answered_by,
            duration=call.duration,
            price=call.price,
        )
        heard = self._hear(contact, report)
        return _heard(_settled(contact, f"adopted {call.sid}"), heard)

    def _no_call(self, contact: Contact, sight: Sight) -> Settled:
        campaign = sight.campaign
        if campaign.doubt is Doubt.HOLD:
            return self._hold(contact, "the carrier lists no call for this attempt")
        decision = redialed(campaign, contact, now=sight.now)
        self.overdue.release(contact, decision=decision, reason="the carrier lists no call; the campaign redials")
        to = decision.state
        return replace(_settled(contact, f"released to {to}"), outcome=Outcome.UNKNOWN, state=to)

    def _ask_after(self, contact: Contact, sight: Sight) -> Settled:
        """T15: the carrier has been silent about a call for longer than it can last."""
        sid = attempt_of(contact).sid
        report = self.witness.report(sid)
        if report is None:
            return self._no_such_call(contact, sight, f"no such call: {sid}")
        if report.status == "queued":
            self.witness.cancel(sid)
            report = self.witness.report(sid) or report
        if not call_status.is_final(report.status):
            return self._wait(contact, report.status)
        heard = self._hear(contact, report)
        return _heard(_settled(contact, f"asked: {report.status}", alarm=heard.alarm), heard)

    def _no_such_call(self, contact: Contact, sight: Sight, alarm: str) -> Settled:
        """The carrier said yes to a call that it does not know: it may only be slow to list it, so not at once."""
        if sight.now - dialed_at(contact) < self.bounds.hold_limit:
            self.overdue.look_again(contact, after=self.bounds.settle_poll)
            return _settled(contact, "unknown to the carrier", alarm=alarm)
        self.overdue.give_up(contact, reason="the carrier does not know the call it accepted")
        return _given_up(contact, alarm=alarm)

    def _hear(self, contact: Contact, report: CallReport) -> CallbackReport:
        """What the carrier says when asked counts like a webhook."""
        return self.callback.status(CallRef(contact_id=contact.id, attempt_id=attempt_of(contact).id), report)

    def _give_up(self, contact: Contact, _: Sight) -> Settled:
        self.overdue.give_up(contact, reason="the carrier never reported a call")
        return _given_up(contact)


def _settled(contact: Contact, finding: str, *, alarm: str = "") -> Settled:
    attempt = contact.attempt.id if contact.attempt else ""
    return Settled(
        contact_id=contact.id, attempt_id=attempt, finding=finding, alarm=alarm, campaign_id=contact.campaign_id
    )


def _given_up(contact: Contact, *, alarm: str = "") -> Settled:
    return replace(_settled(contact, "given up", alarm=alarm), outcome=Outcome.UNKNOWN, state=State.FAILED)


def _heard(settled: Settled, heard: CallbackReport) -> Settled:
    """With the end of the attempt, where what the carrier said was its end."""
    if heard.outcome != "settled":
        return settled
    return replace(settled, outcome=heard.detail, sid=heard.sid, state=heard.state)
