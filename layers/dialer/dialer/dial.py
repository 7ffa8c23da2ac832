"""Dial: take the line, look once more, ask the campaign's permit, and send one request to the carrier (T4-T11).

At most one request per attempt rests on two lines of this file: `take_line` grants the dial to one invocation, and
`place` is reached once after it. What the carrier then says is written down; whatever is not a clear answer is doubt.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dialer.alternates import following
from dialer.bounds import Bounds
from dialer.breaker import tripped
from dialer.caller_id import callers, day_of, next_day
from dialer.calling.group import country_of
from dialer.caps import caps_of, within_caps
from dialer.carrier_answers import Answer, NotPlaced, OurFault, Placed, Refused, Unsure
from dialer.errors import DialerError, PhoneBusy, Unavailable
from dialer.last_look import Go, Never, NotNow, Verdict, grounds_for, may_dial
from dialer.lifecycle import State
from dialer.model import CallMessage, Campaign, CampaignState, Contact, OnMachine, Sight, attempt_of
from dialer.pacing import backoff, rest_for
from dialer.ports import (
    Account,
    CallerIds,
    CallQueue,
    CallRequest,
    Campaigns,
    Clock,
    Dialer,
    Lines,
    Reach,
    Suppressions,
)

_PHONE_BUSY = timedelta(seconds=30)
_ASK_AGAIN = timedelta(milliseconds=20)
_TURN = timedelta(seconds=1)  # and no less: whoever got none must not come back at once
_WRITE_TRIES = 3
_NOTHING_LEFT = frozenset({"dropped", "put off", "forbidden", "stepped back", "not placed", "our fault"})


@dataclass(frozen=True, kw_only=True)
class DialReport:
    """What became of one call message."""

    campaign_id: str
    contact_id: str
    attempt_id: str
    outcome: str
    """placed | refused | not placed | our fault | unsure | dropped | put off | forbidden | stepped back"""
    detail: str = ""
    sid: str = ""
    alarm: str = ""
    state: str = ""
    """The contact's last state, where this dial was its end."""
    dial_at: datetime | None = None
    """When the line was taken, by the database's clock."""
    queue_time: timedelta = timedelta(0)
    """How long the carrier expects to keep the call in its own queue."""

    @property
    def line_freed(self) -> bool:
        return self.outcome not in {"placed", "unsure", "dropped"}


@dataclass(frozen=True, kw_only=True)
class Dial:
    """The parts of one dial."""

    campaigns: Campaigns
    lines: Lines
    suppressions: Suppressions
    reach: Reach
    dialer: Dialer
    caller_ids: CallerIds
    queue: CallQueue
    clock: Clock
    bounds: Bounds
    new_token: Callable[[], str]
    time_left: Callable[[], timedelta]
    """What remains of this invocation before Lambda kills it."""
    account: Account | None = None
    """Where the account's calls per second are bounded for all campaigns together."""

    def __call__(self, message: CallMessage) -> DialReport:
        """Dial, or say why not. Raises only while nothing can have been sent: the message then returns."""
        report = self._dial(message)
        if report.line_freed:
            self._refill(message.campaign_id)
        return report

    def _dial(self, message: CallMessage) -> DialReport:
        sight = self.campaigns.see(message.campaign_id)
        if sight is None:
            return _report(message, "dropped", "unknown campaign")
        if not sight.campaign.running:
            return self._put_off(message, timedelta(0), f"campaign {sight.campaign.state}")
        queue = _carriers_queue(sight)
        if queue > self.bounds.early_wait:
            return self._put_off(message, queue, "the carrier has calls enough to dial")
        wait = max(queue, _wait_for(message, sight))
        if wait > self.bounds.early_wait:
            return self._put_off(message, wait, "too early")
        self.clock.sleep(max(0.0, wait.total_seconds()))
        if not self._has_turn(message, sight.campaign, self.bounds.early_wait - max(timedelta(0), wait)):
            return self._put_off(message, max(_TURN, sight.campaign.share), "the account dials no faster")
        if self._too_little_time():
            raise Unavailable("too little time is left to dial: the message returns")
        contact = self.lines.explain(message.contact_id)  # while it is claimed, where it may ring stays as it is
        caller = self._reserve_caller(message, sight, contact)
        if not caller:
            tomorrow = next_day(sight.campaign.caller, sight.now)
            return self._put_off(
                message, tomorrow, "every caller number that may show has been used as often as it may today"
            )
        report = self._dial_from(caller, message, sight, contact)
        if report.outcome in _NOTHING_LEFT:
            self._release_caller(caller, sight)
        return report

    def _reserve_caller(self, message: CallMessage, sight: Sight, contact: Contact | None) -> str:
        """The number to show; empty where each has reached its limit. Without a limit nothing is counted."""
        policy, numbers = sight.campaign.caller, sight.campaign.from_numbers
        phone, used, own = (contact.phone, contact.used, contact.caller_id) if contact else ("", 0, "")
        usable = callers(numbers, policy, contact_id=message.contact_id, phone=phone, used=used, own=own)
        if policy.daily_limit is None:
            return usable[0]
        day, limit = day_of(policy, sight.now), policy.daily_limit
        return next((number for number in usable if self.caller_ids.reserve(number, day=day, limit=limit)), "")

    def _release_caller(self, number: str, sight: Sight) -> None:
        """What is not given back counts as used: fewer calls today, never more."""
        if sight.campaign.caller.daily_limit is None:
            return
        try:
            self.caller_ids.release(number, day=day_of(sight.campaign.caller, sight.now))
        except Unavailable:
            return

    def _dial_from(self, caller: str, message: CallMessage, sight: Sight, claimed: Contact | None) -> DialReport:
        call = sight.campaign.call
        try:
            contact = self.lines.take_line(
                message,
                token=self.new_token(),
                from_number=caller,
                silence=self.bounds.dial_silence,
                patience=call.ring_timeout + call.talk_limit + self.bounds.queue_time,
                talk_limit=call.talk_limit,
                grounds=grounds_for(sight.campaign, claimed),
            )
        except PhoneBusy:
            return self._phone_busy(message)
        if contact is None:
            return self._not_taken(message)
        try:
            return self._with_line(message, contact)
        except Exception as cause:  # noqa: BLE001  all of it is before the request: give the line back, whatever broke
            broken = cause
            return self._persistently(lambda: self._broke_off(contact, broken))

    def _has_turn(self, message: CallMessage, campaign: Campaign, patience: timedelta) -> bool:
        """Waits for the account's turn, where there is one. It comes before the line, so that a crash costs nothing.

        Of functions that woke together one has the campaign's next turn. The others ask again when its pace allows the
        next dial: through the queue they would come back slower than the campaign may dial.
        """
        if self.account is None:
            return True
        until = self.clock.monotonic() + patience.total_seconds()
        while True:
            left = timedelta(seconds=until - self.clock.monotonic())
            turn = self.account.take_turn(campaign.id, share=campaign.share, patience=left)
            if turn is not None:
                self.clock.sleep(turn.total_seconds())
                return True
            sight = self.campaigns.see(campaign.id)
            wait = max(_ASK_AGAIN, campaign.share / 4, _wait_for(message, sight) if sight else timedelta(0))
            if wait > left:
                return False
            self.clock.sleep(wait.total_seconds())

    def _not_taken(self, message: CallMessage) -> DialReport:
        """Why the line was not ours. A claim that still stands was too late, and goes back: its message is used up.

        The wait for a turn may have made it so: only the write knows what time it is.
        """
        if self.lines.put_off(message, after=timedelta(0), reason="too late"):
            return _report(message, "put off", "too late")
        contact = self.lines.explain(message.contact_id)
        return _report(message, "dropped", "unknown contact" if contact is None else f"contact is {contact.state}")

    def _with_line(self, message: CallMessage, contact: Contact) -> DialReport:
        """From here on the attempt is ours alone, and every way out writes where it ended.

        Raises only before the request: `place` judges what happens in it, `_write_down` swallows what comes after it.
        """
        looked_at = self.clock.monotonic()
        sight = self.campaigns.see(message.campaign_id)
        if sight is None:
            return self._step_back(contact, "the campaign is gone")
        verdict = self._last_look(contact, _with_lawful_caps(sight, contact.region))
        if not isinstance(verdict, Go):
            return self._forbidden(contact, verdict)
        obstacle = self._await_permit(contact, looked_at)
        if obstacle:
            return self._step_back(contact, obstacle)
        if self._guard_over(looked_at) or self._too_little_time():
            return self._stalled(contact)
        answer = self.dialer.place(_request(contact, sight.campaign))
        return self._write_down(contact, sight.campaign, answer)

    def _last_look(self, contact: Contact, sight: Sight) -> Verdict:
        limit = sight.campaign.pacing.max_concurrent
        of, purpose = sight.campaign.judged_as, sight.campaign.purpose
        verdict = may_dial(
            campaign=sight.campaign,
            region=contact.region,
            suppressed=bool(self.suppressions.among(of, contact.phones, purpose=purpose)),
            live=self.lines.count_live(contact.campaign_id, limit=limit + 1),
            now=sight.now,
        )
        return self._within_caps(contact, sight) if isinstance(verdict, Go) and sight.campaign.caps else verdict

    def _within_caps(self, contact: Contact, sight: Sight) -> Go | NotNow:
        """While the line is ours nobody else's attempt can begin on this phone, so what is counted stays true.

        Calls to the person's other numbers count too.
        """
        found = self.reach.sharing(contact.phones).values()
        sharing = {other.id: other for others in found for other in others}
        judged = replace(contact, campaign_id=sight.campaign.judged_as)
        return within_caps(caps=sight.campaign.caps, contact=judged, sharing=[*sharing.values()], now=sight.now)

    def _await_permit(self, contact: Contact, looked_at: float) -> str:
        """T4c, the last write before the request. Empty when granted, else why not."""
        while not self.campaigns.permit(contact.campaign_id):
            sight = self.campaigns.see(contact.campaign_id)
            if sight is None or not sight.campaign.running:
                return "the campaign stopped running"
            wait = max(timedelta(milliseconds=1), sight.campaign.next_dial_at - sight.now).total_seconds()
            if self.clock.monotonic() + wait - looked_at > self.bounds.dial_guard.total_seconds():
                return "no permit within the guard"
            self.clock.sleep(wait)
        return ""

    def _guard_over(self, looked_at: float) -> bool:
        return self.clock.monotonic() - looked_at > self.bounds.dial_guard.total_seconds()

    def _too_little_time(self) -> bool:
        return self.time_left() < self.bounds.post_timeout + self.bounds.dial_guard

    def _forbidden(self, contact: Contact, verdict: Never | NotNow) -> DialReport:
        to, due_at = (State.SUPPRESSED, None) if isinstance(verdict, Never) else (State.PENDING, verdict.until)
        self.lines.forbid(contact, to=to, due_at=due_at, reason=verdict.reason)
        return _report(contact, "forbidden", verdict.reason, state=to if to is State.SUPPRESSED else "")

    def _step_back(self, contact: Contact, reason: str) -> DialReport:
        self.lines.step_back(contact, after=timedelta(seconds=1), reason=reason)
        return _report(contact, "stepped back", reason)

    def _broke_off(self, contact: Contact, cause: Exception) -> DialReport:
        report = self._step_back(contact, f"broke off before the request: {_named(cause)}")
        return report if isinstance(cause, Unavailable) else replace(report, alarm=report.detail)

    def _stalled(self, contact: Contact) -> DialReport:
        reason = "too little time between the last look and the request"
        self.lines.step_back(contact, after=backoff(setbacks=contact.setbacks), reason=reason)
        self._count_setback(contact.campaign_id, reason)
        return _report(contact, "stepped back", reason)

    def _write_down(self, contact: Contact, campaign: Campaign, answer: Answer) -> DialReport:
        """The request has left: nothing raises any more, and what cannot be written the reaper will doubt."""
        try:
            return self._persistently(lambda: self._settle(contact, campaign, answer))
        except Exception as cause:  # noqa: BLE001  the reaper doubts what is not written
            sid = answer.sid if isinstance(answer, Placed) else ""
            return _report(
                contact, "unsure", f"not written down: {_named(cause)}", sid=sid, alarm="outcome not written"
            )

    def _persistently(self, write: Callable[[], DialReport]) -> DialReport:
        """Every write is a compare-and-set of the same values, so repeating one changes nothing."""
        for _ in range(_WRITE_TRIES - 1):
            try:
                return write()
            except Unavailable:
                if self.time_left() < 2 * self.bounds.dial_guard:
                    raise
                self.clock.sleep(self.bounds.dial_guard.total_seconds())
        return write()

    def _settle(self, contact: Contact, campaign: Campaign, answer: Answer) -> DialReport:
        match answer:
            case Placed(sid=sid, queue_time=queue_time):
                acceptance = self.lines.accept(contact, sid=sid)
                if campaign.setbacks:
                    self.campaigns.forget_setbacks(campaign.id)
                self._rest(campaign.id, rest_for(queue_time))
                return replace(_report(contact, "placed", sid=sid, alarm=acceptance.alarm), queue_time=queue_time)
            case Refused(reason=reason):
                other = following(contact)
                self.lines.refuse(contact, reason=reason, other=other)
                return _report(contact, "refused", reason, state="" if other else State.FAILED)
            case NotPlaced(reason=reason):
                self.lines.not_placed(contact, after=backoff(setbacks=contact.setbacks), reason=reason)
                self._count_setback(campaign.id, f"the carrier takes no calls: {reason}")
                return _report(contact, "not placed", reason)
            case OurFault(reason=reason, region_only=region_only):
                self._blame_ourselves(contact, reason, region_only=region_only)
                return _report(contact, "our fault", reason)
            case Unsure(reason=reason):
                self.lines.doubt(contact, poll=self.bounds.settle_poll, reason=reason)
                self._count_setback(campaign.id, f"the carrier's answers are unclear: {reason}")
                return _report(contact, "unsure", reason)

    def _rest(self, campaign_id: str, span: timedelta) -> None:
        """A hint only: when it is lost, the next call's reply says the same."""
        try:
            if span:
                self.campaigns.rest(campaign_id, span=span)
        except Unavailable:
            return

    def _blame_ourselves(self, contact: Contact, reason: str, *, region_only: bool) -> None:
        """T10: stop before the next contact meets the same refusal; this one keeps its attempt."""
        if region_only and country_of(contact.region):
            self.campaigns.block_region(contact.campaign_id, country_of(contact.region), reason=reason)
        else:
            self._pause(contact.campaign_id, reason)
        self.lines.not_placed(contact, after=timedelta(0), reason=reason)

    def _count_setback(self, campaign_id: str, reason: str) -> None:
        if many := tripped(self.campaigns.count_setback(campaign_id, reason=reason)):
            self._pause(campaign_id, f"{many}: {reason}")

    def _pause(self, campaign_id: str, reason: str) -> None:
        self.campaigns.set_state(campaign_id, CampaignState.PAUSED, sources=[CampaignState.RUNNING], reason=reason)

    def _phone_busy(self, message: CallMessage) -> DialReport:
        """A call lasts minutes, a held contact keeps its phone for a day: so longer and longer."""
        contact = self.lines.explain(message.contact_id)
        after = backoff(setbacks=contact.setbacks if contact else 0, first=_PHONE_BUSY)
        return self._put_off(message, after, "this phone has an unsettled attempt elsewhere", setbacks=1)

    def _put_off(self, message: CallMessage, after: timedelta, reason: str, *, setbacks: int = 0) -> DialReport:
        if self.lines.put_off(message, after=after, reason=reason, setbacks=setbacks):
            return _report(message, "put off", reason)
        return _report(message, "dropped", reason)

    def _refill(self, campaign_id: str) -> None:
        """A hint only: when it is lost, the schedule finds the free line."""
        try:
            self.queue.refill(campaign_id, now=self.clock.now())
        except Unavailable:
            return


def _named(cause: Exception) -> str:
    """An error for the log: its words when they are ours, else only its kind, for others' words may hold a phone."""
    return str(cause) if isinstance(cause, DialerError) else type(cause).__name__


def _wait_for(message: CallMessage, sight: Sight) -> timedelta:
    """How long until the slot is here and the campaign's last dial is far enough behind."""
    return max(message.slot_at, sight.campaign.next_dial_at) - sight.now


def _carriers_queue(sight: Sight) -> timedelta:
    """How long until the carrier's own queue is short again."""
    return max(timedelta(0), (sight.campaign.carrier_free_at or sight.now) - sight.now)


def _with_lawful_caps(sight: Sight, region: str) -> Sight:
    return replace(sight, campaign=replace(sight.campaign, caps=caps_of(sight.campaign, region)))


def _request(contact: Contact, campaign: Campaign) -> CallRequest:
    attempt = attempt_of(contact)
    return CallRequest(
        to=contact.phone,
        from_number=attempt.from_number,
        contact_id=contact.id,
        attempt_id=attempt.id,
        ring_timeout=campaign.call.ring_timeout,
        talk_limit=campaign.call.talk_limit,
        detect_machine=campaign.call.detect_machine,
        detect_first=campaign.call.detect_first,
        await_beep=campaign.call.on_machine is OnMachine.VOICEMAIL,
    )


def _report(
    of: CallMessage | Contact, outcome: str, detail: str = "", *, sid: str = "", alarm: str = "", state: str = ""
) -> DialReport:
    dial_at: datetime | None = None
    if isinstance(of, Contact):
        contact_id, attempt = of.id, of.attempt.id if of.attempt else ""
        dial_at = of.attempt.dial_at if of.attempt else None
    else:
        contact_id, attempt = of.contact_id, of.attempt_id
    return DialReport(
        campaign_id=of.campaign_id,
        contact_id=contact_id,
        attempt_id=attempt,
        outcome=outcome,
        detail=detail,
        sid=sid,
        alarm=alarm,
        state=state,
        dial_at=dial_at,
    )
