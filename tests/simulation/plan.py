"""What one seed's universe is like: its campaigns, its people, its faults. Everything that is drawn is drawn here."""

from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

from dialer.bounds import Bounds
from dialer.model import (
    CallPlan,
    Campaign,
    CampaignState,
    Cap,
    Counted,
    Doubt,
    Hours,
    Outcome,
    Pacing,
    RetryPolicy,
)
from tests.builders import FROM_NUMBER, LONG_AGO, a_phone
from tests.simulation import carrier, queues
from tests.simulation.chance import Kind, Outage

MINUTE = 60_000
BOUNDS = Bounds(
    slot_horizon=timedelta(seconds=60),
    lock_lease=timedelta(seconds=30),
    call_timeout=timedelta(seconds=15),
    queue_visibility=timedelta(seconds=30),
    dial_guard=timedelta(seconds=1),
    post_timeout=timedelta(seconds=5),
    early_wait=timedelta(seconds=3),
    dial_silence=timedelta(seconds=40),
    queue_time=timedelta(seconds=60),
    settle_poll=timedelta(seconds=20),
    settle_horizon=timedelta(minutes=4),
    list_margin=timedelta(seconds=120),
    hold_limit=timedelta(minutes=12),
)
"""The product's bounds, brought closer together, so that a universe is over in minutes; their order is the same."""
RATES = {
    Kind.SLOW: 0.04,
    Kind.REFUSED: 0.02,
    Kind.LOST: 0.02,
    Kind.REPLY_LOST: 0.03,
    Kind.LATE: 0.015,
    Kind.CRASH: 0.012,
    Kind.CRASH_SENT: 0.02,
    Kind.PAUSE: 0.02,
}
_NEARLY_ALL_DAY = (("00:00", "15:04"), ("00:00", "15:01"), ("15:02", "24:00"), ("15:01", "15:05"))


MOST_BETWEEN = timedelta(minutes=1)
"""The end of a cap, the next tick, and a call that nobody takes."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One universe, before it begins."""

    seed: int
    campaigns: tuple[Campaign, ...]
    people: tuple[tuple[str, tuple[str, ...]], ...]
    """Campaign ids and the phones in their lists."""
    alternates: tuple[str, ...]
    """Phones that each of them can be called at too, in this order; some are in the lists themselves."""
    ends: int
    """When faults stop."""
    rates: dict[Kind, float]
    rough_carrier: float
    outages: tuple[Outage, ...]
    lagging: bool
    skew: float
    """How far the clocks of functions are off, in seconds."""
    workers_miss: float
    """How often a schedule misses a beat, or beats twice."""
    webhooks_lost: float
    webhooks_twice: float
    webhooks_late: int
    opt_outs: float
    operator: float
    """How often, per minute, the operator does something."""
    stops: bool
    account_spacing: timedelta | None
    """The least time between two dials of the whole account, where it is bounded."""
    carrier: carrier.Habits
    queues: queues.Habits
    region: str = "US-NY New_York"
    """The zone group of everybody: it begins at ten in New York, a quarter before nine in Nepal."""

    @property
    def patience(self) -> int:
        """After the last fault everything has come to rest by then, or something is stuck.

        A cap may let a family's members be called only one after another, each as often as they may be.
        """
        waits = [cap.within + MOST_BETWEEN for campaign in self.campaigns for cap in campaign.caps]
        attempts = sum(campaign.retry.max_attempts for campaign in self.campaigns)
        longest = max(waits, default=timedelta(0)) * attempts * len(self.people[0][1])
        return 45 * MINUTE + round(longest / timedelta(milliseconds=1))


CROWDED = 1_000_000
"""From this seed on universes have ten people and more in each list. There are no caps and no other number of a family
in them: so many people would wait for hours, one for another."""


def plan_of(seed: int) -> Plan:
    luck = Random(seed)
    campaigns = tuple(_campaign(f"{index:012x}", luck) for index in range(1, 1 + _often(luck, 0.25)))
    campaigns = tuple(replace(campaign, caps=_caps(Random(f"caps {seed} {campaign.id}"))) for campaign in campaigns)
    shared = [a_phone(index) for index in range(luck.randint(1, 5))]
    if seed >= CROWDED:
        crowd = Random(f"crowd {seed}")
        shared = [a_phone(index) for index in range(crowd.randint(10, 25))]
        campaigns = tuple(replace(campaign, pacing=_brisk(crowd), caps=()) for campaign in campaigns)
    ends = luck.randint(2 * MINUTE, 7 * MINUTE)
    kinds = [kind for kind in RATES if luck.random() < 0.6]
    scale = luck.choice((0.0, 0.3, 1.0, 1.0, 2.0, 4.0))
    return Plan(
        seed=seed,
        campaigns=campaigns,
        people=tuple((campaign.id, tuple(shared)) for campaign in campaigns),
        alternates=() if seed >= CROWDED else _alternates(Random(f"alternates {seed}"), shared),
        ends=ends,
        rates={kind: RATES[kind] * scale for kind in kinds},
        rough_carrier=luck.choice((1.0, 5.0, 10.0)),
        outages=tuple(_outage(luck, ends) for _ in range(luck.choice((0, 0, 0, 1, 2)))),
        lagging=luck.random() < 0.5,
        skew=luck.choice((0.0, 0.0, 5.0, 300.0)),
        workers_miss=luck.choice((0.0, 0.2, 0.5)),
        webhooks_lost=luck.choice((0.0, 0.1, 0.5, 1.0)),
        webhooks_twice=luck.choice((0.0, 0.2, 0.5)),
        webhooks_late=luck.choice((100, 2_000, 30_000)),
        opt_outs=luck.choice((0.0, 0.0, 0.3)),
        operator=luck.choice((0.0, 0.0, 1.0, 5.0)),
        stops=luck.random() < 0.08,
        account_spacing=Random(f"account {seed}").choice((None, None, timedelta(seconds=1), timedelta(seconds=3))),
        carrier=_carrier(luck, ends),
        queues=queues.Habits(
            refuse=luck.choice((0.0, 0.0, 0.1)),
            twice=luck.choice((0.0, 0.1, 0.5)),
            resent=luck.choice((0.0, 0.0, 0.2)),
            redriven=luck.choice((0.0, 0.0, 0.2)),
            stalls=_span(luck, ends, 20_000) if luck.random() < 0.3 else (0, 0),
        ),
        region=luck.choice(("US-NY New_York", "NP Asia/Kathmandu")),
    )


def _often(luck: Random, more: float) -> int:
    return 2 if luck.random() < more else 1


def _campaign(campaign_id: str, luck: Random) -> Campaign:
    wait = timedelta(seconds=luck.choice((15, 40)))
    opens, closes = luck.choice(_NEARLY_ALL_DAY)
    return Campaign(
        id=campaign_id,
        name="Appointments",
        state=CampaignState.RUNNING,
        from_numbers=(FROM_NUMBER,),
        call=CallPlan(
            say="Hello.",
            ring_timeout=timedelta(seconds=10),
            talk_limit=timedelta(seconds=20),
            opt_out_digit="9",
        ),
        pacing=Pacing(
            call_delay=timedelta(milliseconds=luck.choice((200, 1000, 3000, 5000))),
            max_concurrent=luck.choice((1, 2, 5)),
        ),
        hours=Hours(opens=opens, closes=closes) if luck.random() < 0.2 else None,
        retry=RetryPolicy(
            max_attempts=luck.randint(1, 3),
            delays={outcome: wait for outcome in RETRIED if luck.random() < 0.9} | {Outcome.CANCELED: wait},
        ),
        doubt=luck.choice((Doubt.HOLD, Doubt.HOLD, Doubt.REDIAL)),
        next_slot_at=LONG_AGO,
        next_dial_at=LONG_AGO,
    )


def _brisk(luck: Random) -> Pacing:
    """A crowd must be called before the universe's patience ends; a tick sends no more than one batch."""
    return Pacing(call_delay=timedelta(milliseconds=luck.choice((100, 500))), max_concurrent=luck.choice((4, 7, 10)))


def _alternates(luck: Random, phones: list[str]) -> tuple[str, ...]:
    """A family's number, or somebody else's own."""
    return luck.choice(((), (), (), (a_phone(90),), (phones[0],), (phones[-1], a_phone(91))))


def _caps(luck: Random) -> tuple[Cap, ...]:
    """Short ones, so that a universe sees them reached and free again."""
    calls = Cap(name="calls", most=luck.randint(1, 3), within=timedelta(seconds=luck.choice((20, 60, 180))))
    lock_out = Cap(name="lock-out", most=1, within=timedelta(seconds=120), counts=Counted.CONVERSATIONS)
    own = replace(calls, name="own", campaign_only=True)
    return luck.choice(((), (), (), (calls,), (calls, lock_out), (lock_out,), (own,)))


RETRIED = (Outcome.BUSY, Outcome.NO_ANSWER, Outcome.FAILED, Outcome.MACHINE, Outcome.CANCELED)


def _outage(luck: Random, ends: int) -> Outage:
    begins, stops = _span(luck, ends, 60_000)
    return Outage(part=luck.choice(("database", "database", "lock", "queue", "carrier")), begins=begins, ends=stops)


def _span(luck: Random, ends: int, longest: int) -> tuple[int, int]:
    begins = luck.randint(0, ends)
    return begins, begins + luck.randint(1_000, longest)


def _carrier(luck: Random, ends: int) -> carrier.Habits:
    return carrier.Habits(
        tells=20_000,
        late=luck.choice((0, 5_000, 60_000, 120_000)),
        list_lag=luck.choice((0, 5_000, 60_000)),
        clock_off=luck.randint(-60_000, 60_000),
        queue=luck.choice((0, 0, 10_000, 150_000)),
        errors=luck.choice((0.0, 0.1, 0.3, 0.8)),
        account_broken=_span(luck, ends, 60_000) if luck.random() < 0.2 else (0, 0),
    )
