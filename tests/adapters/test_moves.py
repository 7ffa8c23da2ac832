"""Every verb is a compare-and-set: it moves the contact it was meant for, from the table's states, or nothing."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dialer.adapters.contact_documents import HISTORY_KEPT, contact_of
from dialer.lifecycle import IN_FLIGHT, LIVE, MOVES, TERMINAL, Move, State
from dialer.model import Contact, FinishedAttempt, Outcome, attempt_id, attempt_of, claim_of
from tests.adapters.verbs import (
    ILLEGAL,
    LEGAL,
    SCOPED,
    SECRET,
    SID,
    TEXT,
    VERBS,
    Contacts,
    Verb,
    a_contact_for,
    believed,
)
from tests.builders import FROM_NUMBER, a_contact, document_of, now, stored

named = pytest.mark.parametrize


def document(contacts: Contacts, contact: Contact) -> dict[str, Any]:
    found = contacts.find_one({"_id": contact.id})
    assert found is not None
    return found


def kept(contacts: Contacts, contact: Contact) -> Contact:
    stored(contacts.database, contact)
    return contact


def test_every_move_of_the_table_has_a_verb_here() -> None:
    assert {move for verb in VERBS for move in verb.moves} == set(Move)
    for move in Move:
        assert {verb.to for verb in VERBS if move in verb.moves} == MOVES[move].targets


@named(("verb", "state"), LEGAL, ids=str)
def test_a_verb_moves_a_contact_to_its_target(contacts: Contacts, verb: Verb, state: State) -> None:
    contact = kept(contacts, a_contact_for(verb, state))
    assert verb.act(contacts, believed(contact))
    assert document(contacts, contact)["state"] == verb.to


@named(("verb", "state"), ILLEGAL, ids=str)
def test_a_verb_is_a_no_op_in_every_other_state(contacts: Contacts, verb: Verb, state: State) -> None:
    contact = kept(contacts, a_contact_for(verb, state))
    before = document(contacts, contact)
    assert not verb.act(contacts, believed(contact))
    assert document(contacts, contact) == before


@named("verb", VERBS, ids=str)
@named("state", sorted(TERMINAL))
def test_terminal_never_changes(contacts: Contacts, verb: Verb, state: State) -> None:
    """Not even for somebody who still holds the attempt that ended there: its id is only in the history."""
    live = a_contact_for(verb, State.DIALING)
    past = FinishedAttempt(
        id=attempt_of(live).id,
        n=1,
        from_number=FROM_NUMBER,
        dial_at=now(),
        ended_at=now(),
        sid="CA1",
        outcome=Outcome.ANSWERED,
    )
    contact = kept(contacts, replace(live, state=state, attempt=None, history=(past,)))
    before = document(contacts, contact)
    assert not verb.act(contacts, live)
    assert document(contacts, contact) == before


@named("verb", SCOPED, ids=str)
def test_a_verb_for_another_attempt_of_the_same_contact_is_a_no_op(contacts: Contacts, verb: Verb) -> None:
    for state in sorted(verb.sources):
        contact = kept(contacts, a_contact_for(verb, state))
        before = document(contacts, contact)
        stale = replace(attempt_of(contact), id=attempt_id(contact.id, "0" * 24))
        assert not verb.act(contacts, replace(contact, attempt=stale))
        assert document(contacts, contact) == before


@named("verb", [verb for verb in VERBS if verb.name != "claim_due"], ids=str)
def test_a_verb_leaves_the_rest_of_its_claim_alone(contacts: Contacts, verb: Verb) -> None:
    """One claim serves a whole batch: its id alone does not say who is meant."""
    for state in sorted(verb.sources & IN_FLIGHT):
        contact, neighbour = a_contact_for(verb, state), a_contact_for(verb, state)
        shared = attempt_id(neighbour.id, claim_of(attempt_of(contact).id))
        attempt = replace(attempt_of(neighbour), id=shared, token=attempt_of(contact).token, sid="")
        neighbour = kept(contacts, replace(neighbour, attempt=attempt))  # first: the first match would be moved
        kept(contacts, contact)
        before = document(contacts, neighbour)
        assert verb.act(contacts, contact)
        assert document(contacts, neighbour) == before
        assert document(contacts, contact)["state"] == verb.to
        contacts.delete_many({})


@named("verb", SECRET, ids=str)
def test_only_the_holder_of_the_token_may_say_what_became_of_a_dial(contacts: Contacts, verb: Verb) -> None:
    for state in sorted(verb.sources):
        contact = kept(contacts, a_contact_for(verb, state))
        before = document(contacts, contact)
        assert not verb.act(contacts, replace(contact, attempt=replace(attempt_of(contact), token="another")))
        assert document(contacts, contact) == before
        assert verb.act(contacts, contact)


@named(("verb", "state"), LEGAL, ids=str)
def test_what_waits_is_due_without_an_attempt_and_nothing_else_is_due(
    contacts: Contacts, verb: Verb, state: State
) -> None:
    contact = kept(contacts, a_contact_for(verb, state))
    verb.act(contacts, believed(contact))
    after = document(contacts, contact)
    assert ("due_at" in after) == (verb.to is State.PENDING)
    assert ("attempt" in after) == (verb.to in IN_FLIGHT)
    assert contact_of(after).due_at == after.get("due_at")
    if verb.to in IN_FLIGHT:
        assert contact_of(after).attempt is not None
        assert attempt_of(contact_of(after)).until is not None


CALLED = [(verb, state) for verb, state in LEGAL if verb.to is State.PENDING and state in LIVE]


@named(("verb", "state"), CALLED, ids=str)
def test_whoever_asked_to_be_called_at_a_time_waits_for_it_however_the_attempt_ends(
    contacts: Contacts, verb: Verb, state: State
) -> None:
    asked, past = now() + timedelta(days=1), now() - timedelta(days=1)
    for moment in (asked, past):
        contact = kept(contacts, a_contact_for(verb, state))
        contacts.update_one({"_id": contact.id}, {"$set": {"callback_at": moment}})
        assert verb.act(contacts, contact)
        after = document(contacts, contact)
        assert (after["due_at"] == asked) is (moment == asked)
        assert after["decisions"][-1]["due_at"] == after["due_at"] > past
        contacts.delete_many({})


@named("verb", [verb for verb in VERBS if verb.to in TERMINAL], ids=str)
def test_a_settled_contact_is_due_for_nothing_even_when_it_was_marked_so(contacts: Contacts, verb: Verb) -> None:
    """A stray `due_at` would put a settled contact in front of every tick for ever."""
    contact = kept(contacts, a_contact_for(verb, min(verb.sources)))
    contacts.update_one({"_id": contact.id}, {"$set": {"due_at": now()}})
    assert verb.act(contacts, contact)
    assert "due_at" not in document(contacts, contact)


@named(("verb", "state"), LEGAL, ids=str)
def test_a_text_that_starts_with_a_dollar_stays_text(contacts: Contacts, verb: Verb, state: State) -> None:
    contact = kept(contacts, a_contact_for(verb, state, vars={"name": "$phone", "$odd": "a", "dotted.name": "b"}))
    assert verb.act(contacts, believed(contact))
    after = document(contacts, contact)
    assert after["vars"] == contact.vars
    past = [{**entry, "to": ""} for entry in after.get("history", [])]
    assert contact.phone not in str({**after, "phone": "", "listed": "", "history": past})
    written = str({"reason": after["reason"], "attempt": after.get("attempt"), "history": after.get("history")})
    expected = {"claim_due": "$claim", "take_line": "$token", "settle": TEXT}.get(verb.name)
    if expected:
        assert expected in written
    elif verb.name in {"sift", "expire_claims", "put_off", "forbid", "step_back", "refuse", "not_placed", "doubt"}:
        assert after["reason"] == TEXT


@named("verb", [verb for verb in VERBS if verb.name in {"refuse", "settle", "release", "give_up", "resolve"}], ids=str)
def test_the_story_of_a_contact_is_bounded_and_ends_with_the_latest(contacts: Contacts, verb: Verb) -> None:
    state = min(verb.sources)
    old = tuple(
        FinishedAttempt(
            id=f"{n}-{n}",
            n=n,
            from_number=FROM_NUMBER,
            dial_at=now(),
            ended_at=now(),
            sid=f"CA{n}",
            outcome=Outcome.BUSY,
        )
        for n in range(1, HISTORY_KEPT + 1)
    )
    contact = kept(contacts, a_contact_for(verb, state, history=old))
    assert verb.act(contacts, contact)
    history = document(contacts, contact)["history"]
    assert len(history) == HISTORY_KEPT
    assert [past["sid"] for past in history[:-1]] == [past.sid for past in old[1:]]
    latest = contact_of(document(contacts, contact)).history[-1]
    assert latest.id == attempt_of(contact).id
    assert latest.dial_at == attempt_of(contact).dial_at
    assert (latest.n, latest.from_number) == (attempt_of(contact).n, attempt_of(contact).from_number)
    if verb.name == "settle":
        assert (latest.sid, latest.outcome, latest.detail) == (SID, Outcome.BUSY, TEXT)


@named(
    ("name", "change"),
    [
        ("forbid", -1), ("step_back", -1), ("not_placed", -1), ("put_off", 0), ("refuse to failed", 0),
        ("refuse to pending", -1), ("doubt", 0), ("settle", 0),
    ],
)  # fmt: skip
def test_only_what_never_left_or_nobody_had_gives_its_attempt_back(contacts: Contacts, name: str, change: int) -> None:
    for verb in (verb for verb in VERBS if str(verb).startswith(name)):
        contact = kept(contacts, a_contact_for(verb, min(verb.sources), used=2))
        assert verb.act(contacts, contact)
        assert document(contacts, contact)["used"] == 2 + change


@named(("name", "setbacks"), [("step_back", 3), ("not_placed", 3), ("forbid", 2), ("accept", 0), ("hear", 0)])
def test_setbacks_in_a_row_are_counted_and_end_when_the_carrier_takes_a_call(
    contacts: Contacts, name: str, setbacks: int
) -> None:
    verb = next(verb for verb in VERBS if verb.name == name)
    contact = kept(contacts, a_contact_for(verb, State.DIALING, setbacks=2))
    assert verb.act(contacts, contact)
    assert document(contacts, contact)["setbacks"] == setbacks


@named("state", State)
def test_a_contact_comes_back_as_it_was_stored(contacts: Contacts, state: State) -> None:
    contact = kept(contacts, a_contact(state=state, reason="$why", priority=-3, setbacks=2, vars={"a": "b"}))
    assert contact_of(document(contacts, contact)) == contact
    assert document_of(contact)["_id"] == contact.id
