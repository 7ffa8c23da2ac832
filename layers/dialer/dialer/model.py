"""The words of the dialer: campaigns, contacts, attempts and messages, as frozen values.

Moments are aware datetimes in UTC, spans are timedeltas, phones are E.164 strings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from dialer.lifecycle import State


class CampaignState(StrEnum):
    """What the operator asked for. "Completed" is not a state: it means running with nothing left to do."""

    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    ARCHIVED = "archived"


class Doubt(StrEnum):
    """What becomes of an attempt when the carrier cannot tell whether it called."""

    HOLD = "hold"
    """Wait for a late callback or a person: nobody is ever called twice."""
    REDIAL = "redial"
    """Try again after the horizon: the operator accepts that a call placed later still may be the second."""


class Outcome(StrEnum):
    """How an attempt ended."""

    ANSWERED = "answered"
    MACHINE = "machine"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"
    CANCELED = "canceled"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Pacing:
    """How fast a campaign may dial."""

    call_delay: timedelta = timedelta(seconds=5)
    """The least time between two requests to the carrier."""
    max_concurrent: int = 10
    """The most lines in use at once."""


@dataclass(frozen=True, kw_only=True)
class CallPlan:
    """What is said to the person, and how long the call may last."""

    say: str = ""
    """Text to speak; `{name}` stands for the contact's variable of that name."""
    twiml: str = ""
    """A fixed TwiML document instead of `say`."""
    voice: str = "alice"
    language: str = "en-US"
    ring_timeout: timedelta = timedelta(seconds=30)
    talk_limit: timedelta = timedelta(minutes=5)
    detect_machine: bool = False
    opt_out_digit: str = ""
    """A key that ends all calls to this person; empty: none is offered."""


@dataclass(frozen=True, kw_only=True)
class Hours:
    """One weekly window in one time zone, for the whole campaign."""

    zone: str = "UTC"
    opens: str = "00:00"
    closes: str = "24:00"
    days: frozenset[int] = frozenset(range(7))
    """Weekdays on which the window opens: Monday is 0."""


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How often a person is tried, and how long to wait after each kind of end that is worth another try."""

    max_attempts: int = 3
    delays: dict[Outcome, timedelta] = field(
        default_factory=lambda: {
            Outcome.BUSY: timedelta(minutes=5),
            Outcome.NO_ANSWER: timedelta(minutes=30),
            Outcome.FAILED: timedelta(minutes=30),
            Outcome.MACHINE: timedelta(hours=2),
            Outcome.CANCELED: timedelta(minutes=30),  # we cancel what the carrier queues too long: nobody's fault
        }
    )


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """Who is phoned how: the operator's wishes and the counters that grant every dial."""

    id: str
    name: str
    state: CampaignState
    reason: str = ""
    """Why it is in this state, when that was not the operator's wish."""
    from_numbers: tuple[str, ...]
    call: CallPlan = CallPlan()
    pacing: Pacing = Pacing()
    hours: Hours | None = None
    retry: RetryPolicy = RetryPolicy()
    doubt: Doubt = Doubt.HOLD
    blocked_regions: dict[str, str] = field(default_factory=dict)
    """Countries (ISO 3166 codes) the carrier will not call for this account, each with its reason."""
    fence: int = 0
    next_slot_at: datetime
    next_dial_at: datetime
    setbacks: int = 0
    """Attempts in a row that did not reach the carrier; a streak pauses the campaign."""
    purpose: str = ""
    """Why people are called: one of `campaign_form.Purpose`, or empty. Suppressions may be for one purpose only."""
    form: Mapping[str, Any] = field(default_factory=dict)
    """What the operator filled in, to be shown, copied and changed."""
    created_at: datetime | None = None
    state_at: datetime | None = None
    """Since when it is in its state."""
    start_at: datetime | None = None
    """When a draft starts by itself."""
    end_at: datetime | None = None
    """When it is stopped by itself; nobody is dialed from then on."""
    dials: int = 0
    """Permits granted so far."""

    @property
    def running(self) -> bool:
        return self.state is CampaignState.RUNNING

    def has_ended(self, now: datetime) -> bool:
        """Whether its own end has come, also while nobody has stopped it yet."""
        return self.end_at is not None and now >= self.end_at

    def caller_id(self, contact_id: str) -> str:
        """The number a contact is called from: always the same one, spread evenly over the list."""
        return self.from_numbers[int(contact_id[-6:], 16) % len(self.from_numbers)]


@dataclass(frozen=True, kw_only=True)
class Sight:
    """A campaign as it is now, by the database's clock: no function's clock takes part in a decision."""

    campaign: Campaign
    now: datetime


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One permission to call, from its claim to its end."""

    id: str
    until: datetime
    """By then its state has been left, or reconcile looks at it."""
    n: int = 0
    from_number: str = ""
    token: str = ""
    """The secret of the one invocation that may dial."""
    dial_at: datetime | None = None
    sid: str = ""
    """The carrier's id of the call; empty while unknown."""
    status: str = ""
    rank: int = 0
    answered_by: str = ""


@dataclass(frozen=True, kw_only=True)
class FinishedAttempt:
    """How an attempt ended; kept with the contact as its story."""

    id: str
    n: int
    from_number: str
    dial_at: datetime | None
    ended_at: datetime
    sid: str
    outcome: Outcome
    detail: str = ""
    duration: timedelta | None = None
    """How long they talked, as the carrier said with the end."""
    price: Decimal | None = None
    """What the carrier charged, where it said so with the end: negative, in the account's currency."""


@dataclass(frozen=True, kw_only=True)
class Contact:
    """One person in one campaign."""

    id: str
    campaign_id: str
    phone: str
    region: str = ""
    """The country of the phone, an ISO 3166 code; empty when the number belongs to none."""
    priority: int = 0
    due_at: datetime | None = None
    state: State = State.PENDING
    reason: str = ""
    used: int = 0
    max: int = 1
    setbacks: int = 0
    vars: dict[str, str] = field(default_factory=dict)
    external_id: str = ""
    """What the sender of the list calls this person."""
    attempt: Attempt | None = None
    history: tuple[FinishedAttempt, ...] = ()
    list_id: str = ""
    """The list that its data come from, and the line there; empty where no list was named."""
    line: int = 0


@dataclass(frozen=True, kw_only=True)
class NewContact:
    """A row of a contact list, checked and normalised."""

    phone: str
    region: str = ""
    priority: int | None = None
    """None where the list does not say: 0 for somebody new, as it was for somebody known."""
    vars: dict[str, str] = field(default_factory=dict)
    external_id: str = ""
    """What the sender calls this person."""
    call_after: datetime | None = None
    """Nobody calls before this moment."""
    line: int = field(default=0, compare=False)
    """Its line in the list."""


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """What a tick needs to know of a contact that it claimed."""

    contact_id: str
    attempt_id: str
    phone: str
    region: str
    priority: int = 0
    due_at: datetime | None = None
    """When it was due: with the priority and the id, its place in the queue."""


@dataclass(frozen=True, kw_only=True)
class CallMessage:
    """The only thing that travels through the call queue: who, and when the permission holds."""

    campaign_id: str
    contact_id: str
    attempt_id: str
    slot_at: datetime
    not_after: datetime


@dataclass(frozen=True, kw_only=True)
class Slots:
    """A run of dial times that one tick owns: `start`, `start + spacing`, … `count` of them."""

    start: datetime
    count: int
    spacing: timedelta
    now: datetime
    """The database's clock when they were reserved."""

    def at(self, index: int) -> datetime:
        return self.start + index * self.spacing

    @property
    def end(self) -> datetime:
        return self.at(self.count)


@dataclass(frozen=True, kw_only=True)
class CallReport:
    """What the carrier said about a call, in a webhook or when asked."""

    sid: str
    status: str
    answered_by: str = ""
    detail: str = ""
    duration: timedelta | None = None
    price: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class CallRecord:
    """A call in the carrier's list."""

    sid: str
    to: str
    from_number: str
    status: str
    created_at: datetime
    answered_by: str = ""
    duration: timedelta | None = None
    price: Decimal | None = None


def attempt_id(contact_id: str, claim: str) -> str:
    """The id of the attempt that a claim gave to a contact: one claim serves a whole batch, so both are in it."""
    return f"{contact_id}-{claim}"


def claim_of(attempt: str) -> str:
    """The claim an attempt came from; empty when the id is none of ours."""
    return attempt.partition("-")[2]


def attempt_of(contact: Contact) -> Attempt:
    """The attempt of a contact that is in flight. Raises ValueError for one that is not: a bug of ours."""
    if contact.attempt is None:
        raise ValueError(f"contact {contact.id} is {contact.state} and has no attempt")
    return contact.attempt
