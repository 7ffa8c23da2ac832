"""A database of three members whose primary is lost: what was granted stays granted, and nobody is called twice."""

import secrets
from collections.abc import Iterator
from datetime import timedelta

import pytest
from pymongo.collection import Collection
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from dialer.adapters.contact_book import MongoContactBook
from dialer.adapters.contact_documents import contact_of
from dialer.adapters.lines import MongoLines
from dialer.adapters.mongo import Document, connect
from dialer.errors import DialerError, Unproven
from dialer.lifecycle import State
from dialer.model import CallMessage, Contact
from dialer.secret import Secret
from tests.builders import FROM_NUMBER, a_contact, a_message, stored
from tests.faults.replica_set import ReplicaSet
from tests.journeys.conftest import Numbers
from tests.journeys.journey import Journey, until

pytestmark = [pytest.mark.world, pytest.mark.timeout(300)]


def test_a_campaign_whose_primary_is_voted_out_frozen_and_killed_calls_everybody_once(
    journey: Journey, numbers: Numbers, three_of_the_world: ReplicaSet
) -> None:
    """Doubts are redialed here, so that whoever got no request must still get one, and nobody two."""
    three, people = three_of_the_world, numbers(30)
    pacing = {"call_delay_s": 0.2, "max_concurrent": 8}
    campaign = journey.campaign(people, pacing=pacing, doubt="redial", call={"say": "Hello.", "ring_timeout_s": 15})
    _until_called(journey, campaign, 5)
    three.step_down()
    _until_called(journey, campaign, 10)
    with three.frozen(three.primary()):
        three.primary()  # another one
    _until_called(journey, campaign, 15)
    lost = three.primary()
    three.kill(lost)
    assert len(journey.requests()) < len(people)
    three.start_again(lost)
    _finish(journey, campaign)
    assert journey.states(campaign) == dict.fromkeys(people, "done")
    journey.assert_kept(campaign, requests=len(people))


def _until_called(journey: Journey, campaign: str, count: int) -> None:
    def called() -> bool:
        _pass_time(journey, campaign)
        return len(journey.requests()) >= count

    until(called, seconds=90, every=0.3, what=lambda: len(journey.requests()))


def _finish(journey: Journey, campaign: str) -> None:
    until(lambda: _pass_time(journey, campaign), seconds=150, every=0.5, what=lambda: journey.show(campaign)["counts"])
    journey.carrier.wait_idle(seconds=60)


def _pass_time(journey: Journey, campaign: str) -> bool:
    """Functions may fail while there is no primary: the next minute is their retry."""
    try:
        return journey.pass_time(campaign)
    except Exception:  # noqa: BLE001  whatever it is, nothing may rest on it
        return False


@pytest.fixture
def contacts(three: ReplicaSet) -> Iterator[Collection[Document]]:
    database = connect(Secret(three.uri), "faults")
    MongoContactBook(database["contacts"]).prepare()
    yield database["contacts"]
    database.client.close()


@pytest.mark.parametrize(("members", "first_is_granted"), [("majority", False), (1, True)])
def test_a_permission_to_dial_is_granted_once_although_the_primary_that_gave_it_is_lost(
    three: ReplicaSet, contacts: Collection[Document], members: str | int, first_is_granted: bool
) -> None:
    """With majority writes. The control, writes by one member, grants it again: that would have been a second call."""
    contacts = contacts.with_options(write_concern=WriteConcern(members, j=True))
    primary, others = three.primary(), three.secondaries()
    contact = stored(contacts.database, a_contact(state=State.CLAIMED))
    grants = []
    for other in others:
        three.kill(other)  # the primary does not know yet that nobody follows it
    grants.append(_take(contacts, a_message(contact)))
    three.kill(primary)
    for other in others:
        three.start_again(other)
    assert three.primary() in others
    three.start_again(primary)  # what only it had written is rolled back
    until(lambda: _state(contacts, contact) is State.CLAIMED, what="what the two have")
    grants.append(_take(contacts, a_message(contact)))
    assert grants == [first_is_granted, True]


def _take(contacts: Collection[Document], message: CallMessage) -> bool:
    try:
        taken = MongoLines(contacts).take_line(
            message,
            token=secrets.token_hex(12),
            from_number=FROM_NUMBER,
            silence=timedelta(seconds=90),
            patience=timedelta(minutes=10),
            talk_limit=timedelta(minutes=5),
        )
    except Unproven:
        return False
    return taken is not None


def _state(contacts: Collection[Document], contact: Contact) -> State | None:
    try:
        document = contacts.find_one({"_id": contact.id})
    except (PyMongoError, DialerError):
        return None
    return contact_of(document).state if document else None
