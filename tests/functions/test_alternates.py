"""Somebody with several numbers: each is dialed in its turn, and what is forbidden at one is forbidden at all."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dialer import wiring
from dialer.lifecycle import State
from dialer.model import Cap, Contact, FinishedAttempt, Number, Outcome, RetryPolicy
from tests.builders import a_campaign, a_contact, a_message, a_phone, an_attempt, created, now, stored
from tests.functions.conftest import Stack
from tests.functions.events import batch, webhook
from tests.functions.operators import Operator
from tests.functions.test_api_people import ERASED

AT_ONCE = RetryPolicy(max_attempts=3, delays={Outcome.BUSY: timedelta(0)})


def somebody(stack: Stack, state: State = State.CLAIMED, **wishes: Any) -> Contact:
    """With two numbers, in a campaign that calls again at once."""
    campaign = created(stack.database, a_campaign(**{"retry": AT_ONCE, **wishes}))
    home, office = a_number(), a_number()
    return stored(stack.database, a_contact(campaign, state=state, phone=home.phone, numbers=(home, office)))


def a_number() -> Number:
    return Number(phone=a_phone(), region="US")


def claimed_again(stack: Stack, contact: Contact) -> Contact:
    """As the next tick would do it."""
    waiting = stack.contact(contact)
    again = replace(waiting, state=State.CLAIMED, due_at=None, attempt=an_attempt(contact.id, State.CLAIMED))
    stack.database["contacts"].delete_one({"_id": contact.id})
    return stored(stack.database, again)


def dialed(stack: Stack, contact: Contact) -> list[str]:
    return [request["to"] for request in stack.asked(contact)]


def test_a_busy_number_is_followed_by_the_next_and_the_story_says_which_was_dialed(stack: Stack) -> None:
    contact = somebody(stack)
    home, office = contact.phones
    stack.carrier.set_fates({home: "busy", office: "busy"})
    for number in (home, office, home):
        stack.invoke("call", batch(a_message(contact)))
        assert dialed(stack, contact)[-1] == number
        stack.invoke("voice", webhook("voice_status_busy", stack.contact(contact)))
        if stack.contact(contact).state is State.PENDING:
            contact = claimed_again(stack, contact)
    over = stack.contact(contact)
    assert (over.state, over.used) == (State.FAILED, 3)
    assert [past.to for past in over.history] == dialed(stack, contact) == [home, office, home]


def test_a_number_that_does_not_exist_costs_no_attempt_and_the_next_is_dialed(stack: Stack) -> None:
    contact = somebody(stack)
    home, office = contact.phones
    stack.carrier.set_fates({home: {"kind": "refuse", "code": 21211}, office: {"kind": "refuse", "code": 21211}})
    stack.invoke("call", batch(a_message(contact)))
    waiting = stack.contact(contact)
    assert (waiting.state, waiting.used, waiting.phone) == (State.PENDING, 0, office)
    contact = claimed_again(stack, contact)
    stack.invoke("call", batch(a_message(contact)))
    over = stack.contact(contact)
    assert dialed(stack, contact) == [home, office]
    assert (over.state, [past.to for past in over.history]) == (State.FAILED, [home, office])


def test_a_number_that_the_network_does_not_know_costs_no_attempt_and_is_not_dialed_again(stack: Stack) -> None:
    contact = somebody(stack, State.PLACED)
    office = contact.phones[1]
    stack.invoke("voice", webhook("voice_status_failed", contact, SipResponseCode="404"))
    waiting = stack.contact(contact)
    assert (waiting.state, waiting.used, waiting.phone) == (State.PENDING, 0, office)
    contact = claimed_again(stack, contact)
    stack.invoke("call", batch(a_message(contact)))
    stack.invoke("voice", webhook("voice_status_busy", stack.contact(contact)))
    assert stack.contact(contact).phone == office


def test_a_fax_costs_an_attempt_and_the_next_number_is_dialed(stack: Stack) -> None:
    contact = somebody(stack, State.PLACED)
    stack.invoke("voice", webhook("voice_status_completed_machine", contact, AnsweredBy="fax"))
    waiting = stack.contact(contact)
    assert (waiting.state, waiting.used, waiting.phone) == (State.PENDING, 1, contact.phones[1])
    assert waiting.due_at
    assert waiting.due_at <= now()


def test_who_opts_out_at_one_number_has_opted_out_at_all(stack: Stack) -> None:
    """Also when the key arrives after the call, and the next call would be to the other number."""
    contact = somebody(stack, State.PLACED)
    stack.invoke("voice", webhook("voice_status_busy", contact))
    assert stack.contact(contact).phone == contact.phones[1]
    stack.invoke("voice", webhook("voice_keypress", contact, Digits="9"))
    assert wiring.suppressions().among("any", contact.phones) == {*contact.phones}


@pytest.mark.parametrize("which", [0, 1])
def test_who_must_not_be_called_at_one_number_is_called_at_none(stack: Stack, which: int) -> None:
    contact = somebody(stack)
    wiring.suppressions().suppress(contact.phones[which], scope="global", source="test", reason="asked")
    stack.invoke("call", batch(a_message(contact)))
    assert dialed(stack, contact) == []
    assert stack.contact(contact).state is State.SUPPRESSED


def test_calls_to_another_number_of_the_same_person_count_for_a_cap(stack: Stack) -> None:
    contact = somebody(stack, caps=(Cap(name="one", most=1, within=timedelta(days=1)),))
    past = FinishedAttempt(
        id="x-1", n=1, to=contact.phones[1], from_number="", dial_at=now(), ended_at=now(), sid="", outcome=Outcome.BUSY
    )
    stored(stack.database, a_contact("another", phone=contact.phones[1], state=State.DONE, history=(past,)))
    stack.invoke("call", batch(a_message(contact)))
    assert dialed(stack, contact) == []
    assert stack.contact(contact).reason == "cap one: 1 call within 24 hours"


def test_a_call_that_is_under_way_at_another_number_counts_for_a_cap(stack: Stack) -> None:
    """Only the phone that is dialed is locked: of two who look at the same time at least one sees the other."""
    contact = somebody(stack, caps=(Cap(name="one", most=1, within=timedelta(days=1)),))
    stored(stack.database, a_contact("another", phone=contact.phones[1], state=State.DIALING))
    stack.invoke("call", batch(a_message(contact)))
    assert dialed(stack, contact) == []
    assert stack.contact(contact).reason == "cap one: 1 call within 24 hours"


def test_a_call_that_may_be_anothers_is_not_adopted_at_a_number_that_two_share(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call in the carrier's list is the first person's, whose number it was; the second's request got lost."""
    monkeypatch.setenv("SETTLE_POLL_SECONDS", "0.05")
    ada = somebody(stack)
    home, office = ada.phones
    stack.carrier.set_fates({home: "busy"})
    stack.invoke("call", batch(a_message(ada)))
    stack.carrier.wait_idle()
    (call,) = [one for one in stack.carrier.calls() if one["to"] == home]
    attempt = replace(an_attempt(ada.id, State.PLACED), sid=call["sid"])
    stack.database["contacts"].delete_one({"_id": ada.id})
    past = FinishedAttempt(
        id=attempt.id, n=1, to=home, from_number=attempt.from_number, dial_at=attempt.dial_at, ended_at=now(),
        sid=call["sid"], outcome=Outcome.BUSY,
    )  # fmt: skip
    stored(stack.database, replace(ada, state=State.DONE, phone=office, attempt=None, used=1, history=(past,)))
    bob = a_contact(created(stack.database, a_campaign()), phone=home, state=State.UNCERTAIN)
    doubt = replace(an_attempt(bob.id, State.UNCERTAIN), until=now() - timedelta(seconds=1))
    stored(stack.database, replace(bob, attempt=doubt))
    stack.invoke("reconcile", {})
    assert stack.contact(bob).state is State.UNCERTAIN


def test_an_erased_person_is_found_by_any_number_and_leaves_an_opt_out_at_each(
    stack: Stack, operator: Operator
) -> None:
    contact = somebody(stack, State.PENDING)
    assert operator.post("/erase", {"phone": contact.phones[1]}) == ERASED | {"erased": 1}
    assert stack.database["contacts"].count_documents({}) == 0
    assert wiring.suppressions().among("any", contact.phones) == {*contact.phones}


def test_an_operator_sees_all_numbers_and_which_was_dialed(stack: Stack, operator: Operator, viewer: Operator) -> None:
    contact = somebody(stack, State.PLACED)
    home, office = contact.phones
    stack.invoke("voice", webhook("voice_status_busy", contact))
    (found,) = operator.post("/contacts/find", {"phone": home})["items"]
    assert (found["phone"], found["numbers"]) == (office, [home, office])
    assert [attempt["to"] for attempt in found["attempts"]] == [home]
    hidden = str(viewer.get(f"/contacts/{contact.id}"))
    assert home not in hidden
    assert office not in hidden


def test_rows_of_the_api_may_have_other_numbers(stack: Stack, operator: Operator) -> None:
    campaign_id, home, office = operator.campaign(), a_phone(), a_phone()
    added = operator.post(f"/campaigns/{campaign_id}/contacts", {"rows": [{"phone": home, "alt_phone_1": office}]})
    assert added["added"] == 1
    (found,) = operator.post("/contacts/find", {"phone": office})["items"]
    assert (found["phone"], found["numbers"]) == (home, [home, office])
