"""People: what a person saw must still be so when they move somebody."""

from dataclasses import replace

import pytest

from dialer.adapters.people import NEVER, MongoPeople
from dialer.lifecycle import State
from dialer.model import attempt_id, attempt_of
from tests.adapters.verbs import Contacts
from tests.builders import a_contact, stored


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
