"""What the office's steps ask of the world: campaigns and lists as operators see them, people, tokens, the audit.

As in `ports`, losing a race is `False`, `None` or fewer items, and all of them may raise `Unavailable`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from dialer.answers import KeptAnswer
from dialer.lifecycle import State
from dialer.model import CallRecord, CallReport, Campaign, CampaignState, Contact, NewContact
from dialer.ports import Suppressions
from dialer.tokens import Role, Token


@dataclass(frozen=True, kw_only=True)
class Added:
    """What an import did: each row is in one of these."""

    added: int
    known: int
    """Rows about somebody whom the campaign already had, and that change nothing: they say nothing new, or this person
    no longer waits."""
    updated: int = 0
    """Rows about somebody who waits, with something new."""
    repeated: int = 0
    """Rows whose phone stands earlier in the same list."""


class Roll(Protocol):
    """Contacts as they stand."""

    def holding(self, campaign_id: str, state: State, *, limit: int) -> Sequence[Contact]:
        """Contacts in a state, to list them."""
        ...

    def regions_waiting(self, campaign_id: str) -> Sequence[str]:
        """The zone groups of all who wait, each once."""
        ...


class ContactBook(Roll, Protocol):
    """Contacts coming in and being counted."""

    def prepare(self) -> None:
        """Make the indexes; safe to repeat. No contact may exist without them."""
        ...

    def add(self, campaign_id: str, contacts: Sequence[NewContact], *, max_attempts: int, list_id: str = "") -> Added:
        """Bring in whoever is new, and tell those who wait what is new about them: nobody twice, no attempt touched.

        The same rows of the same list count the same when they come again, whatever became of the first time.
        """
        ...

    def cancel_waiting(self, campaign_id: str, phones: Sequence[str], *, reason: str) -> int:
        """Pending or claimed to failed: whoever has one of these phones, as any of their numbers. How many."""
        ...

    def page(self, campaign_id: str, *, after: str, limit: int) -> Sequence[Contact]:
        """Everybody, page by page in the order of their phones, behind a phone."""
        ...

    def count_by_state(self, campaign_id: str) -> dict[State, int]:
        """How many contacts are in each state, all at one moment; of a very long list, a moment that has passed."""
        ...


class Witness(Protocol):
    """The carrier as reconcile asks it: reads, which may be repeated, and a cancel. All may raise Unavailable."""

    def calls_to(self, phone: str, *, from_number: str) -> Sequence[CallRecord]:
        """Every call the carrier lists from one number to another: complete, or Unavailable."""
        ...

    def report(self, sid: str) -> CallReport | None:
        """What has become of a call; None when the carrier knows no such call."""
        ...

    def mentions(self, sid: str, attempt_id: str) -> bool | None:
        """Whether the carrier's request log of a call shows our attempt; None while it shows nothing yet."""
        ...

    def cancel(self, sid: str) -> None:
        """Stop a call that is still queued or ringing."""
        ...


@dataclass(frozen=True, kw_only=True)
class LogPlace:
    """Where a page of the carrier's call log begins: the first one has neither."""

    page: int = 0
    token: str = ""


@dataclass(frozen=True, kw_only=True)
class LogPage:
    """A page of the carrier's call log, and where the next one begins; None behind the last."""

    calls: Sequence[CallRecord]
    next: LogPlace | None


class CallLog(Protocol):
    """The carrier's record of its calls, as an audit reads it. All may raise Unavailable."""

    def page(self, from_number: str, *, since: datetime, until: datetime, at: LogPlace, size: int) -> LogPage:
        """Calls from this number that were started on the days from `since` to `until`, newest first.

        Days, because that is all the carrier promises to filter by: the page may hold calls from outside the window.
        """
        ...

    def attempts_behind(self, sid: str) -> frozenset[str]:
        """The attempts that the carrier's request log of this call shows; none while it shows nothing yet."""
        ...


@dataclass(frozen=True, kw_only=True)
class AttemptedContacts:
    """Some contacts, in the order of their phones, and what cannot be read as a contact."""

    contacts: Sequence[Contact]
    unreadable: int = 0
    last: str = ""
    """The phone to go on behind; empty where these were the last."""


class AttemptBook(Protocol):
    """Attempts, for whoever checks them: keyed reads, and nothing is written."""

    def to_phones(self, phones: Iterable[str]) -> AttemptedContacts:
        """Every contact with one of these phones, in any campaign."""
        ...

    def in_campaign(self, campaign_id: str, *, behind: str, limit: int) -> AttemptedContacts:
        """The campaign's next contacts behind this phone."""
        ...


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a page ended: the next one begins behind it."""

    at: datetime
    id: str


@dataclass(frozen=True, kw_only=True)
class Halted:
    """Everything has been halted."""

    paused: Sequence[str]
    """The campaigns that were running."""
    unscheduled: int
    """Drafts that would have started by themselves."""
    last_permit_at: datetime | None
    """When the last dial was granted, in any of them; no later one was."""
    at: datetime
    """When nobody was running any more, by the database's clock, as all of these."""


class CampaignDesk(Protocol):
    """Campaigns as an operator sees them, beside the grants of `Campaigns`."""

    def page(self, *, limit: int, state: CampaignState | None, behind: Place | None) -> Sequence[Campaign]:
        """The newest first, from behind a place on."""
        ...

    def change(self, before: Campaign, after: Campaign, *, states: Iterable[CampaignState]) -> bool:
        """Write what differs between two versions of the operator's wishes: only in one of these states, and only
        while the form is as it was before."""
        ...

    def schedule(
        self, campaign_id: str, *, start_at: datetime | None, end_at: datetime | None, states: Iterable[CampaignState]
    ) -> bool: ...

    def halt(self, *, reason: str) -> Halted:
        """Pause all that run: when it returns, no permit is granted any more, unless somebody starts one again."""
        ...


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A campaign whose own start or end has come."""

    campaign_id: str
    state: CampaignState
    reason: str


@dataclass(frozen=True, kw_only=True)
class StartingBatch:
    """Drafts whose start has come, and what cannot be read as a campaign: that must not keep the others waiting."""

    campaigns: Sequence[Campaign]
    unreadable: Sequence[str] = ()
    """Ids of documents that are no campaign."""


class Timetable(Protocol):
    """Campaigns whose own moment has come. Each is moved once, however many look at the same time."""

    def starting(self) -> StartingBatch:
        """Drafts whose start has come."""
        ...

    def start(self, campaign_id: str, *, reason: str) -> bool:
        """Draft to running, only while its start has come."""
        ...

    def refuse_start(self, campaign_id: str, *, reason: str) -> bool:
        """It stays a draft and has no start any more, only while its start has come."""
        ...

    def stop_ended(self, *, reason: str) -> Sequence[str]:
        """Stop those whose end has come."""
        ...


class Tokens(Protocol):
    """Tokens, and how many requests each has left."""

    def find(self, token_id: str) -> Token | None: ...

    def is_good(self, token_id: str) -> bool:
        """Neither expired nor revoked, by the database's clock."""
        ...

    def any_good(self, role: Role) -> bool: ...

    def keep(self, token: Token) -> None: ...

    def spend(self, token: Token) -> bool:
        """Take one request; False where none is left now, or the token is no longer good."""
        ...

    def revoke(self, token_id: str) -> bool: ...

    def all(self) -> Sequence[Token]: ...


@dataclass(frozen=True, kw_only=True)
class Deed:
    """One change, as the audit log keeps it: no phone, and of what somebody wrote the reason alone."""

    id: str
    at: datetime
    who: str
    name: str
    """The token's name."""
    what: str
    """Such as `POST /campaigns/{campaign_id}/pause`."""
    about: Mapping[str, str]
    """The ids it is about; of a suppression the phone's keyed hash, and the scope."""
    reason: str
    """Why, in the words of whoever asked for it; empty where they gave none."""
    fields: Sequence[str]
    """The names of what was given."""
    outcome: str
    """An HTTP status; `unknown` where the function died before it was over."""


class AuditLog(Protocol):
    """Who has changed what, written before the change and completed after it."""

    def begin(
        self, *, who: str, name: str, what: str, about: Mapping[str, str], fields: Sequence[str], reason: str = ""
    ) -> str:
        """Its id. Where this fails nothing may be changed."""
        ...

    def tell(self, deed_id: str, *, about: Mapping[str, str]) -> None:
        """More of what it is about. Where this fails nothing may be changed."""
        ...

    def end(self, deed_id: str, *, outcome: str, about: Mapping[str, str]) -> None: ...

    def page(self, *, limit: int, behind: str, about: str = "", who: str = "") -> Sequence[Deed]:
        """The newest first, from behind an id on: all, or those about this alone, or by this token alone."""
        ...


@dataclass(frozen=True, kw_only=True)
class ContactPage:
    """Contacts, and where the next page begins; empty on the last."""

    contacts: Sequence[Contact]
    next: str


class People(Protocol):
    """Contacts as a person looks for them, and the moves that only a person makes."""

    def find(self, contact_id: str) -> Contact | None: ...

    def with_phone(self, phone: str) -> Sequence[Contact]: ...

    def with_external_id(self, external_id: str) -> Sequence[Contact]: ...

    def in_state(self, campaign_id: str, state: State, *, limit: int, cursor: str) -> ContactPage: ...

    def hold_back(self, contact: Contact, *, reason: str) -> bool:
        """Pending or claimed to pending, and not due until let go."""
        ...

    def let_go(self, contact: Contact, *, reason: str) -> bool:
        """Due as before the hold, or at once where that is past; only where held back."""
        ...

    def call_back(self, contact: Contact, *, at: datetime, reason: str) -> bool:
        """Pending or claimed to pending, and due then; not who is on hold."""
        ...

    def remember(self, contact: Contact, *, at: datetime) -> bool:
        """That somebody who is being called, and has an attempt left, is to be called again then."""
        ...

    def cancel(self, contact: Contact, *, reason: str) -> bool:
        """Pending or claimed to failed."""
        ...

    def erase(self, contact: Contact) -> bool:
        """Remove it, unless its phone may be ringing."""
        ...


@dataclass(frozen=True, kw_only=True)
class SuppressedIn:
    """One scope in which a phone is suppressed, and who said so."""

    scope: str
    source: str
    reason: str
    at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Suppressed:
    """A phone on the list; only its hash is known."""

    hash: str
    scopes: Sequence[SuppressedIn]


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A phone that is to be on the list in one scope."""

    phone: str
    """Or a hash of ours."""
    scope: str
    source: str
    reason: str
    at: datetime | None = None
    """Since when, where another list knows it; otherwise since now."""


class SuppressionList(Suppressions, Protocol):
    """The list itself, for whoever keeps it."""

    def hash_of(self, phone: str) -> str: ...

    def add(self, listings: Sequence[Listing]) -> int:
        """How many were in their scope for the first time; the others keep what is told of them."""
        ...

    def remove(self, digest: str, *, scope: str) -> bool: ...

    def find(self, digest: str) -> Suppressed | None: ...

    def page(self, *, limit: int, behind: str) -> Sequence[Suppressed]: ...


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How many contacts were settled in a state, with a reason."""

    state: State
    reason: str
    contacts: int


@dataclass(frozen=True, kw_only=True)
class Ends:
    """How many attempts ended in a minute, in the same way."""

    at: datetime
    outcome: str
    detail: str
    """What the carrier said, where the call came to nothing."""
    attempts: int


@dataclass(frozen=True, kw_only=True)
class Sums:
    """What is known of a campaign without looking at every contact."""

    ended: Sequence[Ended]
    attempts: int
    """Of settled contacts."""
    attempted: int
    """Settled contacts that were called at all."""
    outcomes: Mapping[str, int]
    """How attempts ended, whether their contacts are settled or wait for another one."""
    settled_by_minute: Sequence[tuple[datetime, int]]
    dials_by_minute: Sequence[tuple[datetime, int]]
    """How many permits had been granted at a moment."""
    ends: Sequence[Ends]
    """Of the last hour in which any ended."""
    answers: Mapping[str, Mapping[str, int]]
    """With how many of the ended attempts each answer was kept, by its name; the most frequent first."""
    upto: datetime
    whole: bool
    now: datetime


class Statistics(Protocol):
    """Sums that go forward by marks: each look adds what is new since the last. Nothing is decided by them."""

    def sample(self) -> None:
        """Note how many permits each running campaign has been granted."""
        ...

    def sums(self, campaign_id: str, *, within: timedelta, countable: frozenset[KeptAnswer] = frozenset()) -> Sums:
        """`countable`: the answers that are counted each by itself, from now on. All others are `other`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How many contacts in flight are alike."""

    state: State
    status: str
    """The call's, where it has one."""
    reason: str
    contacts: int


@dataclass(frozen=True, kw_only=True)
class Called:
    """One attempt of somebody: one that is on, or has ended."""

    contact: Contact
    attempt_id: str
    dialed_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class WaitingGroup:
    """How many wait in one zone group."""

    region: str
    contacts: int
    due: int
    """Whose moment has come."""
    held_back: int
    """Who wait for a person to release them."""
    next_at: datetime | None
    """When the next of the others is due."""


@dataclass(frozen=True, kw_only=True)
class Wait:
    """How many wait for the same reason: what their last attempt came to, or what was decided about them."""

    reason: str
    contacts: int
    next_at: datetime | None
    """When the next of those is due whose moment is still to come."""


class Floor(Protocol):
    """Looks at who is on the line, lately called, or waiting where: a second or two old, and deciding nothing."""

    def in_flight(self, campaign_id: str) -> Sequence[Standing]: ...

    def waiting(self, campaign_id: str, *, now: datetime) -> Sequence[WaitingGroup]:
        """By zone group, the largest first."""
        ...

    def waits(self, campaign_id: str, *, now: datetime) -> Sequence[Wait]:
        """By reason, the most frequent first, rare ones together; whoever waits for their first turn has none."""
        ...

    def latest(self, campaign_id: str, *, limit: int) -> Sequence[Called]:
        """Calls that are on, and those that ended last, in the order of their dials, the latest first.

        No more than half of them are on where as many have ended: who looks wants to see how calls end, too.
        """
        ...
