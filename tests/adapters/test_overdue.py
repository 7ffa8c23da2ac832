"""What has outlived its `until` (T3, T12, T14): found in order, and moved only while it is still overdue."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from bson import Timestamp

from dialer.adapters.contact_documents import contact_of
from dialer.adapters.overdue import MongoOverdue
from dialer.lifecycle import IN_FLIGHT, State
from dialer.model import Contact, Outcome, attempt_of
from dialer.ports import ContactBatch
from dialer.retry import RetryDecision
from tests.adapters.verbs import Contacts
from tests.builders import a_contact, a_phone, a_sid, now, stored

SECOND = timedelta(seconds=1)


def late(contacts: Contacts, state: State, *, by: timedelta = SECOND, **overrides: Any) -> Contact:
    contact = a_contact(state=state, **overrides)
    return stored(contacts.database, replace(contact, attempt=replace(attempt_of(contact), until=now() - by, sid="")))


def seen(contacts: Contacts, contact: Contact) -> Contact:
    document = contacts.find_one({"_id": contact.id})
    assert document is not None
    return contact_of(document)


@pytest.mark.parametrize("state", sorted(IN_FLIGHT))
def test_the_longest_overdue_come_first_whatever_their_campaign(
    contacts: Contacts, overdue: MongoOverdue, state: State
) -> None:
    some = [late(contacts, state, by=n * SECOND, campaign_id=f"campaign {n}") for n in (2, 5, 1, 4)]
    stored(contacts.database, a_contact(state=state))
    for other in IN_FLIGHT - {state}:
        late(contacts, other)
    assert overdue.overdue(state, limit=3).contacts == [some[1], some[3], some[0]]


@pytest.mark.parametrize("until", ["2020", 0, None, Timestamp(1, 1)])
def test_an_end_that_is_no_date_is_not_overdue(contacts: Contacts, overdue: MongoOverdue, until: object) -> None:
    claim, dial = late(contacts, State.CLAIMED), late(contacts, State.DIALING)
    for change in ({"$set": {"attempt.until": until}}, {"$unset": {"attempt.until": ""}}):
        contacts.update_many({}, change)
        assert not overdue.overdue(State.CLAIMED, limit=10)
        assert not overdue.overdue(State.DIALING, limit=10)
        assert overdue.expire_claims([claim], to=State.PENDING, reason="") == 0
        assert overdue.fall_silent([dial]) == 0


@pytest.mark.parametrize("broken", [{"$unset": {"campaign_id": ""}}, {"$set": {"history": [{}]}}])
def test_what_is_no_contact_is_named_and_costs_nobody_their_turn(
    contacts: Contacts, overdue: MongoOverdue, broken: dict[str, Any]
) -> None:
    torn, well = late(contacts, State.CLAIMED, by=5 * SECOND), late(contacts, State.CLAIMED)
    contacts.update_one({"_id": torn.id}, broken)
    assert overdue.overdue(State.CLAIMED, limit=10) == ContactBatch(contacts=[well], unreadable=[torn.id])


def test_who_was_renewed_since_the_look_is_left_alone(contacts: Contacts, overdue: MongoOverdue) -> None:
    for state in (State.CLAIMED, State.DIALING):
        contact = late(contacts, state)
        contacts.update_one({"_id": contact.id}, {"$set": {"attempt.until": now() + 60 * SECOND}})
        assert overdue.expire_claims([contact], to=State.PENDING, reason="") == 0
        assert overdue.fall_silent([contact]) == 0
        assert seen(contacts, contact).state is state


def test_an_expired_claim_waits_again_at_once_with_all_its_attempts(contacts: Contacts, overdue: MongoOverdue) -> None:
    ours = [late(contacts, State.CLAIMED, used=1) for _ in range(3)]
    assert overdue.expire_claims(ours, to=State.PENDING, reason="nobody dialed") == 3
    for contact in ours:
        after = seen(contacts, contact)
        assert (after.state, after.used, after.reason) == (State.PENDING, 1, "nobody dialed")
        assert after.due_at is not None
        assert after.due_at <= now()


def test_a_silent_dial_is_in_doubt_and_asked_about_at_once(contacts: Contacts, overdue: MongoOverdue) -> None:
    contact = late(contacts, State.DIALING)
    assert overdue.fall_silent([contact]) == 1
    assert overdue.overdue(State.UNCERTAIN, limit=10).contacts == [seen(contacts, contact)]
    assert seen(contacts, contact).used == contact.used


def test_a_doubt_is_looked_at_again_later_and_only_while_it_is_the_same(
    contacts: Contacts, overdue: MongoOverdue
) -> None:
    contact = late(contacts, State.UNCERTAIN)
    before = now()
    assert overdue.look_again(contact, after=60 * SECOND)
    after = seen(contacts, contact)
    assert before + 60 * SECOND <= attempt_of(after).until <= now() + 60 * SECOND
    assert not overdue.look_again(replace(contact, state=State.PLACED), after=90 * SECOND)
    other = replace(attempt_of(contact), id=f"{contact.id}-other")
    assert not overdue.look_again(replace(contact, attempt=other), after=90 * SECOND)
    assert seen(contacts, contact) == after


def test_an_adopted_call_is_the_attempt_s_own(contacts: Contacts, overdue: MongoOverdue) -> None:
    contact, sid = late(contacts, State.UNCERTAIN), a_sid()
    assert overdue.adopt(contact, sid=sid)
    assert attempt_of(seen(contacts, contact)).sid == sid
    assert attempt_of(seen(contacts, contact)).until > now()


def test_a_call_that_is_another_contact_s_is_not_adopted(contacts: Contacts, overdue: MongoOverdue) -> None:
    sid = a_sid()
    owner = a_contact(state=State.PLACED)
    stored(contacts.database, replace(owner, attempt=replace(attempt_of(owner), sid=sid)))
    contact = late(contacts, State.UNCERTAIN)
    assert not overdue.adopt(contact, sid=sid)
    assert seen(contacts, contact) == contact


def test_an_attempt_that_knows_its_call_adopts_no_other(contacts: Contacts, overdue: MongoOverdue) -> None:
    contact = a_contact(state=State.UNCERTAIN)
    contact = stored(contacts.database, replace(contact, attempt=replace(attempt_of(contact), sid="CA-ours")))
    assert not overdue.adopt(contact, sid="CA-other")
    assert overdue.adopt(contact, sid="CA-ours")


def test_a_held_contact_waits_until_the_limit_after_its_dial(contacts: Contacts, overdue: MongoOverdue) -> None:
    contact = late(contacts, State.UNCERTAIN)
    assert overdue.hold(contact, limit=timedelta(hours=25), reason="nobody knows")
    attempt = attempt_of(seen(contacts, contact))
    assert attempt.dial_at is not None
    assert attempt.until == attempt.dial_at + timedelta(hours=25)


@pytest.mark.parametrize(
    ("verb", "state"), [("release", State.UNCERTAIN), ("give_up", State.HELD), ("resolve", State.HELD)]
)
def test_an_attempt_given_up_is_remembered_as_unknown(
    contacts: Contacts, overdue: MongoOverdue, verb: str, state: State
) -> None:
    contact = late(contacts, state)
    assert _end(overdue, verb, contact, State.FAILED)
    (past,) = seen(contacts, contact).history
    assert (past.id, past.outcome, past.sid) == (attempt_of(contact).id, Outcome.UNKNOWN, "")
    assert past.detail == "because"
    assert seen(contacts, contact).used == contact.used


@pytest.mark.parametrize(("verb", "state"), [("release", State.UNCERTAIN), ("resolve", State.HELD)])
def test_nobody_waits_for_an_attempt_they_do_not_have(
    contacts: Contacts, overdue: MongoOverdue, verb: str, state: State
) -> None:
    """Pending with every attempt used, a contact would be chosen by every tick and claimed by none, for ever."""
    contact = late(contacts, state, used=3, max=3)
    assert not _end(overdue, verb, contact, State.PENDING)
    assert seen(contacts, contact) == contact
    assert _end(overdue, verb, contact, State.FAILED)


def test_whom_a_person_resolves_is_due_at_once_whatever_was_asked_before(
    contacts: Contacts, overdue: MongoOverdue
) -> None:
    contact = late(contacts, State.HELD)
    contacts.update_one({"_id": contact.id}, {"$set": {"callback_at": now() + timedelta(days=1)}})
    assert _end(overdue, "resolve", contact, State.PENDING)
    due_at = seen(contacts, contact).due_at
    assert due_at is not None
    assert due_at <= now()


def _end(overdue: MongoOverdue, verb: str, contact: Contact, to: State) -> bool:
    if verb == "expire_claims":
        return bool(overdue.expire_claims([contact], to=to, reason="because"))
    if verb == "release":
        return overdue.release(contact, decision=RetryDecision(state=to), reason="because")
    if verb == "give_up":
        return overdue.give_up(contact, reason="because")
    return overdue.resolve(contact.id, attempt_of(contact).id, decision=RetryDecision(state=to), reason="because")


@pytest.mark.parametrize("verb", ["expire_claims", "release", "resolve"])
def test_a_verb_never_ends_where_the_table_does_not_let_it(
    contacts: Contacts, overdue: MongoOverdue, verb: str
) -> None:
    contact = late(contacts, State.UNCERTAIN)
    with pytest.raises(ValueError, match="never ends in"):
        _end(overdue, verb, contact, State.DONE)


def test_whoever_shares_a_phone_is_found_in_every_campaign_and_state(contacts: Contacts, overdue: MongoOverdue) -> None:
    phone = a_phone()
    ours = [
        stored(contacts.database, a_contact(f"campaign {state}", phone=phone, state=state))
        for state in (State.PENDING, State.DIALING, State.DONE)
    ]
    stored(contacts.database, a_contact())
    assert sorted(overdue.sharing_phone(phone), key=lambda one: one.id) == sorted(ours, key=lambda one: one.id)
