"""Tick: reserve dial times, claim the contacts that are due, and send each to a call function (T0-T2)."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from dialer.abandon_guard import AbandonGuard
from dialer.bounds import Bounds
from dialer.calling.lawful import Closed, Open, look
from dialer.caps import caps_of, in_bulk, within_caps
from dialer.errors import BadSettings, Unavailable
from dialer.hours import is_open
from dialer.last_look import Go, Never, NotNow, Verdict, may_call
from dialer.lifecycle import State
from dialer.model import CallMessage, Campaign, Cap, Claimed, Contact, Sight, Slots
from dialer.pacing import open_lines, queue_delay
from dialer.ports import Account, CallQueue, CampaignLock, Campaigns, Claims, Clock, Lease, NoSlots, Reach, Suppressions
from dialer.workers import each

_BATCH = 1000
_LONGEST_S = 8.0  # that one campaign is claimed for, mostly to be sifted; the tick function leaves time for ten


@dataclass(frozen=True, kw_only=True)
class CampaignTick:
    """What one tick did for one campaign."""

    campaign_id: str
    outcome: str
    """ticked, locked elsewhere, lines full, closed, nobody due, not running, paused, no slots, unavailable, broken"""
    claimed: int = 0
    sifted: int = 0
    sent: int = 0
    unsent: int = 0
    doubtful: int = 0
    closed: int = 0
    """Zone groups that wait for their hours: nobody of them was looked at."""
    alarm: str = ""

    @property
    def found_nobody(self) -> bool:
        """It looked, and nobody was due."""
        return self.outcome in {"ticked", "nobody due"} and not self.claimed


@dataclass(frozen=True, kw_only=True)
class TickReport:
    """What one tick did for every campaign it reached."""

    campaigns: Sequence[CampaignTick] = ()
    not_reached: int = 0
    """Running campaigns left to the next tick, because this one's time ran low."""


@dataclass(frozen=True, kw_only=True)
class Tick:
    """One tick's parts. Safe to run twice at once: the database grants every slot and every contact once."""

    lock: CampaignLock
    campaigns: Campaigns
    claims: Claims
    suppressions: Suppressions
    reach: Reach
    queue: CallQueue
    abandon_guard: AbandonGuard
    clock: Clock
    bounds: Bounds
    new_token: Callable[[], str]
    account: Account | None = None
    """Where the account's calls per second are bounded for all campaigns together."""
    workers: int = 8

    def every_campaign(self, *, enough_time: Callable[[], bool]) -> TickReport:
        """Tick the running campaigns, the longest waiting first; whoever is not reached comes first next time."""
        report = self._ticked(self.campaigns.running_ids(), enough_time, judged=True)
        self._note_ticked([one.campaign_id for one in report.campaigns if one.outcome != "ticked"])
        return report

    def named(self, campaign_ids: Sequence[str], *, enough_time: Callable[[], bool]) -> TickReport:
        """Tick these campaigns, in this order, and start no more when time runs low."""
        return self._ticked(campaign_ids, enough_time, judged=False)

    def _ticked(self, campaign_ids: Sequence[str], enough_time: Callable[[], bool], *, judged: bool) -> TickReport:
        """`judged`: whether they must not go on is asked too. The schedule does, and no hint, of which one may come
        every second: whoever finds nobody pauses the campaign at once, and here is found what nobody could tell then.
        """
        done = each(campaign_ids, lambda one: self._within(one, enough_time, judged), workers=self.workers)
        ticked = [one for one in done if one]
        return TickReport(campaigns=ticked, not_reached=len(campaign_ids) - len(ticked))

    def _note_ticked(self, without_slots: Sequence[str]) -> None:
        """Whoever reserved slots is noted by that. Only the order rests on it: it may fail."""
        with suppress(Unavailable):
            self.campaigns.note_ticked(without_slots)

    def _within(self, campaign_id: str, enough_time: Callable[[], bool], judged: bool) -> CampaignTick | None:
        return self.campaign(campaign_id, judged=judged) if enough_time() else None

    def campaign(self, campaign_id: str, *, judged: bool = False) -> CampaignTick:
        """Tick one campaign; a part that does not answer ends this campaign's tick, and leases heal the rest."""
        try:
            lease = self.lock.acquire(campaign_id, owner=self.new_token(), lease=self.bounds.lock_lease)
            if lease is None:
                return CampaignTick(campaign_id=campaign_id, outcome="locked elsewhere")
            try:
                return self._while_locked(lease, judged=judged)
            finally:
                self.lock.release(lease)
        except Unavailable as cause:
            return CampaignTick(campaign_id=campaign_id, outcome=f"unavailable: {cause}")
        except BadSettings:  # they are everybody's, and an operator must put them right
            raise
        except Exception as bug:  # noqa: BLE001  one campaign that breaks us must not keep the others waiting
            return CampaignTick(campaign_id=campaign_id, outcome="broken", alarm=type(bug).__name__)

    def _while_locked(self, lease: Lease, *, judged: bool) -> CampaignTick:
        sight = self.campaigns.see(lease.campaign_id)
        if sight is None or not sight.campaign.running:
            return CampaignTick(campaign_id=lease.campaign_id, outcome="not running")
        if judged and self.abandon_guard.enforce(sight):
            return CampaignTick(campaign_id=lease.campaign_id, outcome="paused")
        if sight.campaign.has_ended(sight.now) or not is_open(sight.campaign.hours, sight.now):
            return CampaignTick(campaign_id=lease.campaign_id, outcome="closed")
        waiting = self.claims.regions_waiting(lease.campaign_id)
        among = [region for region in waiting if _is_claimed(look(sight.campaign, region, sight.now))]
        if waiting and not among:
            return CampaignTick(campaign_id=lease.campaign_id, outcome="closed", closed=len(waiting))
        limit = sight.campaign.pacing.max_concurrent
        lines = open_lines(limit=limit, booked=self.claims.count_booked(lease.campaign_id, limit=limit))
        if lines == 0:
            return CampaignTick(campaign_id=lease.campaign_id, outcome="lines full")
        if not self.claims.anyone_due(lease.campaign_id, now=sight.now, among=among):
            return CampaignTick(campaign_id=lease.campaign_id, outcome="nobody due", closed=len(waiting) - len(among))
        return replace(self._book(lease, sight, lines, among), closed=len(waiting) - len(among))

    def _book(self, lease: Lease, sight: Sight, lines: int, among: Sequence[str]) -> CampaignTick:
        fence, alarm, share = lease.fence, "", self._share(sight.campaign)
        slots = self._reserve(lease.campaign_id, fence, lines, share)
        if isinstance(slots, NoSlots) and slots.fence > fence:
            raised = self.lock.raise_fence(lease, above=slots.fence)
            if raised is None:
                return CampaignTick(campaign_id=lease.campaign_id, outcome="locked elsewhere")
            fence, alarm = raised.fence, "the lock table is younger than the campaign: its fence was raised"
            slots = self._reserve(lease.campaign_id, fence, lines, share)
        if isinstance(slots, NoSlots):
            outcome = "no slots" if slots.running else "not running"
            return CampaignTick(campaign_id=lease.campaign_id, outcome=outcome, alarm=alarm)
        return _Booking(tick=self, campaign=sight.campaign, slots=slots, among=among, alarm=alarm).fill(fence)

    def _share(self, campaign: Campaign) -> timedelta:
        if self.account is None:
            return timedelta(0)
        return self.account.share(campaign.id, call_delay=campaign.pacing.call_delay)

    def _reserve(self, campaign_id: str, fence: int, lines: int, share: timedelta) -> Slots | NoSlots:
        horizon = self.bounds.slot_horizon
        return self.campaigns.reserve_slots(campaign_id, fence=fence, wanted=lines, horizon=horizon, share=share)


@dataclass(kw_only=True)
class _Booking:
    """Fills one run of slots with claimed contacts, batch by batch."""

    tick: Tick
    campaign: Campaign
    slots: Slots
    among: Sequence[str]
    """The zone groups whose hours are open: nobody else is claimed."""
    alarm: str
    used: int = 0
    claimed: int = 0
    sifted: int = 0
    unsent: int = 0
    doubtful: int = 0
    last: Claimed | None = None
    verdicts: dict[tuple[str, bool], Verdict] = field(default_factory=dict)
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.tick.clock.monotonic()

    def fill(self, fence: int) -> CampaignTick:
        try:
            while self._fill_batch() and self._elapsed() < _LONGEST_S:
                pass
        finally:
            if self.used < self.slots.count:
                self.tick.campaigns.return_slots(self.campaign.id, fence=fence, slots=self.slots, used=self.used)
        return CampaignTick(
            campaign_id=self.campaign.id,
            outcome="ticked",
            claimed=self.claimed,
            sifted=self.sifted,
            sent=self.used - self.unsent - self.doubtful,
            unsent=self.unsent,
            doubtful=self.doubtful,
            alarm=self.alarm,
        )

    def _fill_batch(self) -> bool:
        """Claim, sift and send one batch. False when the slots are full or nobody more is due."""
        wanted = min(_BATCH, self.slots.count - self.used)
        if wanted == 0:
            return False
        until = self.slots.end + self.tick.bounds.claim_grace
        claimed = self.tick.claims.claim_due(
            self.campaign.id,
            claim=self.tick.new_token(),
            limit=wanted,
            until=until,
            now=self._now(),
            behind=self.last,
            among=self.among,
        )
        self.claimed += len(claimed)
        self.last = claimed[-1] if claimed else None
        self._send(self._sift(claimed))
        return len(claimed) == wanted

    def _now(self) -> datetime:
        """The database's clock, carried on by our own span since the slots were reserved."""
        return self.slots.now + timedelta(seconds=self._elapsed())

    def _elapsed(self) -> float:
        return self.tick.clock.monotonic() - self.started

    def _sift(self, claimed: Sequence[Claimed]) -> Sequence[Claimed]:
        """Give back those who may not be called now; the others, in order."""
        suppressed = self.tick.suppressions.among(
            self.campaign.judged_as, [one.phone for one in claimed], purpose=self.campaign.purpose
        )
        verdicts = [(one, self._verdict(one, suppressed)) for one in claimed]
        caps = {region: caps_of(self.campaign, region) for region in {one.region for one in claimed}}
        if any(caps.values()):
            verdicts = self._within_caps(verdicts, caps)
        for verdict in {verdict for _, verdict in verdicts if not isinstance(verdict, Go)}:
            refused = [one for one, said in verdicts if said == verdict]
            to, due_at = _away(verdict)
            self.sifted += self.tick.claims.sift(refused, to=to, due_at=due_at, reason=verdict.reason)
        return [one for one, verdict in verdicts if isinstance(verdict, Go)]

    def _verdict(self, one: Claimed, suppressed: frozenset[str]) -> Verdict:
        """Judged once for all who have it in common: time zones take longer to read than a contact."""
        of = (one.region, one.phone in suppressed)
        if of not in self.verdicts:
            self.verdicts[of] = may_call(
                campaign=self.campaign, region=one.region, suppressed=of[1], now=self.slots.now
            )
        return self.verdicts[of]

    def _within_caps(
        self, verdicts: Sequence[tuple[Claimed, Verdict]], caps: Mapping[str, Sequence[Cap]]
    ) -> list[tuple[Claimed, Verdict]]:
        """A cap that somebody has reached already is found out here for all of them at once; the dial asks again.

        `caps`: those of each zone group.
        """
        asked = [one for one, said in verdicts if isinstance(said, Go) and caps[one.region]]
        sharing = self.tick.reach.sharing([one.phone for one in asked])
        capped = {one.contact_id: self._capped(one, sharing[one.phone], caps[one.region]) for one in asked}
        return [(one, capped.get(one.contact_id, said)) for one, said in verdicts]

    def _capped(self, one: Claimed, sharing: Sequence[Contact], caps: Sequence[Cap]) -> Verdict:
        own = next((contact for contact in sharing if contact.id == one.contact_id), None)
        if own is None:
            return Go()
        now, own = self.slots.now, replace(own, campaign_id=self.campaign.judged_as)
        return in_bulk(within_caps(caps=caps, contact=own, sharing=sharing, now=now), now=now)

    def _send(self, callable_now: Sequence[Claimed]) -> None:
        messages = [self._message(one, self.slots.at(self.used + index)) for index, one in enumerate(callable_now)]
        self.used += len(messages)
        now = self._now()
        delays = [queue_delay(slot_at=message.slot_at, now=now) for message in messages]
        sent = self.tick.queue.send(messages, delays=delays)
        self.doubtful += sent.doubtful
        self.alarm = self.alarm or sent.cause
        refused = {message.attempt_id for message in sent.refused}
        if refused:
            self.unsent += self.tick.claims.unsend([one for one in callable_now if one.attempt_id in refused])

    def _message(self, one: Claimed, slot_at: datetime) -> CallMessage:
        return CallMessage(
            campaign_id=self.campaign.id,
            contact_id=one.contact_id,
            attempt_id=one.attempt_id,
            slot_at=slot_at,
            not_after=slot_at + self.tick.bounds.claim_grace,
        )


def _is_claimed(said: Open | Closed) -> bool:
    """Whoever may be called now; and whoever the law lets nobody call at any time, to be told so and settled."""
    return isinstance(said, Open) or said.by_law


def _away(verdict: NotNow | Never) -> tuple[State, datetime | None]:
    return (State.SUPPRESSED, None) if isinstance(verdict, Never) else (State.PENDING, verdict.until)
