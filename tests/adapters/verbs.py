"""Every verb that moves a contact, in one list: what it is called, which moves it makes, where it ends.

`act` gets the contact as its caller believes it to be, and says whether it moved anything.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from pymongo.collection import Collection

from dialer.adapters.claims import MongoClaims
from dialer.adapters.hearing import MongoHearing
from dialer.adapters.lines import MongoLines
from dialer.adapters.mongo import Document
from dialer.adapters.overdue import MongoOverdue
from dialer.adapters.people import MongoPeople
from dialer.lifecycle import IN_FLIGHT, MOVES, Move, State
from dialer.model import CallReport, Contact, Grounds, Number, Outcome, attempt_of
from dialer.ports import CallRef
from dialer.retry import RetryDecision
from tests.builders import FROM_NUMBER, a_claimed, a_contact, a_message, a_sid, an_attempt, now

Contacts = Collection[Document]
LATER = timedelta(minutes=5)
TEXT = "$phone"  # what would turn into the contact's phone if it were read as a field


@dataclass(frozen=True, kw_only=True)
class Verb:
    """`scoped`: by the attempt's id (the others renew nothing that is not overdue, or what a person saw without one).
    `secret`: also by its token."""

    name: str
    moves: tuple[Move, ...]
    to: State
    act: Callable[[Contacts, Contact], object]
    scoped: bool = True
    secret: bool = False

    @property
    def sources(self) -> frozenset[State]:
        return frozenset().union(*(MOVES[move].sources for move in self.moves))

    def __str__(self) -> str:
        return f"{self.name} to {self.to}"


def believed(contact: Contact) -> Contact:
    """The contact with an attempt, as somebody late would still see it."""
    return contact if contact.attempt else replace(contact, attempt=an_attempt(contact.id))


def a_contact_for(verb: Verb, state: State, **overrides: Any) -> Contact:
    """A contact in a state in which the verb finds nothing wrong but, perhaps, the state itself."""
    contact = a_contact(state=state, **overrides)
    if contact.attempt is None:
        return contact
    attempt = replace(contact.attempt, sid=contact.attempt.sid and SID)
    if not verb.scoped:
        attempt = replace(attempt, until=now() - timedelta(seconds=1))
    return replace(contact, attempt=attempt)


SID = a_sid()
ANOTHER = Number(phone="+447700900123", region="GB Europe/London")


def _ref(contact: Contact) -> CallRef:
    return CallRef(contact_id=contact.id, attempt_id=attempt_of(contact).id)


def _end(status: str = "completed") -> CallReport:
    return CallReport(sid=SID, status=status, detail=TEXT)


def _claim(contacts: Contacts, contact: Contact) -> object:
    return MongoClaims(contacts).claim_due(
        contact.campaign_id, claim="$claim", limit=10, until=now() + timedelta(minutes=6), now=now()
    )


def _sift(to: State) -> Callable[[Contacts, Contact], object]:
    due_at = now() + LATER if to is State.PENDING else None
    return lambda contacts, contact: MongoClaims(contacts).sift([a_claimed(contact)], to=to, due_at=due_at, reason=TEXT)


def _take(contacts: Contacts, contact: Contact) -> object:
    return MongoLines(contacts).take_line(
        a_message(contact),
        token="$token",
        from_number=FROM_NUMBER,
        silence=LATER,
        patience=LATER,
        talk_limit=LATER,
        grounds=Grounds(rules=TEXT, rule=TEXT, zone_source=TEXT),
    )


def _forbid(to: State) -> Callable[[Contacts, Contact], object]:
    due_at = now() + LATER if to is State.PENDING else None
    return lambda contacts, contact: MongoLines(contacts).forbid(contact, to=to, due_at=due_at, reason=TEXT)


def _settle(to: State) -> Callable[[Contacts, Contact], object]:
    decision = RetryDecision(state=to, after=LATER if to is State.PENDING else None)
    return lambda contacts, contact: MongoHearing(contacts).settle(
        _ref(contact), _end(), outcome=Outcome.BUSY, decision=decision
    )


def _lines(name: str, **named: Any) -> Callable[[Contacts, Contact], object]:
    return lambda contacts, contact: getattr(MongoLines(contacts), name)(contact, reason=TEXT, **named)


def _overdue(name: str, **named: Any) -> Callable[[Contacts, Contact], object]:
    return lambda contacts, contact: getattr(MongoOverdue(contacts), name)(contact, **named)


def _release(to: State) -> Callable[[Contacts, Contact], object]:
    decision = RetryDecision(state=to, due_at=now() if to is State.PENDING else None)
    return _overdue("release", decision=decision, reason=TEXT)


def _resolve(to: State) -> Callable[[Contacts, Contact], object]:
    return lambda contacts, contact: MongoOverdue(contacts).resolve(
        contact.id, attempt_of(contact).id, decision=RetryDecision(state=to), reason=TEXT
    )


def _expire(to: State) -> Callable[[Contacts, Contact], object]:
    return lambda contacts, contact: MongoOverdue(contacts).expire_claims([contact], to=to, reason=TEXT)


def _person(name: str, **more: Any) -> Callable[[Contacts, Contact], object]:
    """A person sees no attempt of somebody who waits."""
    return lambda contacts, contact: getattr(MongoPeople(contacts), name)(
        replace(contact, attempt=None) if contact.state is State.PENDING else contact, reason=TEXT, **more
    )


P, F, S = State.PENDING, State.FAILED, State.SUPPRESSED

VERBS = (
    Verb(name="claim_due", moves=(Move.CLAIM,), to=State.CLAIMED, act=_claim, scoped=False),
    Verb(name="sift", moves=(Move.SIFT,), to=P, act=_sift(P)),
    Verb(name="sift", moves=(Move.SIFT,), to=S, act=_sift(S)),
    Verb(name="unsend", moves=(Move.UNSEND,), to=P, act=lambda cs, c: MongoClaims(cs).unsend([a_claimed(c)])),
    Verb(name="expire_claims", moves=(Move.EXPIRE,), to=P, act=_expire(P), scoped=False),
    Verb(name="expire_claims", moves=(Move.EXPIRE,), to=F, act=_expire(F), scoped=False),
    Verb(name="take_line", moves=(Move.TAKE_LINE,), to=State.DIALING, act=_take),
    Verb(
        name="put_off",
        moves=(Move.PUT_OFF,),
        to=P,
        act=lambda cs, c: MongoLines(cs).put_off(a_message(c), after=LATER, reason=TEXT),
    ),
    Verb(name="forbid", moves=(Move.FORBID,), to=P, act=_forbid(P), secret=True),
    Verb(name="forbid", moves=(Move.FORBID,), to=S, act=_forbid(S), secret=True),
    Verb(name="step_back", moves=(Move.STEP_BACK,), to=P, act=_lines("step_back", after=LATER), secret=True),
    Verb(
        name="accept",
        moves=(Move.ACCEPT, Move.RECOVER),
        to=State.PLACED,
        act=lambda cs, c: MongoLines(cs).accept(c, sid=SID).written,
    ),
    Verb(name="refuse", moves=(Move.REFUSE,), to=F, act=_lines("refuse"), secret=True),
    Verb(name="refuse", moves=(Move.REFUSE,), to=P, act=_lines("refuse", other=ANOTHER), secret=True),
    Verb(name="not_placed", moves=(Move.NOT_PLACED,), to=P, act=_lines("not_placed", after=LATER), secret=True),
    Verb(name="doubt", moves=(Move.DOUBT,), to=State.UNCERTAIN, act=_lines("doubt", poll=LATER), secret=True),
    Verb(
        name="fall_silent",
        moves=(Move.FALL_SILENT,),
        to=State.UNCERTAIN,
        act=lambda cs, c: MongoOverdue(cs).fall_silent([c]),
        scoped=False,
    ),
    Verb(
        name="hear",
        moves=(Move.HEAR,),
        to=State.PLACED,
        act=lambda cs, c: MongoHearing(cs).hear(_ref(c), CallReport(sid=SID, status="ringing")).moved,
    ),
    Verb(
        name="answer",
        moves=(Move.ANSWER,),
        to=State.PLACED,
        act=lambda cs, c: MongoHearing(cs).answer(_ref(c), sid=SID),
    ),
    Verb(name="settle", moves=(Move.SETTLE,), to=State.DONE, act=_settle(State.DONE)),
    Verb(name="settle", moves=(Move.SETTLE,), to=F, act=_settle(F)),
    Verb(name="settle", moves=(Move.SETTLE,), to=P, act=_settle(P)),
    Verb(name="adopt", moves=(Move.ADOPT,), to=State.PLACED, act=_overdue("adopt", sid=SID)),
    Verb(name="hold", moves=(Move.HOLD,), to=State.HELD, act=_overdue("hold", limit=LATER, reason=TEXT)),
    Verb(name="release", moves=(Move.RELEASE,), to=P, act=_release(P)),
    Verb(name="release", moves=(Move.RELEASE,), to=F, act=_release(F)),
    Verb(name="give_up", moves=(Move.GIVE_UP,), to=F, act=_overdue("give_up", reason=TEXT)),
    Verb(name="resolve", moves=(Move.RESOLVE,), to=P, act=_resolve(P)),
    Verb(name="resolve", moves=(Move.RESOLVE,), to=F, act=_resolve(F)),
    Verb(name="hold_back", moves=(Move.POSTPONE,), to=P, act=_person("hold_back"), scoped=False),
    Verb(
        name="call_back",
        moves=(Move.POSTPONE,),
        to=P,
        act=_person("call_back", at=now() + LATER),
        scoped=False,
    ),
    Verb(name="cancel", moves=(Move.CANCEL,), to=F, act=_person("cancel"), scoped=False),
)
SCOPED = tuple(verb for verb in VERBS if verb.scoped)
SECRET = tuple(verb for verb in VERBS if verb.secret)
LEGAL = tuple((verb, state) for verb in VERBS for state in sorted(verb.sources))
ILLEGAL = tuple((verb, state) for verb in VERBS for state in State if state not in verb.sources)
IN_FLIGHT_STATES = tuple(sorted(IN_FLIGHT))
