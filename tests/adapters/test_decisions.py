"""Every decision about a contact is kept with its reason and its moment, unless the story of its attempts has it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dialer.adapters.contact_documents import contact_of
from dialer.adapters.decisions import KEPT
from dialer.adapters.hearing import MongoHearing
from dialer.adapters.lines import MongoLines
from dialer.adapters.people import MongoPeople
from dialer.lifecycle import State
from dialer.model import CallReport, Contact, Decision, Outcome, attempt_of
from dialer.ports import CallRef
from dialer.retry import RetryDecision
from tests.adapters.verbs import LATER, TEXT, VERBS, Contacts, Verb, a_contact_for, believed
from tests.builders import a_contact, a_message, an_attempt, now, stored

IN_THE_STORY = {
    "claim_due to claimed", "take_line to dialing", "accept to placed", "hear to placed", "answer to placed",
    "settle to done", "settle to failed", "refuse to failed", "release to failed", "give_up to failed",
    "resolve to failed",
}  # fmt: skip
DECIDING = [verb for verb in VERBS if str(verb) not in IN_THE_STORY]


def decisions(contacts: Contacts, contact: Contact) -> tuple[Decision, ...]:
    document: Any = contacts.find_one({"_id": contact.id})
    return contact_of(document).decisions


def busy_elsewhere(contacts: Contacts, contact: Contact) -> None:
    """Claimed, and put off again."""
    attempt = an_attempt(contact.id, State.CLAIMED)
    again = {"state": State.CLAIMED, "attempt": {"id": attempt.id.rpartition("-")[2], "until": attempt.until}}
    contacts.update_one({"_id": contact.id}, {"$set": again})
    message = a_message(replace(contact, attempt=attempt))
    assert MongoLines(contacts).put_off(message, after=LATER, reason="busy elsewhere")


@pytest.mark.parametrize("verb", DECIDING, ids=str)
def test_a_decision_is_kept_with_its_reason_its_moment_and_what_it_waits_for(contacts: Contacts, verb: Verb) -> None:
    contact = stored(contacts.database, a_contact_for(verb, min(verb.sources)))
    earliest = now() - timedelta(seconds=1)
    assert verb.act(contacts, believed(contact))
    (decision,) = decisions(contacts, contact)
    after = contact_of(contacts.find_one({"_id": contact.id}) or {})
    assert decision.state is verb.to
    assert decision.due_at == (after.due_at if verb.to is State.PENDING else None)
    assert decision.reason == (after.reason or "the carrier's list has one call that can be this attempt's")
    assert earliest <= decision.at <= now() + timedelta(seconds=1)


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in DECIDING], ids=str)
def test_what_the_attempts_tell_is_not_told_twice(contacts: Contacts, verb: Verb) -> None:
    contact = stored(contacts.database, a_contact_for(verb, min(verb.sources)))
    assert verb.act(contacts, believed(contact))
    assert decisions(contacts, contact) == ()


def test_the_same_again_and_again_is_kept_once_until_something_else_was_decided(contacts: Contacts) -> None:
    contact = stored(contacts.database, a_contact())
    for _ in range(3):
        busy_elsewhere(contacts, contact)
    assert MongoPeople(contacts).hold_back(replace(contact, attempt=None), reason="asked")
    for _ in range(2):
        busy_elsewhere(contacts, contact)
    reasons = [decision.reason for decision in decisions(contacts, contact)]
    assert reasons == ["busy elsewhere", "on hold: asked", "busy elsewhere"]


def test_every_retry_is_a_decision_of_its_own(contacts: Contacts) -> None:
    contact = stored(contacts.database, a_contact(state=State.PLACED, max=9))
    for n in range(2):
        ref = CallRef(contact_id=contact.id, attempt_id=attempt_of(contact).id)
        end, wait = (
            CallReport(sid=attempt_of(contact).sid, status="busy"),
            RetryDecision(state=State.PENDING, after=LATER),
        )
        assert MongoHearing(contacts).settle(ref, end, outcome=Outcome.BUSY, decision=wait)
        kept = decisions(contacts, contact)
        assert [one.reason for one in kept] == ["busy"] * (n + 1)
        contacts.delete_one({"_id": contact.id})
        contact = stored(contacts.database, replace(contact, history=()))
        contacts.update_one(
            {"_id": contact.id}, {"$set": {"decisions": [_plain(one) for one in kept], "decided": "pending busy"}}
        )


def _plain(decision: Decision) -> dict[str, Any]:
    return {"at": decision.at, "state": str(decision.state), "reason": decision.reason, "due_at": decision.due_at}


def test_only_the_latest_are_kept(contacts: Contacts) -> None:
    contact, people = stored(contacts.database, a_contact()), MongoPeople(contacts)
    for n in range(KEPT + 3):
        assert people.hold_back(replace(contact, attempt=None), reason=f"{n}")
    kept = decisions(contacts, contact)
    assert [one.reason for one in kept] == [f"on hold: {n}" for n in range(3, KEPT + 3)]


def test_a_reason_that_starts_with_a_dollar_stays_text(contacts: Contacts) -> None:
    contact = stored(contacts.database, a_contact())
    assert MongoPeople(contacts).cancel(contact, reason=TEXT)
    busy_elsewhere(contacts, contact)
    assert [one.reason for one in decisions(contacts, contact)] == [f"cancelled: {TEXT}", "busy elsewhere"]
