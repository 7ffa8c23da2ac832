"""What the carrier tells us (T13, T16): only forward, only for this attempt, only from its own call."""

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from dialer.adapters.contact_documents import contact_of, guard, holds, no_other_call
from dialer.adapters.hearing import MongoHearing
from dialer.adapters.lines import MongoLines
from dialer.adapters.people import MongoPeople
from dialer.lifecycle import MOVES, UNSETTLED, Move, State
from dialer.model import CallReport, Contact, FinishedAttempt, Outcome, attempt_of, claim_of
from dialer.ports import CallRef, Heard
from dialer.retry import RetryDecision
from tests.adapters.racing import in_threads
from tests.adapters.verbs import Contacts
from tests.builders import FROM_NUMBER, PATIENCE, TALK_LIMIT, a_contact, a_sid, now, stored

DONE = RetryDecision(state=State.DONE)
AGAIN = RetryDecision(state=State.PENDING, after=timedelta(minutes=5))


def in_state(contacts: Contacts, state: State = State.DIALING, *, sid: str = "", **overrides: Any) -> Contact:
    contact = a_contact(state=state, **overrides)
    return stored(contacts.database, replace(contact, attempt=replace(attempt_of(contact), sid=sid)))


def ref(contact: Contact) -> CallRef:
    return CallRef(contact_id=contact.id, attempt_id=attempt_of(contact).id)


def seen(contacts: Contacts, contact: Contact) -> Contact:
    document = contacts.find_one({"_id": contact.id})
    assert document is not None
    return contact_of(document)


def hear(hearing: MongoHearing, contact: Contact, status: str, sid: str) -> bool:
    return bool(hearing.hear(ref(contact), CallReport(sid=sid, status=status)).moved)


def test_status_goes_forward_only(contacts: Contacts, hearing: MongoHearing) -> None:
    contact, sid = in_state(contacts), a_sid()
    heard = [hear(hearing, contact, status, sid) for status in ("ringing", "initiated", "ringing", "queued")]
    assert heard == [True, False, False, False]
    assert (attempt_of(seen(contacts, contact)).status, attempt_of(seen(contacts, contact)).rank) == ("ringing", 2)
    assert hear(hearing, contact, "in-progress", sid)
    assert not hear(hearing, contact, "answered", sid)
    assert attempt_of(seen(contacts, contact)).status == "in-progress"


@pytest.mark.parametrize("state", sorted(set(State) - UNSETTLED))
def test_whom_a_word_does_not_move_stays_as_they_are_and_is_told(
    contacts: Contacts, hearing: MongoHearing, state: State
) -> None:
    """An update that finds everybody may not leave a mark on who is not to be moved, such as an empty attempt."""
    contact = stored(contacts.database, a_contact(state=state))
    before = contacts.find_one({"_id": contact.id})
    attempt = contact.attempt.id if contact.attempt else f"{contact.id}-over"
    about = CallRef(contact_id=contact.id, attempt_id=attempt)
    assert hearing.hear(about, CallReport(sid=a_sid(), status="ringing")) == Heard(contact=contact)
    assert contacts.find_one({"_id": contact.id}) == before


@pytest.mark.parametrize("move", [move for move in Move if MOVES[move].sources])
def test_a_guard_holds_for_the_same_contacts_as_a_filter_and_as_an_expression(contacts: Contacts, move: Move) -> None:
    attempt, sid = f"{a_contact().id}-a1b2c3d4e5f60718293a4b5c", a_sid()
    sids = [{}, *({"sid": known} for known in (None, "", sid, a_sid()))]
    attempts = [{"id": claim, **known} for claim, known in product((claim_of(attempt), "another", None), sids)]
    found = [{}, *({"attempt": one} for one in (None, {}, *attempts))]
    anybody = contacts.database["anybody"]  # without the indexes, which would not have some of these
    anybody.insert_many([{"state": state, **one} for state, one in product(State, found)])
    as_a_filter = guard(move, "", attempt) | no_other_call(sid) | {"_id": {"$exists": True}}
    told = [(one["_id"], one["holds"]) for one in anybody.find({}, {"holds": holds(move, attempt, sid)})]
    assert {one for one, held in told if held} == {one["_id"] for one in anybody.find(as_a_filter)}
    assert sum(held for _, held in told) == 3 * len(MOVES[move].sources)


def test_a_rank_that_was_never_written_is_the_lowest(contacts: Contacts, hearing: MongoHearing) -> None:
    contact = in_state(contacts)
    contacts.update_one({"_id": contact.id}, {"$unset": {"attempt.rank": ""}})
    assert hear(hearing, contact, "initiated", a_sid())


@pytest.mark.parametrize("state", sorted(UNSETTLED))
def test_progress_says_that_the_carrier_has_the_call(contacts: Contacts, hearing: MongoHearing, state: State) -> None:
    contact, sid, before = in_state(contacts, state), a_sid(), now()
    assert hear(hearing, contact, "ringing", sid)
    after = seen(contacts, contact)
    assert (after.state, attempt_of(after).sid) == (State.PLACED, sid)
    assert before + PATIENCE <= attempt_of(after).until <= now() + PATIENCE


def test_once_somebody_has_answered_silence_may_last_as_long_as_the_talk(
    contacts: Contacts, hearing: MongoHearing
) -> None:
    contact, sid = in_state(contacts), a_sid()
    assert hear(hearing, contact, "ringing", sid)
    assert attempt_of(seen(contacts, contact)).until > now() + TALK_LIMIT
    before = now()
    assert hear(hearing, contact, "answered", sid)
    assert before + TALK_LIMIT <= attempt_of(seen(contacts, contact)).until <= now() + TALK_LIMIT
    before = now()
    assert hearing.answer(ref(contact), sid=sid)
    assert before + TALK_LIMIT <= attempt_of(seen(contacts, contact)).until <= now() + TALK_LIMIT


@pytest.mark.parametrize("state", sorted(UNSETTLED))
def test_another_call_moves_nothing(contacts: Contacts, hearing: MongoHearing, state: State) -> None:
    contact = in_state(contacts, state, sid="CA-ours")
    other = CallReport(sid="CA-other", status="completed")
    assert not hear(hearing, contact, "ringing", "CA-other")
    assert not hearing.answer(ref(contact), sid="CA-other")
    assert not hearing.note_machine(ref(contact), sid="CA-other", answered_by="human")
    assert not hearing.settle(ref(contact), other, outcome=Outcome.ANSWERED, decision=DONE)
    assert seen(contacts, contact) == contact


def test_a_call_id_belongs_to_one_contact(contacts: Contacts, hearing: MongoHearing) -> None:
    """A webhook with the right ids and a stranger's call moves nobody, and raises nothing."""
    sid = a_sid()
    in_state(contacts, State.PLACED, sid=sid)
    contact = in_state(contacts)
    assert not hear(hearing, contact, "ringing", sid)
    assert not hearing.answer(ref(contact), sid=sid)
    assert seen(contacts, contact) == contact


def test_of_two_answers_only_one_speaks_and_it_may_ask_again(contacts: Contacts, hearing: MongoHearing) -> None:
    contact = in_state(contacts)
    assert hearing.answer(ref(contact), sid="CA-first")
    assert not hearing.answer(ref(contact), sid="CA-second")
    assert hearing.answer(ref(contact), sid="CA-first")


def test_of_many_answers_at_once_only_one_speaks(contacts: Contacts, hearing: MongoHearing) -> None:
    for _ in range(10):
        contact = in_state(contacts)
        sids = [a_sid() for _ in range(8)]
        spoke = in_threads(lambda sid: hearing.answer(ref(contact), sid=sid), sids)  # noqa: B023
        assert spoke.count(True) == 1
        assert attempt_of(seen(contacts, contact)).sid == sids[spoke.index(True)]


def test_an_attempt_ends_once(contacts: Contacts, hearing: MongoHearing) -> None:
    contact = in_state(contacts, State.PLACED, sid="CA1")
    end = CallReport(sid="CA1", status="completed", detail="200")
    settled = [hearing.settle(ref(contact), end, outcome=Outcome.ANSWERED, decision=DONE) for _ in range(3)]
    assert settled == [True, False, False]
    (past,) = seen(contacts, contact).history
    assert past == FinishedAttempt(
        id=attempt_of(contact).id,
        n=1,
        to=contact.phone,
        from_number=FROM_NUMBER,
        dial_at=attempt_of(contact).dial_at,
        ended_at=past.ended_at,
        sid="CA1",
        outcome=Outcome.ANSWERED,
        detail="200",
    )


def test_a_wish_to_be_called_again_is_of_an_attempt_that_is_on_and_of_its_own_call(
    contacts: Contacts, hearing: MongoHearing
) -> None:
    contact, later = in_state(contacts, State.PLACED, sid="CA1"), timedelta(hours=5)
    assert not hearing.note_answer(ref(contact), name="coming", value="later", sid="CA2", call_back=later)
    assert seen(contacts, contact) == contact
    before = now()
    assert hearing.note_answer(ref(contact), name="coming", value="later", sid="CA1", call_back=later)
    asked = seen(contacts, contact).callback_at
    assert asked
    assert before + later <= asked <= now() + later
    assert hearing.note_answer(ref(contact), name="coming", value="yes", sid="CA1")
    assert seen(contacts, contact).callback_at == asked
    hearing.settle(ref(contact), CallReport(sid="CA1", status="completed"), outcome=Outcome.ANSWERED, decision=DONE)
    assert hearing.note_answer(ref(contact), name="coming", value="later", sid="CA1", call_back=2 * later)
    over = seen(contacts, contact)
    assert (over.callback_at, over.history[-1].answers) == (asked, {"coming": "later"})


@pytest.mark.parametrize("said", ["$name", "yes"])
def test_an_end_that_was_decided_from_other_answers_is_not_written(
    contacts: Contacts, hearing: MongoHearing, said: str
) -> None:
    contact = in_state(contacts, State.PLACED, sid="CA1")
    end = CallReport(sid="CA1", status="completed")
    hearing.note_answer(ref(contact), name="coming", value=said, sid="CA1")
    for stale in ({}, {"coming": "no"}, {"coming": said, "why": "so"}):
        before = replace(contact, attempt=replace(attempt_of(contact), answers=stale))
        assert not hearing.settle(ref(contact), end, outcome=Outcome.MACHINE, decision=AGAIN, seen=before)
    answered = seen(contacts, contact)
    assert answered.state is State.PLACED
    assert hearing.settle(ref(contact), end, outcome=Outcome.ANSWERED, decision=DONE, seen=answered)
    assert seen(contacts, contact).history[-1].answers == {"coming": said}


def test_an_end_that_was_decided_before_a_call_back_was_asked_for_is_not_written(
    contacts: Contacts, hearing: MongoHearing
) -> None:
    """By an operator, or by a key whose answer has the value of the one before."""
    contact, end = in_state(contacts, State.PLACED, sid="CA1"), CallReport(sid="CA1", status="completed")
    assert MongoPeople(contacts).remember(contact, at=now() + timedelta(hours=5))
    assert not hearing.settle(ref(contact), end, outcome=Outcome.ANSWERED, decision=DONE, seen=contact)
    asked = seen(contacts, contact)
    assert asked.state is State.PLACED
    assert hearing.settle(ref(contact), end, outcome=Outcome.ANSWERED, decision=AGAIN, seen=asked)
    assert seen(contacts, contact).due_at == asked.callback_at


def test_an_end_that_was_decided_before_a_voicemail_was_left_is_not_written(
    contacts: Contacts, hearing: MongoHearing
) -> None:
    contact, end = in_state(contacts, State.PLACED, sid="CA1"), CallReport(sid="CA1", status="completed")
    assert hearing.note_voicemail(ref(contact), sid="CA1")
    assert not hearing.settle(ref(contact), end, outcome=Outcome.MACHINE, decision=AGAIN, seen=contact)
    left = seen(contacts, contact)
    assert hearing.settle(ref(contact), end, outcome=Outcome.VOICEMAIL, decision=AGAIN, seen=left)


def test_the_end_of_a_call_nobody_had_heard_of_keeps_its_id(contacts: Contacts, hearing: MongoHearing) -> None:
    contact = in_state(contacts, State.UNCERTAIN)
    end = CallReport(sid="$phone", status="busy")
    assert hearing.settle(ref(contact), end, outcome=Outcome.BUSY, decision=AGAIN)
    assert seen(contacts, contact).history[0].sid == "$phone"


def test_another_attempt_is_due_after_its_delay(contacts: Contacts, hearing: MongoHearing) -> None:
    contact, before = in_state(contacts), now()
    hearing.settle(ref(contact), CallReport(sid="CA1", status="busy"), outcome=Outcome.BUSY, decision=AGAIN)
    after = seen(contacts, contact)
    assert after.due_at is not None
    assert before + timedelta(minutes=5) <= after.due_at <= now() + timedelta(minutes=5)
    assert (after.state, after.reason, after.used) == (State.PENDING, "busy", 1)


def test_who_answered_is_noted_for_the_call_s_end(contacts: Contacts, hearing: MongoHearing) -> None:
    contact = in_state(contacts, State.PLACED, sid="CA1")
    assert hearing.note_machine(ref(contact), sid="CA1", answered_by="$machine_start")
    assert attempt_of(seen(contacts, contact)).answered_by == "$machine_start"
    assert not attempt_of(seen(contacts, contact)).voicemail_left


@pytest.mark.parametrize(
    ("heard", "told", "kept"),
    [("machine_start", "", "machine_start"), ("", "$fax", "$fax"), ("machine_start", "human", "human"), ("", "", "")],
)
def test_who_answered_stays_in_the_story_and_the_last_word_of_the_carrier_counts(
    contacts: Contacts, hearing: MongoHearing, heard: str, told: str, kept: str
) -> None:
    contact = in_state(contacts, State.PLACED, sid="CA1")
    if heard:
        hearing.note_machine(ref(contact), sid="CA1", answered_by=heard)
    end = CallReport(sid="CA1", status="completed", answered_by=told)
    assert hearing.settle(ref(contact), end, outcome=Outcome.ANSWERED, decision=DONE)
    assert [past.answered_by for past in seen(contacts, contact).history] == [kept]
    (past,) = contacts.distinct("history")
    assert ("answered_by" in past, "voicemail_left" in past) == (bool(kept), False)


def test_a_voicemail_is_noted_of_its_own_call_alone_and_stays_in_the_story(
    contacts: Contacts, hearing: MongoHearing
) -> None:
    contact = in_state(contacts, State.PLACED, sid="CA1")
    assert not hearing.note_voicemail(ref(contact), sid="CA-other")
    assert not attempt_of(seen(contacts, contact)).voicemail_left
    assert hearing.note_voicemail(ref(contact), sid="CA1")
    assert hearing.note_voicemail(ref(contact), sid="CA1")
    assert attempt_of(seen(contacts, contact)).voicemail_left
    end = CallReport(sid="CA1", status="completed")
    assert hearing.settle(ref(contact), end, outcome=Outcome.MACHINE, decision=AGAIN)
    assert [past.voicemail_left for past in seen(contacts, contact).history] == [True]
    assert not hearing.note_voicemail(ref(contact), sid="CA1")


def test_a_call_that_comes_too_late_is_written_into_the_attempt_that_was_given_up(
    contacts: Contacts, hearing: MongoHearing
) -> None:
    live = a_contact(state=State.HELD)
    ended = FinishedAttempt(
        id=attempt_of(live).id,
        n=1,
        from_number="",
        dial_at=None,
        ended_at=now(),
        sid="",
        outcome=Outcome.UNKNOWN,
    )
    other = replace(ended, id=f"{live.id}-{'0' * 24}")
    contact = stored(contacts.database, replace(live, state=State.FAILED, attempt=None, history=(other, ended)))
    assert hearing.note_late(ref(live), sid="$CA1")
    assert [past.sid for past in seen(contacts, contact).history] == ["", "$CA1"]
    assert not hearing.note_late(ref(live), sid="CA2")
    assert [past.sid for past in seen(contacts, contact).history] == ["", "$CA1"]
    assert replace(seen(contacts, contact), history=contact.history) == contact


def test_a_late_call_of_an_attempt_that_is_not_over_is_noted_nowhere(contacts: Contacts, hearing: MongoHearing) -> None:
    contact = in_state(contacts)
    assert not hearing.note_late(ref(contact), sid="CA1")
    assert seen(contacts, contact) == contact


@pytest.mark.parametrize("wrong", ["contact_id", "attempt_id"])
def test_strangers_ids_move_nobody(contacts: Contacts, hearing: MongoHearing, wrong: str) -> None:
    contact = in_state(contacts)
    for text in ("", "nobody", "$where", "nobody-0", f"{contact.id}-", "\u2603"):
        stranger = replace(ref(contact), **{wrong: text})
        assert not hearing.hear(stranger, CallReport(sid="CA1", status="ringing")).moved
        assert not hearing.answer(stranger, sid="CA1")
        assert not hearing.note_late(stranger, sid="CA1")
    assert seen(contacts, contact) == contact


def test_a_contact_is_found_or_not(contacts: Contacts, hearing: MongoHearing) -> None:
    contact = in_state(contacts)
    assert hearing.find(contact.id) == contact
    assert hearing.find("nobody") is None


def test_an_answer_to_a_dial_whose_reply_was_lost_keeps_the_line_that_is_accepted_later(
    contacts: Contacts, hearing: MongoHearing, lines: MongoLines
) -> None:
    contact, sid = in_state(contacts, State.UNCERTAIN), a_sid()
    assert hearing.answer(ref(contact), sid=sid)
    assert lines.accept(contact, sid=sid).alarm == ""
    assert hear(hearing, contact, "in-progress", sid)
