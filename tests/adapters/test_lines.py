"""The one permission to dial (T4), and what is written when the carrier has answered (T7)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from bson import Timestamp

from dialer.adapters.contact_documents import contact_of
from dialer.adapters.lines import MongoLines
from dialer.adapters.overdue import MongoOverdue
from dialer.errors import PhoneBusy
from dialer.lifecycle import UNSETTLED, State
from dialer.model import Attempt, CallMessage, Contact, FinishedAttempt, Grounds, Number, Outcome, attempt_of
from tests.adapters.racing import in_threads
from tests.adapters.verbs import Contacts
from tests.builders import FROM_NUMBER, a_contact, a_message, a_phone, a_sid, an_attempt, now, stored

SILENCE, PATIENCE = timedelta(seconds=90), timedelta(minutes=16)
SECOND = timedelta(seconds=1)
GROUNDS = Grounds(rules="2026-01-02", rule="every place; US-FL sales", zone_source="number, state")


def take(lines: MongoLines, message: CallMessage, token: str = "mine") -> Contact | None:
    return lines.take_line(
        message,
        token=token,
        from_number=FROM_NUMBER,
        silence=SILENCE,
        patience=PATIENCE,
        talk_limit=PATIENCE,
        grounds=GROUNDS,
    )


def grounds_of(attempt: Attempt | FinishedAttempt) -> Grounds:
    return Grounds(rules=attempt.rules, rule=attempt.rule, zone_source=attempt.zone_source)


def claimed(contacts: Contacts, **overrides: Any) -> Contact:
    return stored(contacts.database, a_contact(state=State.CLAIMED, **overrides))


def dialing(contacts: Contacts, **overrides: Any) -> Contact:
    return stored(contacts.database, a_contact(state=State.DIALING, **overrides))


def seen(contacts: Contacts, contact: Contact) -> Contact:
    document = contacts.find_one({"_id": contact.id})
    assert document is not None
    return contact_of(document)


def test_a_taken_line_carries_all_that_the_dial_needs(contacts: Contacts, lines: MongoLines) -> None:
    contact = claimed(contacts, used=1, max=3)
    before = now()
    got = take(lines, a_message(contact))
    assert got is not None
    assert got == seen(contacts, contact)
    attempt = attempt_of(got)
    assert (got.state, got.used, attempt.n) == (State.DIALING, 2, 2)
    assert (attempt.id, attempt.token, attempt.from_number) == (attempt_of(contact).id, "mine", FROM_NUMBER)
    assert attempt.dial_at is not None
    assert before <= attempt.dial_at <= now()
    assert attempt.until == attempt.dial_at + SILENCE
    assert grounds_of(attempt) == GROUNDS


def test_the_line_is_given_once(contacts: Contacts, lines: MongoLines) -> None:
    message = a_message(claimed(contacts))
    assert take(lines, message, "first")
    assert take(lines, message, "second") is None
    assert take(lines, message, "first") is None


def test_no_line_when_every_attempt_is_used(contacts: Contacts, lines: MongoLines) -> None:
    for used in (3, 4):
        contact = claimed(contacts, used=used, max=3)
        assert take(lines, a_message(contact)) is None
        assert seen(contacts, contact) == contact


@pytest.mark.parametrize(
    ("wrong", "change"),
    [
        ("its slot is not here yet", {"slot_at": timedelta(seconds=5)}),
        ("too late", {"not_after": timedelta(milliseconds=-1)}),
        ("later than its claim lasts", {"not_after": timedelta(hours=1)}),
    ],
)
def test_no_line_outside_the_message_s_time(
    contacts: Contacts, lines: MongoLines, wrong: str, change: dict[str, timedelta]
) -> None:
    contact = claimed(contacts)
    moments = {name: now() + span for name, span in change.items()}
    assert take(lines, a_message(contact, **moments)) is None, wrong
    assert seen(contacts, contact) == contact


def test_the_last_moment_of_the_claim_is_still_in_time(contacts: Contacts, lines: MongoLines) -> None:
    contact = claimed(contacts)
    assert take(lines, a_message(contact, slot_at=now(), not_after=attempt_of(contact).until))


@pytest.mark.parametrize("until", ["", "2999-01-01T00:00:00Z", 32503680000000, None, True])
def test_no_line_when_the_claim_s_end_is_not_a_date(contacts: Contacts, lines: MongoLines, until: object) -> None:
    contact = claimed(contacts)
    contacts.update_one({"_id": contact.id}, {"$set": {"attempt.until": until}})
    assert take(lines, a_message(contact)) is None
    contacts.update_one({"_id": contact.id}, {"$unset": {"attempt.until": ""}})
    assert take(lines, a_message(contact)) is None
    document = contacts.find_one({"_id": contact.id})
    assert document is not None
    assert document["state"] == State.CLAIMED


def test_no_line_when_the_claim_s_end_is_of_a_type_that_sorts_after_every_date(
    contacts: Contacts, lines: MongoLines
) -> None:
    contact = claimed(contacts)
    contacts.update_one({"_id": contact.id}, {"$set": {"attempt.until": Timestamp(4102444800, 1)}})
    assert take(lines, a_message(contact)) is None


@pytest.mark.parametrize("state", sorted(UNSETTLED))
def test_a_phone_with_an_unsettled_attempt_elsewhere_is_busy_and_no_attempt_is_used(
    contacts: Contacts, lines: MongoLines, state: State
) -> None:
    phone = a_phone()
    stored(contacts.database, a_contact("another campaign", phone=phone, state=state))
    contact = claimed(contacts, phone=phone)
    with pytest.raises(PhoneBusy):
        take(lines, a_message(contact))
    assert seen(contacts, contact) == contact


@pytest.mark.parametrize("state", sorted(UNSETTLED))
def test_a_number_that_two_share_carries_one_unsettled_attempt_whosever_other_number_it_is(
    contacts: Contacts, lines: MongoLines, state: State
) -> None:
    """L4 is about the number that is dialed: the first of one person's, another of the other's."""
    hers, shared = Number(phone=a_phone(), region="US"), Number(phone=a_phone(), region="US")
    stored(contacts.database, a_contact("another campaign", phone=shared.phone, state=state))
    at_her_own = claimed(contacts, phone=hers.phone, listed=hers.phone, numbers=(hers, shared))
    at_the_shared = claimed(contacts, phone=shared.phone, listed=a_phone(), numbers=(hers, shared))
    with pytest.raises(PhoneBusy):
        take(lines, a_message(at_the_shared))
    assert take(lines, a_message(at_her_own))


def test_a_refused_number_gives_way_to_the_next_and_the_attempt_is_not_used(
    contacts: Contacts, lines: MongoLines
) -> None:
    wrong, right = Number(phone=a_phone(), region="US"), Number(phone=a_phone(), region="GB Europe/London")
    contact = take(lines, a_message(claimed(contacts, phone=wrong.phone, numbers=(wrong, right))))
    assert contact is not None
    assert lines.refuse(contact, reason="no such number", other=right)
    after = seen(contacts, contact)
    assert (after.state, after.used, after.reason) == (State.PENDING, 0, "no such number")
    assert (after.phone, after.region, after.listed) == (right.phone, right.region, wrong.phone)
    assert after.due_at is not None
    (past,) = after.history
    assert (past.to, past.outcome, grounds_of(past)) == (wrong.phone, Outcome.REFUSED, GROUNDS)


@pytest.mark.parametrize("state", [state for state in State if state not in UNSETTLED])
def test_a_phone_is_free_while_its_other_contacts_are_not_in_a_call(
    contacts: Contacts, lines: MongoLines, state: State
) -> None:
    phone = a_phone()
    stored(contacts.database, a_contact("another campaign", phone=phone, state=state))
    assert take(lines, a_message(claimed(contacts, phone=phone)))


def test_calls_to_one_phone_never_overlap_whoever_is_faster(contacts: Contacts, lines: MongoLines) -> None:
    for _ in range(10):
        phone = a_phone()
        messages = [a_message(claimed(contacts, campaign_id=f"campaign {n}", phone=phone)) for n in range(8)]

        def attempt(message: CallMessage) -> bool:
            try:
                return take(lines, message) is not None
            except PhoneBusy:
                return False

        won = in_threads(attempt, messages)
        assert won.count(True) == 1
        assert contacts.count_documents({"phone": phone, "state": State.DIALING}) == 1


def test_an_accepted_call_is_known_by_its_id_and_may_be_silent_for_the_attempt_s_patience(
    contacts: Contacts, lines: MongoLines
) -> None:
    contact = take(lines, a_message(claimed(contacts)))
    assert contact is not None
    sid, before = a_sid(), now()
    assert lines.accept(contact, sid=sid).written
    attempt = attempt_of(seen(contacts, contact))
    assert (seen(contacts, contact).state, attempt.sid) == (State.PLACED, sid)
    assert before + PATIENCE <= attempt.until <= now() + PATIENCE


def test_a_call_id_may_start_with_a_dollar(contacts: Contacts, lines: MongoLines) -> None:
    contact = dialing(contacts)
    lines.accept(contact, sid="$phone")
    assert attempt_of(seen(contacts, contact)).sid == "$phone"


def test_accepting_again_changes_nothing_and_alarms_nobody(contacts: Contacts, lines: MongoLines) -> None:
    contact, sid = dialing(contacts), a_sid()
    for _ in range(3):
        acceptance = lines.accept(contact, sid=sid)
        assert (acceptance.written, acceptance.alarm) == (True, "")


def test_accepting_what_a_webhook_has_just_written_alarms_nobody(contacts: Contacts, lines: MongoLines) -> None:
    """Both in the same millisecond: the second write changes not one byte."""
    for _ in range(30):
        contact = dialing(contacts)
        said = in_threads(lambda sid: lines.accept(contact, sid=sid), [a_sid()] * 6)  # noqa: B023
        assert {(one.written, one.alarm) for one in said} == {(True, "")}


def test_accepting_a_call_that_has_ended_meanwhile_is_fine(contacts: Contacts, lines: MongoLines) -> None:
    live, sid = a_contact(state=State.DIALING), a_sid()
    past = _past(attempt_of(live).id, sid, to=live.phone)
    contact = stored(contacts.database, replace(live, state=State.DONE, attempt=None, history=(past,)))
    acceptance = lines.accept(live, sid=sid)
    assert (acceptance.written, acceptance.alarm) == (True, "")
    assert seen(contacts, contact) == contact


@pytest.mark.parametrize("state", [State.PLACED, State.HELD, State.UNCERTAIN])
def test_a_second_call_for_one_attempt_is_an_alarm_and_changes_nothing(
    contacts: Contacts, lines: MongoLines, state: State
) -> None:
    contact = a_contact(state=state)
    contact = stored(contacts.database, replace(contact, attempt=replace(attempt_of(contact), sid="CA-first")))
    acceptance = lines.accept(contact, sid="CA-second")
    assert not acceptance.written
    assert "second call" in acceptance.alarm
    assert seen(contacts, contact) == contact


def test_a_second_call_for_an_attempt_that_has_ended_is_an_alarm(contacts: Contacts, lines: MongoLines) -> None:
    live = a_contact(state=State.DIALING)
    past = _past(attempt_of(live).id, "CA-first", to=live.phone)
    stored(contacts.database, replace(live, state=State.DONE, attempt=None, history=(past,)))
    assert "second call" in lines.accept(live, sid="CA-second").alarm


def test_a_call_belongs_to_one_contact(contacts: Contacts, lines: MongoLines) -> None:
    sid, owner, other = a_sid(), dialing(contacts), dialing(contacts)
    assert lines.accept(owner, sid=sid).written
    acceptance = lines.accept(other, sid=sid)
    assert not acceptance.written
    assert "another contact" in acceptance.alarm
    assert seen(contacts, other) == other


def test_two_contacts_in_calls_not_known_yet_do_not_collide(contacts: Contacts, lines: MongoLines) -> None:
    """The unique index on the call's id leaves those without one alone, and those whose id is empty."""
    for sid in ("", None):
        for _ in range(2):
            contact = dialing(contacts)
            contacts.update_one({"_id": contact.id}, {"$set": {"attempt.sid": sid}})
            assert lines.accept(contact, sid=a_sid()).written == (sid is None)


def test_a_call_dialed_on_a_permission_that_was_rolled_back_is_kept_whole_with_an_alarm(
    contacts: Contacts, lines: MongoLines, overdue: MongoOverdue
) -> None:
    """The failover lost the dial, not the call: the contact knows it again and cannot be stuck in it."""
    contact = claimed(contacts)
    rolled_back = contacts.find_one({"_id": contact.id})
    taken = take(lines, a_message(contact))
    assert taken is not None
    contacts.replace_one({"_id": contact.id}, rolled_back or {})
    before, sid = now(), a_sid()
    acceptance = lines.accept(taken, sid=sid)
    assert acceptance.written
    assert "rolled back" in acceptance.alarm
    kept = seen(contacts, contact)
    assert (kept.state, kept.used) == (State.PLACED, 1)
    recovered = attempt_of(kept)
    assert replace(recovered, until=attempt_of(taken).until) == replace(attempt_of(taken), sid=sid)
    assert before < recovered.until < before + timedelta(hours=1)
    contacts.update_one({"_id": contact.id}, {"$set": {"attempt.until": now() - SECOND}})
    assert overdue.overdue(State.PLACED, limit=10).contacts == [seen(contacts, contact)]


def test_a_call_whose_contact_is_gone_is_an_alarm(contacts: Contacts, lines: MongoLines) -> None:
    assert "gone" in lines.accept(a_contact(state=State.DIALING), sid=a_sid()).alarm


def test_a_line_is_explained_by_the_contact_as_it_is(contacts: Contacts, lines: MongoLines) -> None:
    contact = dialing(contacts)
    assert lines.explain(contact.id) == contact
    assert lines.explain("nobody") is None


@pytest.mark.parametrize(
    ("name", "state"),
    [("put_off", State.CLAIMED), ("step_back", State.DIALING), ("not_placed", State.DIALING)],
)
def test_who_must_wait_is_due_after_that_span_by_the_database_s_clock(
    contacts: Contacts, lines: MongoLines, name: str, state: State
) -> None:
    contact = stored(contacts.database, a_contact(state=state))
    of = a_message(contact) if name == "put_off" else contact
    before = now()
    assert getattr(lines, name)(of, after=timedelta(seconds=7), reason="later")
    after = seen(contacts, contact)
    assert after.due_at is not None
    assert before + 7 * SECOND <= after.due_at <= now() + 7 * SECOND


def test_who_is_forbidden_now_is_due_at_the_next_lawful_moment(contacts: Contacts, lines: MongoLines) -> None:
    contact, moment = dialing(contacts), now() + timedelta(hours=9)
    assert lines.forbid(contact, to=State.PENDING, due_at=moment, reason="night")
    assert seen(contacts, contact).due_at == moment


def test_a_verb_never_ends_where_the_table_does_not_let_it(contacts: Contacts, lines: MongoLines) -> None:
    contact = dialing(contacts)
    with pytest.raises(ValueError, match="never ends in"):
        lines.forbid(contact, to=State.DONE, due_at=None, reason="")
    assert seen(contacts, contact) == contact


def test_live_lines_are_counted_up_to_the_limit_and_for_one_campaign(contacts: Contacts, lines: MongoLines) -> None:
    for state in State:
        stored(contacts.database, a_contact("mine", state=state))
        stored(contacts.database, a_contact("another", state=state))
    assert lines.count_live("mine", limit=100) == 3  # dialing, placed, uncertain
    assert lines.count_live("mine", limit=2) == 2


def _past(attempt: str, sid: str, *, to: str = "") -> FinishedAttempt:
    ended: datetime = now()
    return FinishedAttempt(
        id=attempt,
        n=1,
        to=to,
        from_number=FROM_NUMBER,
        dial_at=ended,
        ended_at=ended,
        sid=sid,
        outcome=Outcome.ANSWERED,
    )


def test_an_attempt_of_another_contact_opens_nothing(contacts: Contacts, lines: MongoLines) -> None:
    contact, other = claimed(contacts), claimed(contacts)
    stolen = replace(a_message(contact), contact_id=other.id)
    assert take(lines, stolen) is None
    assert take(lines, replace(stolen, attempt_id="nonsense")) is None
    assert take(lines, replace(stolen, contact_id="nobody", attempt_id=an_attempt("nobody").id)) is None
