"""Which number each call shows, and that no number is used more often in a day than it may be."""

from datetime import timedelta
from typing import Any

import pytest

from dialer.lifecycle import State
from dialer.model import CallerChoice, CallerPolicy, CampaignState, Contact, attempt_of
from tests.builders import a_campaign, a_contact, a_message, an_attempt, created, now, stored
from tests.functions.conftest import Stack
from tests.functions.events import batch

NUMBERS = ("+12015550198", "+12025550197")


def claimed(stack: Stack, count: int, *, policy: CallerPolicy, **overrides: Any) -> list[Contact]:
    campaign = created(stack.database, a_campaign(from_numbers=NUMBERS, caller=policy))
    return [stored(stack.database, a_contact(campaign, state=State.CLAIMED, **overrides)) for _ in range(count)]


def shown(stack: Stack, *contacts: Contact) -> list[str]:
    return [request["from"] for contact in contacts for request in stack.asked(contact)]


def used(stack: Stack) -> list[int]:
    return sorted(document["used"] for document in stack.database["caller_ids"].find())


def test_numbers_are_used_up_one_after_the_other_and_then_nobody_is_called_until_tomorrow(stack: Stack) -> None:
    contacts = claimed(stack, 6, policy=CallerPolicy(daily_limit=2))
    for contact in contacts:
        stack.invoke("call", batch(a_message(contact)))
    assert sorted(shown(stack, *contacts)) == sorted(NUMBERS * 2)
    waiting = [stack.contact(contact) for contact in contacts if not stack.asked(contact)]
    assert len(waiting) == 2
    for contact in waiting:
        assert (contact.state, contact.used) == (State.PENDING, 0)
        assert contact.due_at is not None
        midnight = now().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        assert abs(contact.due_at - midnight) < timedelta(seconds=30)
    assert used(stack) == [2, 2]


def test_two_campaigns_share_what_a_number_may_do(stack: Stack) -> None:
    first, second = (claimed(stack, 1, policy=CallerPolicy(daily_limit=1))[0] for _ in range(2))
    third = claimed(stack, 1, policy=CallerPolicy(daily_limit=1))[0]
    for contact in (first, second, third):
        stack.invoke("call", batch(a_message(contact)))
    assert (sorted(shown(stack, first, second)), shown(stack, third)) == (sorted(NUMBERS), [])


def test_a_number_keeps_its_place_when_no_call_was_made(stack: Stack) -> None:
    (refused,) = claimed(stack, 1, policy=CallerPolicy(daily_limit=1))
    stack.carrier.set_faults([{"kind": "429", "match": [refused.phone]}])
    stack.invoke("call", batch(a_message(refused)))
    assert used(stack) == [0]
    stack.database["campaigns"].update_one({"_id": refused.campaign_id}, {"$set": {"state": CampaignState.PAUSED}})
    stack.invoke("call", batch(a_message(refused)))  # a message that came again
    assert used(stack) == [0]


def test_a_call_in_doubt_counts(stack: Stack) -> None:
    (contact,) = claimed(stack, 1, policy=CallerPolicy(daily_limit=1))
    stack.carrier.set_faults([{"kind": "accepted_then_cut", "match": [contact.phone]}])
    stack.invoke("call", batch(a_message(contact)))
    assert (stack.contact(contact).state, used(stack)) == (State.UNCERTAIN, [1])


@pytest.mark.parametrize("choice", CallerChoice)
def test_without_a_limit_nothing_is_counted(stack: Stack, choice: CallerChoice) -> None:
    (contact,) = claimed(stack, 1, policy=CallerPolicy(choice=choice))
    stack.invoke("call", batch(a_message(contact)))
    assert (len(shown(stack, contact)), used(stack)) == (1, [])


def test_another_number_shows_at_each_attempt_where_they_rotate(stack: Stack) -> None:
    (contact,) = claimed(stack, 1, policy=CallerPolicy(choice=CallerChoice.ROTATE))
    for attempt in range(3):
        again = a_message(contact)
        stack.invoke("call", batch(again))
        stack.carrier.wait_idle()
        renewed = an_attempt(contact.id, State.CLAIMED)
        stack.database["contacts"].update_one(
            {"_id": contact.id},
            {"$set": {"state": State.CLAIMED, "used": attempt + 1,
                      "attempt": {"id": renewed.id.partition("-")[2], "until": renewed.until}}},
        )  # fmt: skip
        contact = stack.contact(contact)
    first, second, third = shown(stack, contact)
    assert first != second
    assert third == first


@pytest.mark.parametrize("choice", CallerChoice)
@pytest.mark.parametrize("own", NUMBERS)
def test_a_person_is_called_from_the_number_that_their_row_names(stack: Stack, choice: CallerChoice, own: str) -> None:
    contacts = claimed(stack, 2, policy=CallerPolicy(choice=choice), caller_id=own)
    for contact in contacts:
        stack.invoke("call", batch(a_message(contact)))
    assert shown(stack, *contacts) == [own, own]
    assert {attempt_of(stack.contact(contact)).from_number for contact in contacts} == {own}


def test_they_wait_for_that_number_where_it_has_been_used_up_and_others_do_not(stack: Stack) -> None:
    first, second = claimed(stack, 2, policy=CallerPolicy(daily_limit=1), caller_id=NUMBERS[0])
    anybody = stored(stack.database, a_contact(first.campaign_id, state=State.CLAIMED))
    for contact in (first, second, anybody):
        stack.invoke("call", batch(a_message(contact)))
    assert shown(stack, first, second, anybody) == [NUMBERS[0], NUMBERS[1]]
    waiting = stack.contact(second)
    assert (waiting.state, waiting.used) == (State.PENDING, 0)
    assert waiting.due_at is not None
    assert waiting.due_at > now()
    assert "every caller number that may show" in waiting.reason


@pytest.mark.parametrize("numbers", [NUMBERS, NUMBERS[:1]])
def test_nobody_is_called_from_a_number_that_the_campaign_has_no_more(stack: Stack, numbers: tuple[str, ...]) -> None:
    (contact,) = claimed(stack, 1, policy=CallerPolicy(), caller_id="+12035550196")
    stack.database["campaigns"].update_one({"_id": contact.campaign_id}, {"$set": {"from_numbers": list(numbers)}})
    stack.invoke("call", batch(a_message(contact)))
    (number,) = shown(stack, contact)
    assert number in numbers


def test_the_nearest_number_shows_where_presence_is_local(stack: Stack) -> None:
    (contact,) = claimed(stack, 1, policy=CallerPolicy(choice=CallerChoice.LOCAL), phone="+12025550123")
    stack.invoke("call", batch(a_message(contact)))
    assert shown(stack, contact) == ["+12025550197"]
