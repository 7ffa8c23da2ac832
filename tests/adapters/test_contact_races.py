"""Races on contacts: threads and processes, let go together, on a real database; whatever the order, one wins."""

import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from dialer.adapters.claims import MongoClaims
from dialer.adapters.contact_documents import contact_of
from dialer.adapters.lines import MongoLines
from dialer.lifecycle import State
from dialer.model import CallMessage, Contact, attempt_of, claim_of
from tests.adapters.conftest import Connect
from tests.adapters.racing import Crowd, crowd, in_threads
from tests.adapters.verbs import Contacts
from tests.adapters.workers import (
    claim_everybody,
    expire_claims_as_they_end,
    take_each_line_as_its_claim_ends,
    take_every_line,
)
from tests.builders import FROM_NUMBER, a_contact, a_message, a_phone, document_of, now

PEOPLE, THREADS, PROCESSES = 300, 16, 4
SPAN = timedelta(seconds=90)


@pytest.fixture(scope="module")
def processes() -> Iterator[Crowd]:
    with crowd(PROCESSES) as all_of_them:
        yield all_of_them


def people(
    contacts: Contacts,
    state: State,
    *,
    until: timedelta = timedelta(minutes=6),
    step: timedelta = timedelta(0),
) -> list[Contact]:
    """Many contacts, waiting or claimed in one batch; each claim ends a step after the one before."""
    claim, moment = secrets.token_hex(12), now()
    listed = [a_contact(phone=a_phone(index), state=state) for index in range(PEOPLE)]
    if state is State.CLAIMED:
        listed = [
            replace(one, attempt=replace(attempt_of(one), id=f"{one.id}-{claim}", until=moment + until + n * step))
            for n, one in enumerate(listed)
        ]
    contacts.insert_many([document_of(one) for one in listed])
    return listed


def all_of(contacts: Contacts) -> list[Contact]:
    return [contact_of(document) for document in contacts.find()]


def check_claims(contacts: Contacts, won: dict[str, list[str]]) -> None:
    """Nobody twice, nobody lost, and every contact is with the claim that said so."""
    assert Counter(one for batch in won.values() for one in batch) == Counter(one.id for one in all_of(contacts))
    for contact in all_of(contacts):
        assert contact.state is State.CLAIMED
        assert contact.id in won[claim_of(attempt_of(contact).id)]


def test_threads_that_claim_at_once_share_everybody_out(contacts: Contacts, joined: Connect, mongodb_uri: str) -> None:
    people(contacts, State.PENDING)
    clients = [MongoClaims(joined(mongodb_uri)["contacts"]) for _ in range(4)]

    def claim(index: int) -> dict[str, list[str]]:
        won: dict[str, list[str]] = {}
        while contacts.find_one({"state": State.PENDING}):
            token = secrets.token_hex(12)
            claimed = clients[index % 4].claim_due(
                "campaign", claim=token, limit=20, until=now() + timedelta(minutes=6), now=now()
            )
            won[token] = [one.contact_id for one in claimed]
        return won

    check_claims(contacts, {token: batch for won in in_threads(claim, range(THREADS)) for token, batch in won.items()})


def test_processes_that_claim_at_once_share_everybody_out(
    contacts: Contacts, processes: Crowd, mongodb_uri: str
) -> None:
    people(contacts, State.PENDING)
    name = contacts.database.name
    won = processes.run([partial(claim_everybody, mongodb_uri, name, "campaign")] * processes.size)
    assert sum(1 for one in won if any(one.values())) > 1, "one process did everything: nothing was raced for"
    check_claims(contacts, {token: batch for one in won for token, batch in one.items()})


def test_of_many_threads_one_takes_each_line(contacts: Contacts, joined: Connect, mongodb_uri: str) -> None:
    messages = [a_message(one) for one in people(contacts, State.CLAIMED)][:60]
    clients = [MongoLines(joined(mongodb_uri)["contacts"]) for _ in range(4)]
    tokens = [secrets.token_hex(12) for _ in range(THREADS)]

    def take(message: CallMessage, index: int) -> Contact | None:
        return clients[index % 4].take_line(
            message, token=tokens[index], from_number=FROM_NUMBER, silence=SPAN, patience=SPAN, talk_limit=SPAN
        )

    for message in messages:
        winners = [one for one in in_threads(partial(take, message), range(THREADS)) if one]
        assert len(winners) == 1
        after = contact_of(contacts.find_one({"_id": message.contact_id}) or {})
        assert after == winners[0]
        assert after.used == 1


def test_of_many_processes_one_takes_each_line(contacts: Contacts, processes: Crowd, mongodb_uri: str) -> None:
    listed = people(contacts, State.CLAIMED)
    messages = [a_message(one) for one in listed]
    take = partial(take_every_line, mongodb_uri, contacts.database.name, messages)
    won = processes.run([take] * processes.size)
    assert Counter(one for batch in won for one in batch) == Counter(one.id for one in listed)
    assert sum(1 for batch in won if batch) > 1, "one process did everything: nothing was raced for"
    assert {(one.state, one.used) for one in all_of(contacts)} == {(State.DIALING, 1)}


def test_a_claim_that_ends_is_either_dialed_or_returned_never_both(
    contacts: Contacts, processes: Crowd, mongodb_uri: str
) -> None:
    """Half the processes dial and half return claims, each within milliseconds of the claim's end."""
    taken, expired = list[str](), 0
    for head_start in (1, 2, 4, 8):  # seconds: on a busy machine the claims may have ended before everybody was there
        contacts.delete_many({})
        taken, expired = _race_for_ending_claims(contacts, processes, mongodb_uri, timedelta(seconds=head_start))
        if taken:
            break
    assert taken, "nobody dialed: nothing was raced for"
    assert expired, "no claim was returned: nothing was raced for"
    assert max(Counter(taken).values()) == 1
    assert len(taken) + expired == PEOPLE
    for contact in all_of(contacts):
        dialed = contact.id in taken
        assert contact.state is (State.DIALING if dialed else State.PENDING)
        assert (contact.used, contact.due_at is None) == (dialed, dialed)


def _race_for_ending_claims(
    contacts: Contacts, processes: Crowd, mongodb_uri: str, head_start: timedelta
) -> tuple[list[str], int]:
    """Whose lines were taken, and how many claims were returned."""
    listed = people(contacts, State.CLAIMED, until=head_start, step=timedelta(milliseconds=4))
    where = (mongodb_uri, contacts.database.name)
    dial = partial(take_each_line_as_its_claim_ends, *where, [a_message(one) for one in listed])
    give_back = partial(expire_claims_as_they_end, *where, listed)
    jobs: list[Callable[[], list[str] | int]] = [dial, give_back] * (processes.size // 2)
    done = processes.run(jobs)
    taken = [one for won in done if isinstance(won, list) for one in won]
    return taken, sum(count for count in done if isinstance(count, int))


def test_a_line_taken_twice_is_what_these_races_can_see(contacts: Contacts) -> None:
    """The control: a select and a mark in two steps, as the old engine did it, gives one line to several."""
    doubled = 0
    for contact in people(contacts, State.CLAIMED)[:40]:

        def take(_: int, contact_id: str = contact.id) -> bool:
            if not contacts.find_one({"_id": contact_id, "state": State.CLAIMED}):
                return False
            contacts.update_one({"_id": contact_id}, {"$set": {"state": State.DIALING}})
            return True

        doubled += in_threads(take, range(THREADS)).count(True) > 1
    assert doubled > 0
