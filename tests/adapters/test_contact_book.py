"""Contacts coming in: once per phone and campaign, whoever imports at the same time, and nobody lost."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from dialer.adapters.claims import MongoClaims
from dialer.adapters.clock import SystemClock
from dialer.adapters.contact_book import MongoContactBook
from dialer.adapters.contact_documents import INDEXES, contact_of
from dialer.adapters.hearing import MongoHearing
from dialer.adapters.people import NEVER, MongoPeople
from dialer.columns import hints_in
from dialer.contact_list import Batch, Place
from dialer.errors import Unavailable
from dialer.intake import bring_in
from dialer.lifecycle import State
from dialer.list_records import Counts
from dialer.model import CallReport, Contact, NewContact, Number, Outcome, attempt_of
from dialer.office_ports import Added
from dialer.phones import dialable
from dialer.ports import CallRef
from dialer.retry import RetryDecision
from tests.adapters.conftest import Connect
from tests.adapters.racing import in_threads
from tests.adapters.tcp_proxy import Fate, TcpProxy
from tests.adapters.verbs import Contacts
from tests.builders import a_contact, a_phone, a_row, now, stored


@contextmanager
def writing_later(wire: TcpProxy, joined: Connect, row: NewContact, *, list_id: str = "") -> Iterator["Future[Added]"]:
    """An import that has seen whom the campaign has, and writes what is new when this is over."""
    slow = MongoContactBook(joined(wire.uri)["contacts"])
    with ThreadPoolExecutor(1) as pool, wire.holding("update") as held:
        adding = pool.submit(slow.add, "one", [row], max_attempts=3, list_id=list_id)
        assert held.arrived.wait(10)
        yield adding


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


def test_after_a_batch_of_nobody_known_the_next_one_counts_right_too(
    contacts: Contacts, book: MongoContactBook
) -> None:
    """Nobody looks for them then: they are met when they are refused."""
    other = MongoContactBook(contacts)
    book.add("one", [a_row()], max_attempts=1, list_id="a")
    theirs = [a_row(line=line) for line in (2, 3)]
    other.add("one", theirs, max_attempts=1, list_id="b")
    mine = [replace(theirs[0], vars={"name": "new"}), theirs[1], a_row()]
    assert book.add("one", mine, max_attempts=1, list_id="a") == Added(added=1, updated=1, known=1)
    assert book.add("one", mine[2:], max_attempts=1, list_id="c") == Added(added=0, known=1)
    assert contacts.count_documents({}) == 4


def test_who_is_refused_and_then_gone_is_not_counted_but_the_batch_comes_again(
    wire: TcpProxy, joined: Connect, contacts: Contacts, book: MongoContactBook
) -> None:
    row, slow = a_row(), MongoContactBook(joined(wire.uri)["contacts"])
    slow.add("one", [a_row()], max_attempts=1)
    book.add("one", [row], max_attempts=1)
    with ThreadPoolExecutor(1) as pool:
        with wire.holding("find") as held:
            adding = pool.submit(slow.add, "one", [row], max_attempts=1)
            assert held.arrived.wait(10)
            contacts.delete_one({"phone": row.phone})
        with pytest.raises(Unavailable, match="not there any more"):
            adding.result(20)
    assert slow.add("one", [row], max_attempts=1) == Added(added=1, known=0)


@pytest.mark.parametrize("state", sorted(State))
def test_only_whoever_waits_is_cancelled_and_in_one_campaign(
    contacts: Contacts, book: MongoContactBook, state: State
) -> None:
    here, neighbour = (stored(contacts.database, a_contact("one", state=state)) for _ in range(2))
    there = stored(contacts.database, a_contact("another", phone=here.phone))
    waits = state in {State.PENDING, State.CLAIMED}
    for times in (waits, 0):
        assert book.cancel_waiting("one", [here.phone, a_phone()], reason="a list says so") == times
    found = {document["_id"]: contact_of(document) for document in contacts.find()}
    cancelled = found.pop(here.id)
    assert found == {one.id: one for one in (neighbour, there)}
    if waits:
        assert (cancelled.state, cancelled.reason) == (State.FAILED, "cancelled: a list says so")
        assert (cancelled.attempt, cancelled.due_at) == (None, None)
        assert [decision.reason for decision in cancelled.decisions] == ["cancelled: a list says so"]
    else:
        assert cancelled == here


def nobody_is_barred(_: str, phones: Sequence[str]) -> None:
    assert not phones


def test_of_a_person_s_rows_the_first_one_counts_though_batches_come_in_at_once(
    wire: TcpProxy, joined: Connect, contacts: Contacts
) -> None:
    slow = MongoContactBook(joined(wire.uri)["contacts"])
    row, place = a_row(vars={"name": "first"}, line=2), Place()
    later = replace(row, vars={"name": "later"}, line=3)
    with ThreadPoolExecutor(1) as pool:
        with wire.holding("insert") as held:

            def batches() -> Iterator[Batch]:
                yield Batch(rows=[row], after=place)
                held.arrived.wait(10)
                yield Batch(rows=[later], after=place)

            coming = pool.submit(
                list, bring_in(slow, "one", batches(), bar=nobody_is_barred, max_attempts=1, list_id="a")
            )
            assert held.arrived.wait(10)
            overtaken = time.monotonic() + 0.5
            while not contacts.count_documents({}) and time.monotonic() < overtaken:
                time.sleep(0.01)
        assert [counts for _, counts in coming.result(20)] == [Counts(rows=1, added=1), Counts(rows=1, repeated=1)]
    assert only(contacts).vars == {"name": "first"}


def test_contacts_have_ids_in_the_order_of_the_list(contacts: Contacts, book: MongoContactBook) -> None:
    """Of people with one priority the queue takes the first id first."""
    rows = [a_row(vars={"n": str(n)}) for n in range(300)]
    book.add("one", [*rows, rows[7]], max_attempts=1)
    found = [document["vars"]["n"] for document in contacts.find().sort("_id")]
    assert found == [row.vars["n"] for row in rows]
    assert {len(document["_id"]) for document in contacts.find()} == {24}


LIST = "list-1"


def imported(book: MongoContactBook, *rows: NewContact, list_id: str = LIST) -> Added:
    return book.add("one", rows, max_attempts=3, list_id=list_id)


def only(contacts: Contacts) -> Contact:
    (document,) = contacts.find()
    return contact_of(document)


def test_who_still_waits_is_told_what_is_new_and_keeps_what_the_list_does_not_say(
    contacts: Contacts, book: MongoContactBook
) -> None:
    first = a_row(priority=3, external_id="A", vars={"name": "Ada", "city": "Paris"})
    imported(book, first)
    again = replace(first, priority=None, external_id="", vars={"name": "Ada L.", "$odd": "1", "a.b": "2"})
    assert imported(book, again, list_id="list-2") == Added(added=0, known=0, updated=1)
    contact = only(contacts)
    assert (contact.priority, contact.external_id, contact.list_id) == (3, "A", "list-2")
    assert contact.vars == {"name": "Ada L.", "city": "Paris", "$odd": "1", "a.b": "2"}
    assert imported(book, replace(again, priority=-1), list_id="list-3") == Added(added=0, known=0, updated=1)
    assert only(contacts).priority == -1


def test_another_list_may_name_the_number_that_who_waits_is_called_from(
    contacts: Contacts, book: MongoContactBook
) -> None:
    contact = stored(contacts.database, a_contact("one", used=1, caller_id="+12125550100"))
    row = a_row(contact.phone, vars=contact.vars)
    assert imported(book, row) == Added(added=0, known=1)
    assert imported(book, replace(row, caller_id="+12125550100"), list_id="list-2") == Added(added=0, known=1)
    assert imported(book, replace(row, caller_id="+12125550101"), list_id="list-3") == Added(
        added=0, known=0, updated=1
    )
    after = only(contacts)
    assert (after.caller_id, after.used, after.due_at) == ("+12125550101", 1, contact.due_at)


def test_an_empty_cell_takes_nobody_out_of_their_language(contacts: Contacts, book: MongoContactBook) -> None:
    row = a_row(vars={"language": "es-MX", "name": "Ada"})
    imported(book, row)
    assert imported(book, replace(row, vars={"language": "", "name": "Ada L."}), list_id="list-2").updated == 1
    assert only(contacts).vars == {"language": "es-MX", "name": "Ada L."}
    assert imported(book, replace(row, vars={"language": "fr-CA"}), list_id="list-3").updated == 1
    assert only(contacts).vars == {"language": "fr-CA", "name": "Ada L."}


def test_a_list_that_says_nothing_new_writes_nothing(contacts: Contacts, book: MongoContactBook) -> None:
    row = a_row(priority=0, external_id="A", caller_id="+12125550100")
    imported(book, row)
    assert only(contacts).caller_id == "+12125550100"
    before = contacts.find_one()
    assert imported(book, row, replace(row, vars={}), list_id="list-2") == Added(added=0, known=1, repeated=1)
    assert contacts.find_one() == before


@pytest.mark.parametrize("state", sorted(set(State) - {State.PENDING}))
def test_whoever_does_not_wait_is_left_as_they_are(contacts: Contacts, book: MongoContactBook, state: State) -> None:
    contact = stored(contacts.database, a_contact("one", state=state))
    before = contacts.find_one()
    row = a_row(contact.phone, priority=9, vars={"name": "new"}, call_after=now() + timedelta(days=1))
    assert imported(book, row) == Added(added=0, known=1)
    assert contacts.find_one() == before


def test_whoever_is_claimed_while_a_list_comes_in_is_left_as_they_are(
    wire: TcpProxy, joined: Connect, contacts: Contacts, book: MongoContactBook, claims: MongoClaims
) -> None:
    contact = stored(contacts.database, a_contact("one"))
    with writing_later(wire, joined, a_row(contact.phone, vars={"name": "new"})) as adding:
        (claimed,) = claims.claim_due("one", claim="c", limit=1, until=now() + timedelta(minutes=1), now=now())
        before = contacts.find_one()
    assert adding.result(20) == Added(added=0, known=1)
    assert claimed.contact_id == contact.id
    assert contacts.find_one() == before


def test_nobody_is_due_before_the_moment_that_the_list_names(contacts: Contacts, book: MongoContactBook) -> None:
    later, before = now() + timedelta(days=2), now()
    imported(book, a_row(call_after=later), a_row(call_after=before - timedelta(days=2)))
    due = sorted(document["due_at"] for document in contacts.find())
    assert before <= due[0] <= now()
    assert due[1] == later


def test_another_list_moves_the_moment_of_who_was_never_tried(contacts: Contacts, book: MongoContactBook) -> None:
    soon, later = now() + timedelta(hours=1), now() + timedelta(days=1)
    row = a_row(call_after=later)
    imported(book, row)
    assert imported(book, replace(row, call_after=soon), list_id="list-2").updated == 1
    assert only(contacts).due_at == soon
    assert imported(book, replace(row, call_after=None), list_id="list-3") == Added(added=0, known=1)
    assert imported(book, replace(row, call_after=now() - timedelta(days=9)), list_id="list-4").updated == 1
    due_at = only(contacts).due_at
    assert due_at is not None
    assert due_at <= now()


def test_a_list_never_cuts_the_wait_between_two_attempts_short(contacts: Contacts, book: MongoContactBook) -> None:
    retry = now() + timedelta(hours=2)
    contact = stored(contacts.database, a_contact("one", used=1, due_at=retry))
    row = a_row(contact.phone, vars=contact.vars)
    assert imported(book, replace(row, call_after=now())) == Added(added=0, known=1)
    assert only(contacts).due_at == retry
    assert imported(book, replace(row, call_after=retry + timedelta(hours=1))).updated == 1
    assert (only(contacts).due_at, only(contacts).used) == (retry + timedelta(hours=1), 1)


def test_a_list_may_ask_for_a_call_at_a_certain_time(contacts: Contacts, book: MongoContactBook) -> None:
    asked, later = now() + timedelta(hours=3), now() + timedelta(hours=4)
    row = a_row(callback_at=asked)
    imported(book, row, a_row(callback_at=asked, call_after=later), a_row(callback_at=now() - timedelta(minutes=1)))
    one, other, late = contacts.find().sort("_id")
    assert (one["due_at"], one["callback_at"]) == (asked, asked)
    assert (other["due_at"], other["callback_at"]) == (later, asked)
    assert late["due_at"] <= now()
    assert "callback_at" not in late
    imported(book, replace(row, callback_at=None, call_after=now()), list_id="later")
    assert contacts.find_one({"_id": one["_id"]}) == one


def test_a_call_that_a_later_list_asks_for_wins_over_the_schedule(contacts: Contacts, book: MongoContactBook) -> None:
    retry, asked = now() + timedelta(days=2), now() + timedelta(hours=1)
    contact = stored(contacts.database, a_contact("one", used=1, due_at=retry))
    row = a_row(contact.phone, vars=contact.vars)
    assert imported(book, replace(row, callback_at=now() - timedelta(days=1))) == Added(added=0, known=1)
    assert imported(book, replace(row, callback_at=asked)).updated == 1
    assert (only(contacts).due_at, only(contacts).callback_at, only(contacts).used) == (asked, asked, 1)
    assert imported(book, replace(row, callback_at=asked), list_id="again") == Added(added=0, known=1)
    assert imported(book, replace(row, call_after=now()), list_id="later") == Added(added=0, known=1)
    assert only(contacts).due_at == asked


def test_who_is_on_hold_is_called_when_they_asked_to_be_and_not_before_they_are_released(
    contacts: Contacts, book: MongoContactBook
) -> None:
    contact = stored(contacts.database, a_contact("one"))
    people, asked = MongoPeople(contacts), now() + timedelta(hours=1)
    assert people.hold_back(replace(contact, attempt=None), reason="on holiday")
    later = asked + timedelta(hours=1)
    row = a_row(contact.phone, vars=contact.vars, callback_at=asked, call_after=later)
    assert imported(book, row).updated == 1
    assert only(contacts).due_at == NEVER
    assert people.let_go(only(contacts), reason="back")
    assert (only(contacts).due_at, only(contacts).callback_at) == (later, asked)


@pytest.mark.parametrize("hours", [1, 99])
def test_what_was_asked_for_since_a_list_stands_when_it_comes_again(
    contacts: Contacts, book: MongoContactBook, hours: int
) -> None:
    row = a_row(callback_at=now() + timedelta(hours=24))
    imported(book, row)
    asked = now() + timedelta(hours=hours)
    assert MongoPeople(contacts).call_back(only(contacts), at=asked, reason="they rang")
    assert imported(book, row, list_id="again") == Added(added=0, known=1)
    assert (only(contacts).due_at, only(contacts).callback_at) == (asked, asked)
    another = now() + timedelta(hours=30)
    assert imported(book, replace(row, callback_at=another), list_id="changed").updated == 1
    assert only(contacts).due_at == another


def test_who_is_released_while_a_list_is_compared_is_not_called_twice(
    wire: TcpProxy, joined: Connect, contacts: Contacts
) -> None:
    """At once, for they were released, and again when they are said to have asked for it."""
    contact = stored(contacts.database, a_contact("one"))
    people = MongoPeople(contacts)
    assert people.hold_back(replace(contact, attempt=None), reason="on holiday")
    row = a_row(contact.phone, vars=contact.vars, callback_at=now() + timedelta(hours=1))
    with writing_later(wire, joined, row) as adding:
        assert people.let_go(only(contacts), reason="back")
    assert adding.result(20) == Added(added=0, known=1)
    assert only(contacts).callback_at is None


def test_a_wish_that_comes_while_a_list_is_compared_is_kept(
    wire: TcpProxy, joined: Connect, contacts: Contacts
) -> None:
    contact = stored(contacts.database, a_contact("one"))
    row = a_row(contact.phone, vars=contact.vars, callback_at=now() + timedelta(hours=1))
    with writing_later(wire, joined, row) as adding:
        asked = now() + timedelta(hours=5)
        assert MongoPeople(contacts).call_back(replace(contact, attempt=None), at=asked, reason="they rang")
    assert adding.result(20) == Added(added=0, known=1)
    assert (only(contacts).due_at, only(contacts).callback_at) == (asked, asked)


def test_who_is_on_hold_is_not_called_before_the_moment_that_a_list_names_when_they_are_released(
    contacts: Contacts, book: MongoContactBook
) -> None:
    contact = stored(contacts.database, a_contact("one"))
    people, later = MongoPeople(contacts), now() + timedelta(hours=2)
    assert people.hold_back(replace(contact, attempt=None), reason="on holiday")
    assert imported(book, a_row(contact.phone, vars=contact.vars, call_after=later)).updated == 1
    assert only(contacts).due_at == NEVER
    assert people.let_go(only(contacts), reason="back")
    assert only(contacts).due_at == later


def test_who_asked_for_a_call_is_not_called_sooner_when_they_are_released(contacts: Contacts) -> None:
    asked = now() + timedelta(hours=1)
    contact = stored(contacts.database, a_contact("one"))
    people = MongoPeople(contacts)
    assert people.hold_back(replace(contact, attempt=None), reason="on holiday")
    contacts.update_one({}, {"$set": {"callback_at": asked}})
    assert people.let_go(only(contacts), reason="back")
    assert only(contacts).due_at == asked


def test_a_variable_that_another_list_writes_otherwise_is_the_same_one(
    contacts: Contacts, book: MongoContactBook
) -> None:
    row = a_row(vars={"first_name": "Ann", "Account ID": "7"})
    imported(book, row)
    again = replace(row, vars={"First Name": "Bea", "account_id": "8"})
    assert imported(book, again, list_id="list-2").updated == 1
    assert only(contacts).vars == {"First Name": "Bea", "account_id": "8"}


def test_a_list_never_ends_a_hold(contacts: Contacts, book: MongoContactBook) -> None:
    contact = stored(contacts.database, a_contact("one"))
    assert MongoPeople(contacts).hold_back(replace(contact, attempt=None), reason="on holiday")
    before = contacts.find_one()
    assert imported(book, a_row(contact.phone, vars=contact.vars, call_after=now())) == Added(added=0, known=1)
    assert contacts.find_one() == before


def test_a_hold_that_comes_while_a_list_is_compared_is_kept(
    wire: TcpProxy, joined: Connect, contacts: Contacts
) -> None:
    contact = stored(contacts.database, a_contact("one"))
    row = a_row(contact.phone, vars={"name": "new"}, call_after=now() + timedelta(hours=1))
    with writing_later(wire, joined, row) as adding:
        assert MongoPeople(contacts).hold_back(replace(contact, attempt=None), reason="on holiday")
        before = contacts.find_one()
    assert adding.result(20) == Added(added=0, known=1)
    assert contacts.find_one() == before


def test_a_wait_after_an_end_that_used_no_attempt_is_not_cut_short(contacts: Contacts, book: MongoContactBook) -> None:
    """Such as the wait for the next day, where the calls of this one are used up."""
    tomorrow = now() + timedelta(days=1)
    contact = stored(contacts.database, a_contact("one", state=State.PLACED, used=1))
    decision = RetryDecision(state=State.PENDING, due_at=tomorrow, counts=False)
    ref = CallRef(contact_id=contact.id, attempt_id=attempt_of(contact).id)
    report = CallReport(sid=attempt_of(contact).sid, status="failed")
    assert MongoHearing(contacts).settle(ref, report, outcome=Outcome.FAILED, decision=decision)
    assert only(contacts).used == 0
    assert imported(book, a_row(contact.phone, vars=contact.vars, call_after=now())) == Added(added=0, known=1)
    assert only(contacts).due_at == tomorrow


def test_a_person_is_known_by_the_listed_phone_whichever_is_dialed(contacts: Contacts, book: MongoContactBook) -> None:
    home, office = a_phone(), a_phone()
    row = a_row(home, alternates=(Number(phone=office, region="GB Europe/London"),))
    assert book.add("one", [row], max_attempts=3) == Added(added=1, known=0)
    contacts.update_one({"listed": home}, {"$set": {"phone": office, "region": "GB Europe/London"}})
    assert book.add("one", [row], max_attempts=3) == Added(added=0, known=1)
    assert book.add("one", [a_row(office)], max_attempts=3) == Added(added=1, known=0)  # somebody else's only phone
    (ada,) = (contact_of(one) for one in contacts.find({"listed": home}))
    assert (ada.phone, ada.phones) == (office, (office, home))
    assert [one.listed for one in book.page("one", after="", limit=9)] == sorted([home, office])


def test_a_list_adds_numbers_to_a_person_and_takes_none_away(contacts: Contacts, book: MongoContactBook) -> None:
    """One that has been called may have a call in the carrier's list that is theirs and nobody else's."""
    home, office, mobile = (Number(phone=a_phone(), region="US") for _ in range(3))
    book.add("one", [a_row(home.phone)], max_attempts=3)
    for others, updated in (((office,), 1), ((office,), 0), ((mobile,), 1), ((), 0), ((home,), 0)):
        added = book.add("one", [a_row(home.phone, alternates=others)], max_attempts=3)
        assert (added.updated, added.known) == (updated, 1 - updated)
    (document,) = contacts.find()
    assert contact_of(document).numbers == (home, office, mobile)
    assert contact_of(document).phone == home.phone


NEW_YORKER, TEXAN = "+12125550100", "+12145550100"
IN_NEW_YORK, IN_CALIFORNIA = "US-NY New_York", "US-NY+US-CA Los_Angeles,New_York"
OFFICE_IN_TEXAS, OFFICE_IN_CALIFORNIA = "US-TX Chicago", "US-TX+US-CA Chicago,Los_Angeles"


def a_row_of(phone: str, *others: str, **variables: str) -> NewContact:
    """As a list has it: all its numbers are judged by its own columns."""
    first, *rest = (Number(phone=one, region=dialable(one, hints=hints_in(variables))[1]) for one in (phone, *others))
    return NewContact(phone=first.phone, region=first.region, alternates=tuple(rest), vars=variables)


@pytest.mark.parametrize(
    ("wrong", "right", "region"),
    [
        ({"state": "NY"}, {"state": "CA"}, IN_CALIFORNIA),
        ({"state": "CA"}, {"state": "NY"}, IN_NEW_YORK),
        ({"zip": "10001"}, {"zip": "90001"}, IN_CALIFORNIA),
        ({"zip": "10001"}, {"postal_code": "90001"}, IN_CALIFORNIA),
        ({"timezone": "America/New_York"}, {"timezone": "Pacific/Guam"}, "US-NY New_York,Pacific/Guam"),
        ({"country": "US"}, {"country": "GU"}, "US-NY+GU New_York,Pacific/Guam"),
        ({"state": "CA"}, {"zip": "10001"}, IN_CALIFORNIA),  # what an earlier list said is still true
        ({"state": "CA"}, {"zip": "96910"}, "US-NY+US-CA+GU Los_Angeles,New_York,Pacific/Guam"),
        ({}, {"State": "CA"}, IN_CALIFORNIA),
    ],
)
def test_a_list_that_corrects_where_somebody_is_changes_by_which_clocks_they_are_called(
    contacts: Contacts,
    book: MongoContactBook,
    claims: MongoClaims,
    wrong: dict[str, str],
    right: dict[str, str],
    region: str,
) -> None:
    imported(book, a_row_of(NEW_YORKER, **wrong))
    corrected = a_row_of(NEW_YORKER, **right)
    assert imported(book, corrected, list_id="list-2") == Added(added=0, known=0, updated=1)
    (after,) = contacts.find()
    assert (after["region"], after["vars"]) == (region, wrong | right)
    assert imported(book, corrected, list_id="list-3") == Added(added=0, known=1)
    assert imported(book, a_row_of(NEW_YORKER), list_id="list-4") == Added(added=0, known=1)
    assert list(contacts.find()) == [after]
    assert claims.regions_waiting("one") == [region]
    assert claims.claim_due("one", claim="c", limit=9, until=now(), now=now(), among=[region])


def test_a_list_that_does_not_say_where_somebody_is_leaves_them_there(
    contacts: Contacts, book: MongoContactBook
) -> None:
    """Neither does an empty cell take anybody out of their state."""
    imported(book, a_row_of(NEW_YORKER, TEXAN, state="CA", name="Ada"))
    for list_id, row in enumerate((a_row_of(NEW_YORKER, name="Bo"), a_row_of(NEW_YORKER, TEXAN, state="", name="Cy"))):
        assert imported(book, row, list_id=str(list_id)).updated == 1
        assert imported(book, row, list_id=f"again {list_id}").known == 1
        (document,) = contacts.find()
        assert (document["region"], document["vars"]["state"]) == (IN_CALIFORNIA, "CA")
        assert [number["region"] for number in document["numbers"]] == [IN_CALIFORNIA, OFFICE_IN_CALIFORNIA]


@pytest.mark.parametrize("others", [(TEXAN,), ()])
@pytest.mark.parametrize(("dialed", "before", "after"), [
    (NEW_YORKER, IN_NEW_YORK, IN_CALIFORNIA),
    (TEXAN, OFFICE_IN_TEXAS, OFFICE_IN_CALIFORNIA),
])  # fmt: skip
def test_who_moves_moves_with_all_their_numbers_whichever_is_dialed_and_whichever_the_list_names(
    contacts: Contacts, book: MongoContactBook, dialed: str, before: str, after: str, others: tuple[str, ...]
) -> None:
    imported(book, a_row_of(NEW_YORKER, TEXAN))
    contacts.update_one({}, {"$set": {"phone": dialed, "region": before}})
    assert imported(book, a_row_of(NEW_YORKER, *others, state="CA"), list_id="list-2").updated == 1
    contact = only(contacts)
    assert (contact.phone, contact.region) == (dialed, after)
    assert contact.numbers == (
        Number(phone=NEW_YORKER, region=IN_CALIFORNIA),
        Number(phone=TEXAN, region=OFFICE_IN_CALIFORNIA),
    )
    assert imported(book, a_row_of(NEW_YORKER, *others, state="CA"), list_id="list-3").known == 1


def test_a_number_that_the_list_does_not_name_moves_though_the_one_that_it_names_was_there(
    contacts: Contacts, book: MongoContactBook
) -> None:
    imported(book, a_row_of(NEW_YORKER, TEXAN))
    assert imported(book, a_row_of(NEW_YORKER, state="NY"), list_id="list-2").updated == 1
    assert [number.region for number in only(contacts).numbers] == [IN_NEW_YORK, "US-TX+US-NY Chicago,New_York"]


def test_where_somebody_is_is_judged_anew_by_the_rules_of_today(contacts: Contacts, book: MongoContactBook) -> None:
    """A contact may have come in when less was known of its number, or of its state."""
    row = a_row_of("+17875550100", state="CA")
    imported(book, row)
    contacts.update_one({}, {"$set": {"region": "PR Puerto_Rico"}})
    assert imported(book, row, list_id="list-2").updated == 1
    assert only(contacts).region == "PR+US-CA Los_Angeles,Puerto_Rico"


def test_an_old_variable_that_is_no_zone_keeps_nobody_from_being_told_what_is_new(
    contacts: Contacts, book: MongoContactBook
) -> None:
    stored(contacts.database, a_contact("one", phone=NEW_YORKER, region="US", vars={"timezone": "Eastern"}))
    assert imported(book, a_row_of(NEW_YORKER, state="CA")).updated == 1
    assert only(contacts).region == IN_CALIFORNIA
    assert imported(book, a_row_of(NEW_YORKER, state="CA"), list_id="list-2").known == 1


@pytest.mark.parametrize("state", sorted(set(State) - {State.PENDING}))
def test_whoever_is_being_called_moves_with_the_next_list_after_it(
    contacts: Contacts, book: MongoContactBook, state: State
) -> None:
    stored(contacts.database, a_contact("one", phone=NEW_YORKER, region=IN_NEW_YORK, state=state))
    before = contacts.find_one()
    assert imported(book, a_row_of(NEW_YORKER, state="CA")) == Added(added=0, known=1)
    assert contacts.find_one() == before
    contacts.update_one({}, {"$set": {"state": State.PENDING, "due_at": now()}, "$unset": {"attempt": ""}})
    assert imported(book, a_row_of(NEW_YORKER, state="CA"), list_id="list-2").updated == 1
    assert only(contacts).region == IN_CALIFORNIA


def test_who_moves_waits_as_long_as_was_decided(contacts: Contacts, book: MongoContactBook) -> None:
    retry = now() + timedelta(hours=2)
    tried = stored(contacts.database, a_contact("one", phone=NEW_YORKER, region=IN_NEW_YORK, used=1, due_at=retry))
    held = stored(contacts.database, a_contact("one", phone=TEXAN, region=OFFICE_IN_TEXAS))
    assert MongoPeople(contacts).hold_back(replace(held, attempt=None), reason="on holiday")
    holds = contacts.find_one({"_id": held.id})
    rows = [replace(a_row_of(phone, state="CA"), call_after=now()) for phone in (NEW_YORKER, TEXAN)]
    assert imported(book, *rows).updated == 2
    after = contacts.find_one({"_id": tried.id})
    assert after is not None
    assert (after["region"], after["due_at"], after["used"]) == (IN_CALIFORNIA, retry, 1)
    still = contacts.find_one({"_id": held.id})
    assert holds is not None
    assert still is not None
    assert {name for name in still if still[name] != holds.get(name)} == {"region", "vars", "row"}


def test_the_zone_of_one_number_is_never_written_on_another_whose_turn_has_come(
    wire: TcpProxy, joined: Connect, contacts: Contacts, book: MongoContactBook
) -> None:
    imported(book, a_row_of(NEW_YORKER, TEXAN))
    row = a_row_of(NEW_YORKER, TEXAN, state="CA")
    with writing_later(wire, joined, row, list_id="list-2") as adding:
        contacts.update_one({}, {"$set": {"phone": TEXAN, "region": OFFICE_IN_TEXAS}})
        before = contacts.find_one()
    assert adding.result(20) == Added(added=0, known=1)
    assert contacts.find_one() == before
    assert imported(book, row, list_id="list-3").updated == 1
    assert only(contacts).region == OFFICE_IN_CALIFORNIA


def test_no_number_is_forgotten_that_another_list_adds_meanwhile(
    wire: TcpProxy, joined: Connect, contacts: Contacts, book: MongoContactBook
) -> None:
    imported(book, a_row_of(NEW_YORKER, TEXAN))
    with writing_later(wire, joined, a_row_of(NEW_YORKER, state="CA"), list_id="a") as adding:
        assert imported(book, a_row_of(NEW_YORKER, "+13055550100"), list_id="b").updated == 1
    assert adding.result(20) == Added(added=0, known=1)
    assert [number.phone for number in only(contacts).numbers] == [NEW_YORKER, TEXAN, "+13055550100"]


def test_of_two_lists_at_once_the_last_one_says_where_somebody_is_and_by_which_clocks_they_are_called(
    wire: TcpProxy, joined: Connect, contacts: Contacts, book: MongoContactBook
) -> None:
    imported(book, a_row_of(NEW_YORKER, state="CA"))
    with writing_later(wire, joined, a_row_of(NEW_YORKER, name="Ada"), list_id="a") as adding:
        assert imported(book, a_row_of(NEW_YORKER, state="NY"), list_id="b").updated == 1
        assert only(contacts).region == IN_NEW_YORK
    assert adding.result(20).updated == 1
    assert only(contacts).vars == {"state": "CA", "name": "Ada"}
    assert only(contacts).region == IN_CALIFORNIA


def test_rows_that_come_again_after_a_crash_count_as_they_did_the_first_time(
    contacts: Contacts, book: MongoContactBook
) -> None:
    """Whatever was written the first time, the same rows of the same list have the same counts."""
    old = [a_row(vars={"name": "old"}) for _ in range(3)]
    imported(book, *old, list_id="list-0")
    rows = [
        *(replace(row, vars={"name": "new"}, line=line) for line, row in enumerate(old[:2], start=2)),
        replace(old[2], line=4),
        a_row(line=5),
        a_row(line=6),
    ]
    rows.append(replace(rows[3], line=7, vars={"name": "later in the list"}))
    first = imported(book, *rows)
    assert first == Added(added=2, updated=2, known=1, repeated=1)
    before = list(contacts.find())
    assert imported(book, *rows) == first
    assert imported(book, rows[5]) == Added(added=0, known=0, repeated=1)
    assert list(contacts.find()) == before


def test_a_page_is_everybody_behind_a_phone_in_order(contacts: Contacts, book: MongoContactBook) -> None:
    phones = sorted(a_phone(index) for index in range(7))
    for phone in reversed(phones):
        stored(contacts.database, a_contact("one", phone=phone))
        stored(contacts.database, a_contact("another", phone=phone))
    assert [one.phone for one in book.page("one", after="", limit=3)] == phones[:3]
    assert [one.phone for one in book.page("one", after=phones[2], limit=9)] == phones[3:]
    assert book.page("one", after=phones[-1], limit=9) == []
