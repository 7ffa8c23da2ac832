"""What the steps that phone people ask of the world, promise by promise.

Losing a race is `False`, `None` or fewer items, never an error.
Every verb that moves a contact is one compare-and-set on one document, guarded by `lifecycle.MOVES`. All of them may
raise `Unavailable`: nothing is known to have happened, and the caller need not undo anything.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from dialer.breaker import Setbacks
from dialer.carrier_answers import Answer
from dialer.lifecycle import State
from dialer.model import (
    NO_GROUNDS,
    CallMessage,
    CallReport,
    Campaign,
    CampaignState,
    Claimed,
    Contact,
    Grounds,
    Number,
    Outcome,
    Sight,
    Slots,
)
from dialer.retry import RetryDecision


class Clock(Protocol):
    """This function's own time: for spans and waits only, never for a decision about a contact."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float:
        """Seconds that only grow."""
        ...

    def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The campaign lock, held: the fence is greater than every earlier owner's."""

    campaign_id: str
    owner: str
    fence: int


class CampaignLock(Protocol):
    """Keeps two ticks from doing the same work. It saves work; no promise rests on it."""

    def acquire(self, campaign_id: str, *, owner: str, lease: timedelta) -> Lease | None:
        """The lock, or None while another owner's lease lasts. A lost reply is recognised as our own lock."""
        ...

    def raise_fence(self, lease: Lease, *, above: int) -> Lease | None:
        """The same lock with a fence greater than `above`; None when no longer ours."""
        ...

    def release(self, lease: Lease) -> bool:
        """Give it back, only if it is still ours."""
        ...


@dataclass(frozen=True, kw_only=True)
class NoSlots:
    """No slots were reserved, and why."""

    fence: int
    """The campaign's fence; greater than ours when the lock table has been lost."""
    running: bool


@dataclass(frozen=True, kw_only=True)
class Draining:
    """A campaign that was paused or stopped, and may still have calls in the carrier's own queue."""

    campaign_id: str
    since: datetime


class Campaigns(Protocol):
    """The campaign document: the operator's wishes, and the grants that every dial needs."""

    def create(self, campaign: Campaign) -> None: ...

    def see(self, campaign_id: str) -> Sight | None:
        """The campaign and the database's clock, as a majority has them."""
        ...

    def running_ids(self) -> Sequence[str]:
        """All running campaigns, the one whose turn was longest ago first."""
        ...

    def set_state(
        self, campaign_id: str, state: CampaignState, *, sources: Iterable[CampaignState], reason: str = ""
    ) -> bool:
        """Move the campaign, only from one of the source states."""
        ...

    def draining(self) -> Sequence[Draining]:
        """Whoever was paused or stopped and has not been drained since."""
        ...

    def drained(self, draining: Draining) -> bool:
        """Nothing of it waits at the carrier any more; False when it has been resumed or paused again meanwhile."""
        ...

    def reserve_slots(
        self, campaign_id: str, *, fence: int, wanted: int, horizon: timedelta, share: timedelta = timedelta(0)
    ) -> Slots | NoSlots:
        """T0: own up to `wanted` dial times within the horizon. A tick with an older fence gets none.

        They are the call delay apart, and no less than the campaign's share of the account allows.
        """
        ...

    def return_slots(self, campaign_id: str, *, fence: int, slots: Slots, used: int) -> bool:
        """Give back the tail of a run, unless somebody has reserved slots since."""
        ...

    def note_ticked(self, campaign_ids: Sequence[str]) -> None:
        """They have had their turn, with or without slots: in `running_ids` the others come first."""
        ...

    def permit(self, campaign_id: str) -> bool:
        """T4c: the grant for one dial, now: only while running, and `call_delay` after the last."""
        ...

    def rest(self, campaign_id: str, *, span: timedelta) -> None:
        """Dial nobody for a while, for the carrier has calls enough to dial. It paces; no promise rests on it."""
        ...

    def count_setback(self, campaign_id: str, *, reason: str) -> Setbacks:
        """One more attempt that did not reach the carrier; what there is now, in a row and among the last dials. The
        reason is kept to be shown."""
        ...

    def count_failure(self, campaign_id: str) -> int:
        """One more call that the carrier took and could not put through; how many there are now."""
        ...

    def forgive_failures(self, campaign_id: str) -> None:
        """A call got through: it makes up for some."""
        ...

    def forget_setbacks(self, campaign_id: str) -> None: ...

    def block_region(self, campaign_id: str, region: str, *, reason: str) -> None: ...


class Account(Protocol):
    """The carrier's account, whose calls per second all campaigns share. It paces; no promise rests on it."""

    def share(self, campaign_id: str, *, call_delay: timedelta) -> timedelta:
        """Note what this campaign wishes for; the least time between its dials that is fair to the others."""
        ...

    def take_turn(self, campaign_id: str, *, share: timedelta, patience: timedelta) -> timedelta | None:
        """How long to wait for this dial's own moment; None when none can be had within `patience`.

        Moments are handed out one `spacing` apart. Who has dialed more than its share gets only one that is here now.
        """
        ...


class Claims(Protocol):
    """The tick's verbs: a batch of due contacts, each with an attempt of its own."""

    def count_booked(self, campaign_id: str, *, limit: int) -> int:
        """Lines in use or promised, counted no further than `limit`."""
        ...

    def regions_waiting(self, campaign_id: str) -> Sequence[str]:
        """The zone groups of all who wait, each once, whether due or not; it costs one look at each."""
        ...

    def anyone_due(self, campaign_id: str, *, now: datetime, among: Sequence[str] | None = None) -> bool:
        """Whether there is a candidate at all: a cheap look before slots are reserved. `among`: these zone groups."""
        ...

    def claim_due(
        self,
        campaign_id: str,
        *,
        claim: str,
        limit: int,
        until: datetime,
        now: datetime,
        behind: Claimed | None = None,
        among: Sequence[str] | None = None,
    ) -> Sequence[Claimed]:
        """T1: claim up to `limit` contacts that are due, in order of priority and due time. `claim` must be new.

        `among`: of these zone groups only, the others cost nothing; None: whatever their group.

        `now` chooses the candidates; the guard uses the database's clock. What is returned is claimed by us, even when
        the reply to the write was lost. `behind`: start after this one, the last of the same tick's batch before.
        """
        ...

    def sift(self, claimed: Sequence[Claimed], *, to: State, due_at: datetime | None, reason: str) -> int:
        """T1b: pending at a later moment, or suppressed. How many were still ours."""
        ...

    def unsend(self, claimed: Sequence[Claimed]) -> int:
        """T2: pending again, at once. How many were still ours."""
        ...


class Lines(Protocol):
    """The call function's verbs: take the line, give it back, write down what the carrier said."""

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
        """T4: the one permission to dial, or None when somebody else had it or its time has passed.

        `silence`: after it this invocation is dead. `patience`: how long the carrier may be silent about the call;
        once somebody has answered, only the `talk_limit`. `grounds`: kept with the attempt.
        Raises PhoneBusy; Unproven when the write may have happened and the database cannot say.
        """
        ...

    def explain(self, contact_id: str) -> Contact | None:
        """The contact as it is now, to say why the line was not given."""
        ...

    def put_off(self, message: CallMessage, *, after: timedelta, reason: str, setbacks: int = 0) -> bool:
        """Claimed to pending: no attempt is used. `setbacks` are added to the contact's own."""
        ...

    def forbid(self, contact: Contact, *, to: State, due_at: datetime | None, reason: str) -> bool:
        """T4b: nothing was sent and the attempt is not used."""
        ...

    def step_back(self, contact: Contact, *, after: timedelta, reason: str) -> bool:
        """T5: nothing was sent and the attempt is not used."""
        ...

    def accept(self, contact: Contact, *, sid: str) -> "Acceptance":
        """T7: the carrier has the call."""
        ...

    def refuse(self, contact: Contact, *, reason: str, other: Number | None = None) -> bool:
        """T8: failed for good; or, with another number of the person's, pending with that and the attempt not used."""
        ...

    def not_placed(self, contact: Contact, *, after: timedelta, reason: str) -> bool:
        """T9: pending again; the attempt is not used."""
        ...

    def doubt(self, contact: Contact, *, poll: timedelta, reason: str) -> bool:
        """T11: reconcile will ask the carrier."""
        ...

    def count_live(self, campaign_id: str, *, limit: int) -> int:
        """Lines in use, this one included, as a majority has them; counted no further than `limit`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Acceptance:
    """What became of the carrier's yes."""

    written: bool
    alarm: str = ""
    """What a person must know: a second call for one attempt, or a permission that was rolled back."""


@dataclass(frozen=True, kw_only=True)
class CallRef:
    """What a webhook says of whom: the ids from its URL."""

    contact_id: str
    attempt_id: str


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What a word of the carrier did: it moved somebody, or found them where it has nothing to say, or nobody."""

    moved: str = ""
    """The campaign of whom it moved."""
    contact: Contact | None = None
    """Who was not moved, as they stand."""


class Hearing(Protocol):
    """The verbs of whoever hears from the carrier: webhooks, and reconcile when it asks."""

    def find(self, contact_id: str) -> Contact | None:
        """With the variables that are to be spoken: a test call's are another contact's."""
        ...

    def hear(self, ref: CallRef, report: CallReport) -> Heard:
        """T13: progress; only forward, only for this attempt and this call."""
        ...

    def answer(self, ref: CallRef, *, sid: str) -> bool:
        """T16: whether this call may speak: the first answer of an unsettled attempt, or the same again."""
        ...

    def settle(
        self,
        ref: CallRef,
        report: CallReport,
        *,
        outcome: Outcome,
        decision: RetryDecision,
        seen: Contact | None = None,
    ) -> bool:
        """T13: the attempt's end, once. `seen`: the contact that the decision was made from; where an answer or a wish
        to be called back has come since, nothing ends."""
        ...

    def note_machine(self, ref: CallRef, *, sid: str, answered_by: str, voicemail_left: bool = False) -> str:
        """Who answered, heard before the end. The campaign of whom it is about; nothing where it is not news.

        `voicemail_left`: the voicemail text is the answer to it."""
        ...

    def note_voicemail(self, ref: CallRef, *, sid: str) -> bool:
        """The carrier asks for the voicemail text. Whether this call is on, and may have it; the same again is too."""
        ...

    def note_answer(
        self, ref: CallRef, *, name: str, value: str, sid: str = "", call_back: timedelta | None = None
    ) -> bool:
        """What the person answered, kept with the attempt, also when that is over by now. One value for each name:
        the last. `sid`, where it is known, must not be another call's.

        `call_back`: the answer asks to be called again, so long from now. Nobody sees the one without the other; it is
        no wish any more where the attempt is over."""
        ...

    def note_late(self, ref: CallRef, *, sid: str) -> bool:
        """Write the call's id into an attempt that was given up without one. True: an alarm is due."""
        ...


class LiveAnswers(Protocol):
    """The calls of campaigns that hand people on which were answered live, and which of them found nobody.

    An attempt is one entry, however often and in whatever order it is written.
    """

    def prepare(self) -> None:
        """Make what the counting needs; safe to repeat."""
        ...

    def note(self, ref: CallRef, *, campaign_id: str, at: datetime) -> bool:
        """Count it, at the earliest moment it was written of; whether it is known to have found nobody."""
        ...

    def reached(self, ref: CallRef, *, somebody: bool, at: datetime) -> bool:
        """How a transfer ended: who has found somebody once, has. Whether it is counted, and found nobody."""
        ...

    def live(self, campaign_id: str, *, since: datetime) -> int:
        """All that were counted after this moment."""
        ...

    def abandoned(self, campaign_id: str, *, since: datetime) -> int:
        """Those of them that found nobody."""
        ...


@dataclass(frozen=True, kw_only=True)
class ContactBatch:
    """Contacts as they were found, and what cannot be read as one: that must not cost the others their turn."""

    contacts: Sequence[Contact]
    unreadable: Sequence[str] = ()
    """Ids of documents that are no contact."""

    def __len__(self) -> int:
        return len(self.contacts) + len(self.unreadable)

    @property
    def troubles(self) -> list[str]:
        """A word about each that cannot be read."""
        return [f"contact {contact_id}: unreadable" for contact_id in self.unreadable]


class Waiting(Protocol):
    """Calls of a campaign that may still wait in the carrier's own queue."""

    def not_heard_of(self, campaign_id: str) -> ContactBatch:
        """Placed contacts of which nothing was heard since: no more than the campaign has lines."""
        ...

    def any_left(self, campaign_id: str) -> bool:
        """Whether there is such a contact, or one whose request may still turn into one."""
        ...


class Overdue(Protocol):
    """Reconcile's verbs: what has outlived its `until`, in every campaign whatever its state."""

    def overdue(self, state: State, *, limit: int) -> ContactBatch:
        """Contacts in this state whose `until` has passed, the longest overdue first."""
        ...

    def expire_claims(self, contacts: Sequence[Contact], *, to: State, reason: str) -> int:
        """T3: pending, or failed where the campaign has been stopped. How many were still overdue."""
        ...

    def fall_silent(self, contacts: Sequence[Contact]) -> int:
        """T12: in doubt, to be asked about at once."""
        ...

    def sharing_phone(self, phone: str) -> Sequence[Contact]:
        """Every contact with this phone, in any campaign: whose calls the carrier's list may show."""
        ...

    def look_again(self, contact: Contact, *, after: timedelta) -> bool:
        """Still in the same doubt; ask again later."""
        ...

    def adopt(self, contact: Contact, *, sid: str) -> bool:
        """T14: the carrier has the call."""
        ...

    def hold(self, contact: Contact, *, limit: timedelta, reason: str) -> bool:
        """T14: wait for a late callback or a person, until `limit` after the dial."""
        ...

    def release(self, contact: Contact, *, decision: RetryDecision, reason: str) -> bool:
        """T14, redial: pending, or failed when no attempt is left."""
        ...

    def give_up(self, contact: Contact, *, reason: str) -> bool:
        """Held too long, or no longer known to the carrier: failed, outcome unknown."""
        ...

    def resolve(self, contact_id: str, attempt_id: str, *, decision: RetryDecision, reason: str) -> bool:
        """A person settles a held contact, or lets it be called again."""
        ...


class Reach(Protocol):
    """Whom we have called, as the contacts' own stories tell it."""

    def sharing(self, phones: Sequence[str]) -> Mapping[str, Sequence[Contact]]:
        """By phone, every contact that has it, in any campaign.

        As a majority has them: after a line was taken, all that was written about this phone before is among it.
        """
        ...


class Suppressions(Protocol):
    """Phones that must not be called, kept as keyed hashes."""

    def suppress(self, phone: str, *, scope: str, source: str, reason: str) -> None: ...

    def among(self, campaign_id: str, phones: Sequence[str], *, purpose: str = "") -> frozenset[str]:
        """Which of these are suppressed for this campaign, its purpose, or everywhere, as a majority has it."""
        ...


@dataclass(frozen=True, kw_only=True)
class Said:
    """What somebody pressed or said on a call."""

    sid: str
    digits: str = ""
    words: str = ""


class OptOutQueue(Protocol):
    """Holds what may be an opt-out until it can be written down."""

    def keep(self, ref: CallRef, said: Said) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What a send is known to have done."""

    refused: Sequence[CallMessage]
    """Named by the queue as not taken: only these may be unsent."""
    doubtful: int
    """Taken or not, nobody knows: a message that may arrive is never unsent."""
    cause: str = ""
    """Why some are doubtful."""


class CallQueue(Protocol):
    """Carries call messages to the call function, and refill messages to the tick."""

    def send(self, messages: Sequence[CallMessage], *, delays: Sequence[int]) -> Sent:
        """Send with delays in whole seconds. Never raises: what is doubtful is counted, and its claim expires."""
        ...

    def refill(self, campaign_id: str, *, now: datetime) -> None:
        """Ask for a tick of this campaign, at most one a second."""
        ...


@dataclass(frozen=True, kw_only=True)
class CallRequest:
    """All that the carrier is told about a call."""

    to: str
    from_number: str
    contact_id: str
    attempt_id: str
    ring_timeout: timedelta
    talk_limit: timedelta
    detect_machine: bool
    detect_first: bool = False
    """Nothing is said before it is known who answered."""
    await_beep: bool = False
    """A machine is told of only at the end of its greeting."""


class Dialer(Protocol):
    """The carrier as the call function uses it: one request, no retry."""

    def place(self, request: CallRequest) -> Answer:
        """Send the request at most once and say what is known. Never raises once a byte may have left."""
        ...


class LiveCalls(Protocol):
    """The carrier as the voice function uses it: what is to become of a call that is on. May raise Unavailable; a call
    that is over by now is none of its errors."""

    def hang_up(self, sid: str) -> None: ...

    def leave_voicemail(self, ref: CallRef, *, sid: str) -> None:
        """Stop what is being said, and ask for the voicemail text."""
        ...


class CallerIds(Protocol):
    """Counts what each number of ours has been used for in a day. Never more than the limit, however many ask."""

    def prepare(self) -> None:
        """Make what the counting needs; safe to repeat."""
        ...

    def reserve(self, number: str, *, day: str, limit: int) -> bool:
        """One call of this day, or False where the limit is reached."""
        ...

    def release(self, number: str, *, day: str) -> None:
        """Give back a call that provably never left."""
        ...


@dataclass(frozen=True, kw_only=True)
class Pulse:
    """What is unsettled at this moment, over all campaigns."""

    uncertain: int = 0
    held: int = 0
    oldest_uncertain: timedelta = timedelta(0)
    """Since its dial."""


class Patients(Protocol):
    """Counts what waits for the carrier or for a person, to show and to sound alarms; nothing is decided by it."""

    def pulse(self) -> Pulse: ...


class Endings(Protocol):
    """Knows when a campaign has run out of work."""

    def just_finished(self, campaign_id: str) -> bool:
        """True once when a running campaign has nothing left to do, and once again after each time it had more."""
        ...


@dataclass(frozen=True, kw_only=True)
class Announcement:
    """Something that has happened, for whoever is outside: `docs/events.md` has every kind with its facts."""

    kind: str
    facts: Mapping[str, str]


class Announcer(Protocol):
    """Carries announcements out, at the end of an invocation. It never raises: no promise rests on an announcement."""

    def note(self, *announcements: Announcement) -> None: ...

    def noted(self, kind: str) -> int:
        """How many of a kind wait to be sent."""
        ...

    def publish(self) -> int:
        """Send what was noted; how many were not taken."""
        ...
