"""The words of the dialer: campaigns, contacts, attempts and messages, as frozen values.

Moments are aware datetimes in UTC, spans are timedeltas, phones are E.164 strings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from dialer import opt_out
from dialer.lifecycle import State
from dialer.script import Line, Script


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
    VOICEMAIL = "voicemail"
    """A machine, which was given the voicemail text."""
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"
    CANCELED = "canceled"
    REJECTED = "rejected"
    """The person, or a filter that they have, did not take the call."""
    REFUSED = "refused"
    UNKNOWN = "unknown"


FAX = "fax"
"""The detail of a machine's end where a fax answered."""


def rules_its_number_out(outcome: Outcome, detail: str) -> bool:
    """Whether nobody is called again at a number where an attempt ended so: there is no such one, or it is a fax's."""
    return outcome is Outcome.REFUSED or (outcome is Outcome.MACHINE and detail == FAX)


UNWANTED = "607"
"""The detail of a rejected call where the person has marked such calls as unwanted (RFC 8197)."""


def is_unwelcome(outcome: Outcome, detail: str) -> bool:
    """Whether the person has said by how an attempt ended that they do not want to be called again."""
    return outcome is Outcome.REJECTED and detail == UNWANTED


class Purpose(StrEnum):
    """Why people are called: which calling hours hold depends on it, and suppressions may be for one purpose only."""

    INFORMATIONAL = "informational"
    """Reminders, alerts, and other news that people expect."""
    TELEMARKETING = "telemarketing"
    COLLECTIONS = "collections"
    POLITICAL = "political"
    CHARITY = "charity"
    SURVEY = "survey"


class Voice(StrEnum):
    """Who speaks: automated calls have stricter hours in some states."""

    LIVE = "live"
    PRERECORDED = "prerecorded"
    """A recording, or a text that a machine reads."""
    AI = "ai"


@dataclass(frozen=True, kw_only=True)
class Pacing:
    """How fast a campaign may dial."""

    call_delay: timedelta = timedelta(seconds=5)
    """The least time between two requests to the carrier."""
    max_concurrent: int = 10
    """The most lines in use at once."""
    max_abandon: float | None = 0.025
    """The share of live answers that may find nobody to talk to, where people are handed on; None: any."""


class OnMachine(StrEnum):
    """What becomes of a call that a machine answered."""

    GO_ON = "go_on"
    """It hears what a person would hear."""
    HANG_UP = "hang_up"
    VOICEMAIL = "voicemail"
    """It is told the campaign's voicemail text after its beep."""


@dataclass(frozen=True, kw_only=True)
class CallPlan:
    """What is said to the person, and how long the call may last."""

    say: str = ""
    """Text to speak; `{name}` stands for the contact's variable of that name."""
    twiml: str = ""
    """A fixed TwiML document instead of `say`: nothing of it is looked at, and it listens to no key of ours."""
    script: Script = ()
    """Steps, instead of `say`."""
    voice: str = "alice"
    language: str = "en-US"
    ring_timeout: timedelta = timedelta(seconds=25)
    talk_limit: timedelta = timedelta(minutes=5)
    detect_machine: bool = False
    detect_first: bool = False
    """Say nothing until it is known who answered; otherwise speech begins at once."""
    on_machine: OnMachine = OnMachine.GO_ON
    voicemail: tuple[Line, ...] = ()
    opt_out_digit: str = opt_out.DIGIT
    """A key that ends all calls to this person; empty: none is offered."""
    opt_out_words: tuple[str, ...] = opt_out.WORDS
    """Words that do, wherever the call listens to words."""
    farewell: str = "You will not be called again. Goodbye."
    """What somebody hears who has opted out."""
    identification: str = ""
    """Who is calling: spoken first."""
    opt_out_line: str = ""
    """How to opt out: spoken second."""
    callback_number: str = ""
    """The number at which the caller can be reached."""


class CallerChoice(StrEnum):
    """Which of a campaign's numbers a person is called from."""

    FIXED = "fixed"
    """Always the same one; the list is spread evenly over them."""
    ROTATE = "rotate"
    """Another one at each attempt."""
    LOCAL = "local"
    """One of the person's own area, where there is one."""


@dataclass(frozen=True, kw_only=True)
class CallerPolicy:
    """Which number shows, and how often a day."""

    choice: CallerChoice = CallerChoice.FIXED
    daily_limit: int | None = None
    """The most calls a day from each number, counted over all campaigns; None: no limit, and nothing is counted."""
    zone: str = "UTC"
    """Whose days are counted."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """A span of the day, on some days of the week."""

    opens: str = "00:00"
    closes: str = "24:00"
    days: frozenset[int] = frozenset(range(7))
    """Weekdays on which it opens: Monday is 0."""


@dataclass(frozen=True, kw_only=True)
class Hours(Window):
    """A weekly window in one time zone, or several of them, for the whole campaign."""

    zone: str = "UTC"
    windows: tuple[Window, ...] = ()
    """Instead of the one: it is open while any of them is."""


@dataclass(frozen=True, kw_only=True)
class RetrySchedule:
    """What follows one kind of end: how long to wait after the first, the second, and every further one."""

    waits: tuple[timedelta, ...]
    most: int | None = None
    """After so many ends of this kind it is not tried again; None: only the campaign's own limit counts."""
    counts: bool = True
    """Whether it uses an attempt up: what the carrier could not do, does not."""

    def wait(self, before: int) -> timedelta | None:
        """How long to wait after one more end of this kind, when there were so many before; None: no more."""
        if self.most is not None and before >= self.most:
            return None
        return self.waits[min(before, len(self.waits) - 1)]


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How often a person is tried, and how long to wait after each kind of end that is worth another try."""

    max_attempts: int = 3
    max_per_day: int = 0
    """The most calls to one person within 24 hours; 0: no limit of its own."""
    spread: bool = False
    """Whether a retry comes at another part of the day, and not at the very second of everybody else's."""
    schedules: dict[Outcome, RetrySchedule] = field(default_factory=dict)
    """What follows each kind of end; one that is not named follows `delays`."""
    delays: dict[Outcome, timedelta] = field(
        default_factory=lambda: {
            Outcome.BUSY: timedelta(minutes=5),
            Outcome.NO_ANSWER: timedelta(minutes=30),
            Outcome.FAILED: timedelta(minutes=30),
            Outcome.MACHINE: timedelta(hours=2),
            Outcome.CANCELED: timedelta(minutes=30),  # we cancel what the carrier queues too long: nobody's fault
        }
    )

    def schedule_for(self, outcome: Outcome) -> RetrySchedule | None:
        """A voicemail that has no schedule of its own has the one of machines."""
        if outcome in self.schedules:
            return self.schedules[outcome]
        if outcome in self.delays:
            return RetrySchedule(waits=(self.delays[outcome],))
        return self.schedule_for(Outcome.MACHINE) if outcome is Outcome.VOICEMAIL else None


class Counted(StrEnum):
    """What a cap counts."""

    CALLS = "calls"
    """Every attempt that may have reached the carrier, one in doubt included."""
    CONVERSATIONS = "conversations"
    """Calls that a person answered."""


@dataclass(frozen=True, kw_only=True)
class Cap:
    """A call is allowed while fewer than `most` of what is counted lie within the rolling span before it."""

    name: str
    most: int
    within: timedelta
    counts: Counted = Counted.CALLS
    by: str = ""
    """A variable of the contact, such as `account_id`: calls about another value of it are not counted."""
    campaign_only: bool = False
    """Only this campaign's own calls are counted; else those of all campaigns."""


@dataclass(frozen=True, kw_only=True)
class Setback:
    """A request that came to nothing, or nobody knows to what."""

    at: datetime
    reason: str


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """Who is phoned how: the operator's wishes and the counters that grant every dial."""

    id: str
    name: str
    state: CampaignState
    reason: str = ""
    """Why it is in this state, when that was not the operator's wish."""
    from_numbers: tuple[str, ...]
    caller: CallerPolicy = CallerPolicy()
    call: CallPlan = CallPlan()
    pacing: Pacing = Pacing()
    hours: Hours | None = None
    """When the operator wants to call; it only narrows what calling hours allow."""
    purpose: Purpose = Purpose.INFORMATIONAL
    voice: Voice = Voice.PRERECORDED
    any_hour_because: str = ""
    """Why the people of this list may be called at any hour; empty: calling hours hold."""
    retry: RetryPolicy = RetryPolicy()
    doubt: Doubt = Doubt.HOLD
    caps: tuple[Cap, ...] = ()
    """How often a person may be called, whatever campaigns the calls come from."""
    blocked_regions: dict[str, str] = field(default_factory=dict)
    """Countries (ISO 3166 codes) the carrier will not call for this account, each with its reason."""
    fence: int = 0
    next_slot_at: datetime
    next_dial_at: datetime
    carrier_free_at: datetime | None = None
    """When the carrier's own queue is short again, as far as its replies have told."""
    share: timedelta = timedelta(0)
    """The least time between its dials that is fair to the account's other campaigns; 0 where nobody asks for it."""
    setbacks: int = 0
    """Attempts in a row that did not reach the carrier; a streak pauses the campaign."""
    failures: int = 0
    """Calls that the carrier took and could not put through, less those that were made up for; many pause it."""
    latest_setbacks: tuple[Setback, ...] = ()
    """To be shown; the last of them is the latest."""
    shadow_of: str = ""
    """The campaign that this one makes a test call for; it ends with that call."""
    form: Mapping[str, Any] = field(default_factory=dict)
    """What the operator filled in, to be shown, copied and changed."""
    created_at: datetime | None = None
    started_at: datetime | None = None
    """When it was first started, however often it was paused since; None for what started before this was noted."""
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

    @property
    def judged_as(self) -> str:
        """The campaign whose suppressions and caps hold: a test call may do what the campaign it tests may."""
        return self.shadow_of or self.id

    def has_ended(self, now: datetime) -> bool:
        """Whether its own end has come, also while nobody has stopped it yet."""
        return self.end_at is not None and now >= self.end_at


@dataclass(frozen=True, kw_only=True)
class Sight:
    """A campaign as it is now, by the database's clock: no function's clock takes part in a decision."""

    campaign: Campaign
    now: datetime


@dataclass(frozen=True, kw_only=True)
class Grounds:
    """By what an attempt was allowed, as it was known when the line was taken; empty where nobody noted it."""

    rules: str = ""
    """The version of what the clocks were read by: see `calling.lawful.judged_by`."""
    rule: str = ""
    """Which rules they were: see `calling.lawful.allowed_by`."""
    zone_source: str = ""
    """What its zone group was made from: see `calling.hinted.zone_source`."""


NO_GROUNDS = Grounds()


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
    """Who the carrier takes it for, in its own words: `human`, `machine_end_beep`, `fax`, `unknown`."""
    voicemail_left: bool = False
    """The voicemail text was handed to the carrier, to be spoken to a machine."""
    answers: dict[str, str] = field(default_factory=dict)
    """What the person pressed, said or reached, by the name of the step that asked."""
    region: str = ""
    """The zone group whose clocks allowed it; empty before it was dialed."""
    rules: str = ""
    rule: str = ""
    zone_source: str = ""
    """These three are its grounds: see `Grounds`."""


@dataclass(frozen=True, kw_only=True)
class FinishedAttempt:
    """How an attempt ended; kept with the contact as its story."""

    id: str
    n: int
    to: str = ""
    """The phone that was dialed."""
    from_number: str
    dial_at: datetime | None
    ended_at: datetime
    sid: str
    outcome: Outcome
    detail: str = ""
    answered_by: str = ""
    """Who the carrier took it for, in its own words; empty where it did not say."""
    voicemail_left: bool = False
    """The voicemail text was handed to the carrier, to be spoken to a machine."""
    answers: dict[str, str] = field(default_factory=dict)
    duration: timedelta | None = None
    """How long they talked, as the carrier said with the end."""
    price: Decimal | None = None
    """What the carrier charged, where it said so with the end: negative, in the account's currency."""
    region: str = ""
    """The zone group whose clocks allowed it."""
    rules: str = ""
    rule: str = ""
    zone_source: str = ""
    """These three are its grounds: see `Grounds`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What was decided about a contact, beside what its attempts came to."""

    at: datetime
    state: State
    """What it was put into."""
    reason: str
    due_at: datetime | None = None
    """From when it waits, where it does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Number:
    """A phone of somebody's."""

    phone: str
    region: str = ""
    """Where it may ring: a zone group (`calling.group`), which begins with its country; empty: nobody knows."""


@dataclass(frozen=True, kw_only=True)
class Contact:
    """One person in one campaign."""

    id: str
    campaign_id: str
    phone: str
    """The one that is dialed, or will be next."""
    region: str = ""
    """Where it may ring: a zone group (`calling.group`), which begins with its country; empty: nobody knows."""
    listed: str = ""
    """The first phone of its row: by it the campaign knows this person, whichever is dialed."""
    numbers: tuple[Number, ...] = ()
    """All that the person has, in the order in which they are tried; empty where there is but one."""
    priority: int = 0
    due_at: datetime | None = None
    callback_at: datetime | None = None
    """When this person asked to be called; it wins over every schedule."""
    state: State = State.PENDING
    reason: str = ""
    used: int = 0
    max: int = 1
    setbacks: int = 0
    vars: dict[str, str] = field(default_factory=dict)
    external_id: str = ""
    """What the sender of the list calls this person."""
    caller_id: str = ""
    """The number that the list has this person called from; empty: the campaign chooses."""
    attempt: Attempt | None = None
    history: tuple[FinishedAttempt, ...] = ()
    decisions: tuple[Decision, ...] = ()
    """The latest, the oldest of them first."""
    list_id: str = ""
    """The list that its data come from, and the line there; empty where no list was named."""
    line: int = 0

    @property
    def phones(self) -> tuple[str, ...]:
        """All that the person has: who must not be called at one of them is called at none."""
        return tuple(dict.fromkeys((self.phone, *(number.phone for number in self.numbers))))


@dataclass(frozen=True, kw_only=True, slots=True)
class NewContact:
    """A row of a contact list, checked and normalised. A list has millions: slots are quicker, and smaller by half."""

    phone: str
    region: str = ""
    alternates: tuple[Number, ...] = ()
    """Other phones of the same person, in the order in which they are tried."""
    priority: int | None = None
    """None where the list does not say: 0 for somebody new, as it was for somebody known."""
    vars: dict[str, str] = field(default_factory=dict)
    vars_of: str = ""
    """The contact whose variables are spoken to this one: a test call's, which keeps nobody's values."""
    caller_id: str = ""
    """The number of the campaign's that this person is called from; empty: the campaign chooses."""
    external_id: str = ""
    """What the sender calls this person."""
    call_after: datetime | None = None
    """Nobody calls before this moment."""
    callback_at: datetime | None = None
    """When this person asked to be called; one that is past asks for nothing any more."""
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
