"""People: what a person saw must still be so when they move somebody."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dialer.adapters.people import NEVER, MongoPeople
from dialer.lifecycle import LIVE, State
from dialer.model import attempt_id, attempt_of
from tests.adapters.verbs import Contacts
from tests.builders import a_contact, now, stored

TOMORROW = now() + timedelta(days=1)


@pytest.mark.parametrize("verb", ["hold_back", "cancel"])
def test_a_person_moves_only_the_attempt_that_they_saw(contacts: Contacts, verb: str) -> None:
    """Somebody who was claimed, or claimed again, since they looked is left alone."""
    contact = stored(contacts.database, a_contact(state=State.CLAIMED))
    before = contacts.find_one()
    earlier = replace(contact, attempt=replace(attempt_of(contact), id=attempt_id(contact.id, "0" * 24)))
    waiting = replace(contact, state=State.PENDING, attempt=None)
    for seen in (earlier, waiting):
        assert not getattr(MongoPeople(contacts), verb)(seen, reason="by hand")
        assert contacts.find_one() == before
    assert getattr(MongoPeople(contacts), verb)(contact, reason="by hand")


def test_only_who_is_on_hold_is_let_go(contacts: Contacts) -> None:
    people = MongoPeople(contacts)
    contact = stored(contacts.database, a_contact())
    assert not people.let_go(contact, reason="by hand")
    assert people.hold_back(contact, reason="on holiday")
    assert (found := people.find(contact.id)) is not None
    assert found.due_at == NEVER
    assert people.let_go(found, reason="back")
    assert (found := people.find(contact.id)) is not None
    assert found.due_at is not None
    assert found.due_at < NEVER


def test_who_is_released_waits_as_long_as_before_the_hold(contacts: Contacts) -> None:
    people, contact = MongoPeople(contacts), stored(contacts.database, a_contact(due_at=TOMORROW))
    for reason in ("on holiday", "still on holiday"):
        assert people.hold_back(replace(contact, attempt=None), reason=reason)
    assert people.let_go(contact, reason="back")
    assert (found := people.find(contact.id)) is not None
    assert found.due_at == TOMORROW
    assert "due_before_hold" not in (contacts.find_one() or {})


def test_who_was_claimed_when_they_were_put_on_hold_is_due_at_once(contacts: Contacts) -> None:
    people, contact = MongoPeople(contacts), stored(contacts.database, a_contact(state=State.CLAIMED))
    assert people.hold_back(contact, reason="on holiday")
    assert people.let_go(replace(contact, attempt=None), reason="back")
    assert (found := people.find(contact.id)) is not None
    assert found.due_at is not None
    assert found.due_at <= now()


@pytest.mark.parametrize("state", [State.PENDING, State.CLAIMED])
def test_who_waits_is_called_back_at_that_moment(contacts: Contacts, state: State) -> None:
    people, contact = MongoPeople(contacts), stored(contacts.database, a_contact(state=state))
    assert people.call_back(contact, at=TOMORROW, reason="after work")
    assert (found := people.find(contact.id)) is not None
    assert (found.state, found.due_at, found.callback_at) == (State.PENDING, TOMORROW, TOMORROW)
    assert found.reason == "to be called back: after work"
    assert found.attempt is None


def test_who_is_on_hold_stays_there(contacts: Contacts) -> None:
    people, contact = MongoPeople(contacts), stored(contacts.database, a_contact())
    assert people.hold_back(contact, reason="on holiday")
    before = contacts.find_one()
    assert not people.call_back(replace(contact, attempt=None), at=TOMORROW, reason="after work")
    assert not people.remember(replace(contact, attempt=None), at=TOMORROW)
    assert contacts.find_one() == before


@pytest.mark.parametrize("state", sorted(State))
def test_of_who_is_being_called_it_is_remembered_where_an_attempt_is_left(contacts: Contacts, state: State) -> None:
    people, contact = MongoPeople(contacts), stored(contacts.database, a_contact(state=state, used=1, max=2))
    assert people.remember(contact, at=TOMORROW) is (state in LIVE)
    contacts.update_one({"_id": contact.id}, {"$set": {"used": 2}, "$unset": {"callback_at": ""}})
    assert not people.remember(contact, at=TOMORROW)
    assert "callback_at" not in (contacts.find_one() or {})


def test_it_is_remembered_of_the_attempt_that_the_person_saw(contacts: Contacts) -> None:
    contact = stored(contacts.database, a_contact(state=State.PLACED))
    earlier = replace(contact, attempt=replace(attempt_of(contact), id=attempt_id(contact.id, "0" * 24)))
    assert not MongoPeople(contacts).remember(earlier, at=TOMORROW)
