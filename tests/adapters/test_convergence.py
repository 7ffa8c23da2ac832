"""In whatever order, however often and however close together the carrier's words arrive, a contact ends the same."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialer.adapters.contact_documents import contact_of
from dialer.adapters.hearing import MongoHearing
from dialer.adapters.lines import MongoLines
from dialer.lifecycle import State
from dialer.model import CallReport, Contact, Outcome, attempt_of
from dialer.ports import CallRef
from dialer.retry import RetryDecision
from tests.adapters.racing import in_threads
from tests.adapters.verbs import Contacts
from tests.builders import a_contact, a_sid, stored

Word = Callable[[], object]
STATES = st.sampled_from([State.DIALING, State.UNCERTAIN, State.HELD])
PROGRESS = ("initiated", "ringing", "in-progress")


class Carrier:
    """All that may be said about one call of one contact, each word as the product would write it down."""

    def __init__(self, contacts: Contacts, contact: Contact, sid: str, *, outcome: Outcome = Outcome.ANSWERED) -> None:
        lines, hearing = MongoLines(contacts), MongoHearing(contacts)
        ref = CallRef(contact_id=contact.id, attempt_id=attempt_of(contact).id)
        decision = RetryDecision(state=State.DONE if outcome is Outcome.ANSWERED else State.FAILED)
        end = CallReport(sid=sid, status="completed")
        self.end: Word = partial(hearing.settle, ref, end, outcome=outcome, decision=decision)
        self.words: list[Word] = [
            partial(lines.accept, contact, sid=sid),
            partial(hearing.answer, ref, sid=sid),
            partial(hearing.note_machine, ref, sid=sid, answered_by="human"),
            *(partial(hearing.hear, ref, CallReport(sid=sid, status=status)) for status in PROGRESS),
        ]


def dialed(contacts: Contacts, state: State) -> Contact:
    contact = a_contact(state=state)
    return stored(contacts.database, replace(contact, attempt=replace(attempt_of(contact), sid="")))


def seen(contacts: Contacts, contact: Contact) -> Contact:
    document = contacts.find_one({"_id": contact.id})
    assert document is not None
    return contact_of(document)


def check_ended_once(contacts: Contacts, contact: Contact, sid: str) -> None:
    after = seen(contacts, contact)
    (past,) = after.history
    assert (after.state, after.attempt, after.due_at, after.used) == (State.DONE, None, None, contact.used)
    assert (past.id, past.sid, past.outcome) == (attempt_of(contact).id, sid, Outcome.ANSWERED)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(state=STATES, order=st.permutations([*range(7)] * 2))
def test_every_order_of_words_said_twice_ends_in_the_same_place(
    contacts: Contacts, state: State, order: list[int]
) -> None:
    contact, sid = dialed(contacts, state), a_sid()
    carrier = Carrier(contacts, contact, sid)
    said = [*carrier.words, carrier.end]
    statuses = []
    for index in order:
        said[index]()
        attempt = seen(contacts, contact).attempt
        statuses.append(attempt.rank if attempt else 9)
    assert statuses == sorted(statuses)
    check_ended_once(contacts, contact, sid)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(state=STATES, order=st.permutations([*range(14)]))
def test_of_two_calls_for_one_attempt_the_first_heard_of_is_the_attempt_s_and_the_other_moves_nothing(
    contacts: Contacts, state: State, order: list[int]
) -> None:
    contact = dialed(contacts, state)
    ours, theirs = a_sid(), a_sid()
    first, second = Carrier(contacts, contact, ours), Carrier(contacts, contact, theirs, outcome=Outcome.BUSY)
    said = [*first.words, first.end, *second.words, second.end]
    owner = None
    for index in order:
        said[index]()
        after = seen(contacts, contact)
        sid = after.attempt.sid if after.attempt else after.history[0].sid
        owner = owner or sid or None
        assert sid in ("", owner)
    assert [past.sid for past in seen(contacts, contact).history] == [owner]


def test_words_said_at_the_same_instant_end_in_the_same_place(contacts: Contacts) -> None:
    for _ in range(15):
        contact, sid = dialed(contacts, State.DIALING), a_sid()
        carrier = Carrier(contacts, contact, sid)
        in_threads(lambda word: word(), [*carrier.words, carrier.end, carrier.end, *carrier.words[3:]])
        check_ended_once(contacts, contact, sid)


def test_two_calls_that_end_at_the_same_instant_end_one_attempt_once(contacts: Contacts) -> None:
    for _ in range(15):
        contact = dialed(contacts, State.DIALING)
        calls = [Carrier(contacts, contact, a_sid()) for _ in range(8)]
        ended = in_threads(lambda call: call.end(), calls)
        assert ended.count(True) == 1
        assert len(seen(contacts, contact).history) == 1


def test_an_accepted_call_loses_nothing_to_a_doubt_at_the_same_instant(contacts: Contacts) -> None:
    """The reaper doubts a dial, or its own function does, while the carrier's word arrives: the call stays known."""
    lines = MongoLines(contacts)
    for _ in range(15):
        contact, sid = dialed(contacts, State.DIALING), a_sid()
        words: list[Word] = [
            partial(lines.accept, contact, sid=sid),
            partial(lines.doubt, contact, poll=timedelta(seconds=60), reason="reply lost"),
        ]
        in_threads(lambda word: word(), words)
        after = seen(contacts, contact)
        assert (after.state, attempt_of(after).sid) == (State.PLACED, sid)
