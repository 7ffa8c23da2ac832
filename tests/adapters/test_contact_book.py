"""Contacts coming in: once per phone and campaign, whoever imports at the same time, and nobody lost."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from dialer.adapters.claims import MongoClaims
from dialer.adapters.clock import SystemClock
from dialer.adapters.contact_book import MongoContactBook
from dialer.adapters.contact_documents import INDEXES, contact_of
from dialer.errors import Unavailable
from dialer.lifecycle import State
from dialer.ports import Added
from tests.adapters.conftest import Connect
from tests.adapters.racing import in_threads
from tests.adapters.tcp_proxy import Fate, TcpProxy
from tests.adapters.verbs import Contacts
from tests.builders import a_contact, a_phone, a_row, now, stored


def test_a_new_contact_is_due_at_once_with_all_its_attempts(contacts: Contacts, book: MongoContactBook) -> None:
    before = now()
    row = a_row(priority=-5, vars={"name": "$phone", "$odd": "1", "a.b": "2", "": "3"})
    assert book.add("campaign", [row], max_attempts=4) == Added(added=1, known=0)
    (document,) = contacts.find()
    contact = contact_of(document)
    assert (contact.phone, contact.region, contact.priority, contact.vars) == (
        row.phone,
        row.region,
        row.priority,
        row.vars,
    )
    assert (contact.campaign_id, contact.state, contact.used, contact.max) == ("campaign", State.PENDING, 0, 4)
    assert contact.due_at is not None
    assert before <= contact.due_at <= now()
    assert contact.attempt is None


def test_a_new_contact_can_be_claimed(claims: MongoClaims, book: MongoContactBook) -> None:
    book.add("campaign", [a_row()], max_attempts=1)
    assert len(claims.claim_due("campaign", claim="c", limit=9, until=now(), now=now())) == 1


def test_a_phone_comes_in_once_per_campaign(contacts: Contacts, book: MongoContactBook) -> None:
    rows = [a_row() for _ in range(5)]
    assert book.add("one", rows, max_attempts=1) == Added(added=5, known=0)
    again = [rows[0], a_row(), rows[4], replace(rows[2], vars={})]
    assert book.add("one", again, max_attempts=1) == Added(added=1, known=3)
    assert book.add("another", rows, max_attempts=1) == Added(added=5, known=0)
    assert contacts.count_documents({}) == 11


def test_a_phone_twice_in_one_batch_comes_in_once(book: MongoContactBook) -> None:
    row = a_row()
    assert book.add("one", [row, row, a_row()], max_attempts=1) == Added(added=2, known=0, repeated=1)


def test_nobody_comes_in_from_an_empty_batch(book: MongoContactBook) -> None:
    assert book.add("one", [], max_attempts=1) == Added(added=0, known=0)


def test_a_list_imported_many_times_at_once_comes_in_once(contacts: Contacts, book: MongoContactBook) -> None:
    rows = [a_row(a_phone(index)) for index in range(200)]
    done = in_threads(lambda _: book.add("one", rows, max_attempts=1), range(8))
    assert sum(added.added for added in done) == 200
    assert all(added.added + added.known == 200 for added in done)
    assert contacts.count_documents({}) == 200


def test_making_the_indexes_again_is_harmless_even_at_once(contacts: Contacts, book: MongoContactBook) -> None:
    in_threads(lambda _: book.prepare(), range(4))
    assert set(contacts.index_information()) == {"_id_", *INDEXES}


def test_contacts_are_counted_and_listed_by_state(contacts: Contacts, book: MongoContactBook) -> None:
    for state in State:
        for _ in range(2):
            stored(contacts.database, a_contact("mine", state=state))
        stored(contacts.database, a_contact("another", state=state))
    stored(contacts.database, a_contact("mine", due_at=now() + timedelta(days=400)))
    assert book.count_by_state("mine") == dict.fromkeys(State, 2) | {State.PENDING: 3}
    assert book.count_by_state("nobody") == {}
    assert [len(book.holding("mine", state, limit=0)) for state in State] == [3, *[2] * (len(State) - 1)]
    assert [one.state for one in book.holding("mine", State.HELD, limit=5)] == [State.HELD] * 2
    assert len(book.holding("mine", State.HELD, limit=1)) == 1


class Stopwatch(SystemClock):
    """A clock on which each look takes a second, until it is told otherwise."""

    step, seconds = 1.0, 0.0

    def monotonic(self) -> float:
        self.seconds += self.step
        return self.seconds


def test_counts_that_took_long_are_remembered_for_nine_times_as_long(contacts: Contacts) -> None:
    clock = Stopwatch()
    book = MongoContactBook(contacts, clock=clock)
    stored(contacts.database, a_contact("mine"))
    assert book.count_by_state("mine") == {State.PENDING: 1}  # from second 1 to second 2: good until second 11
    stored(contacts.database, a_contact("mine"))
    assert book.count_by_state("another") == {}
    clock.step, clock.seconds = 0.0, 10.9
    assert book.count_by_state("mine") == {State.PENDING: 1}
    clock.seconds = 11.0
    assert book.count_by_state("mine") == {State.PENDING: 2}


def test_counts_that_were_quick_are_never_old(contacts: Contacts) -> None:
    clock = Stopwatch()
    clock.step = 0.0
    book = MongoContactBook(contacts, clock=clock)
    for count in range(1, 4):
        stored(contacts.database, a_contact("mine"))
        assert book.count_by_state("mine") == {State.PENDING: count}


def test_counts_are_of_one_moment_whoever_moves_meanwhile(
    wire: TcpProxy, joined: Connect, contacts: Contacts, book: MongoContactBook
) -> None:
    """Or somebody who moves between two counts would be in both, or in none, and the campaign seem completed."""
    contact = stored(contacts.database, a_contact("mine", state=State.CLAIMED))
    slow = MongoContactBook(joined(wire.uri)["contacts"])
    with ThreadPoolExecutor(1) as pool:
        with wire.holding("aggregate") as waiting:
            counting = pool.submit(slow.count_by_state, "mine")
            assert waiting.arrived.wait(10)
            second = wire.holding("aggregate")
            claimed = second.__enter__()
        assert claimed.arrived.wait(10)  # those who wait have been counted
        contacts.update_one({"_id": contact.id}, {"$set": {"state": State.PENDING, "due_at": now()}})
        second.__exit__(None, None, None)
        assert counting.result(20) == {State.CLAIMED: 1}
    assert book.count_by_state("mine") == {State.PENDING: 1}


def test_an_import_whose_reply_was_lost_counts_right(
    wire: TcpProxy, joined: Connect, contacts: Contacts, book: MongoContactBook
) -> None:
    rows = [a_row() for _ in range(4)]
    book.add("one", rows[:1], max_attempts=1)
    lossy = MongoContactBook(joined(wire.uri)["contacts"])
    wire.strike("insert", Fate.LOSE_REPLY, times=2)
    assert lossy.add("one", rows, max_attempts=1) == Added(added=3, known=1)
    assert wire.struck["insert"] == 2
    assert contacts.count_documents({}) == 4


def test_an_import_that_cannot_be_confirmed_is_unavailable_and_repeating_it_loses_and_doubles_nobody(
    wire: TcpProxy, joined: Connect, contacts: Contacts, book: MongoContactBook
) -> None:
    rows = [a_row() for _ in range(4)]
    lossy = MongoContactBook(joined(wire.uri, timeout_ms=800)["contacts"])
    wire.strike("insert", Fate.LOSE_REPLY)
    with pytest.raises(Unavailable):
        lossy.add("one", rows, max_attempts=1)
    assert book.add("one", rows, max_attempts=1) == Added(added=0, known=4)


def test_an_import_while_another_adds_the_same_phones_counts_them_as_known(
    wire: TcpProxy, joined: Connect, contacts: Contacts, book: MongoContactBook
) -> None:
    rows = [a_row() for _ in range(6)]
    slow = MongoContactBook(joined(wire.uri)["contacts"])
    with ThreadPoolExecutor(1) as pool:
        with wire.holding("insert") as held:
            adding = pool.submit(slow.add, "one", rows, max_attempts=1)
            assert held.arrived.wait(10)
            book.add("one", rows[:3], max_attempts=1)
        assert adding.result(20) == Added(added=3, known=3)
