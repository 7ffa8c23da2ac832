"""A campaign that dials faster than the carrier's account may rests, until the carrier's own queue is short again."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from dialer.lifecycle import State
from tests.builders import a_campaign, a_contact, a_message, created, now, stored
from tests.functions.conftest import Stack
from tests.functions.events import batch

SECOND = timedelta(seconds=1)


@pytest.fixture
def one_in_ten_seconds(stack: Stack) -> Iterator[Stack]:
    stack.carrier.set_pace(0.1)
    yield stack
    stack.carrier.set_pace(0)


def test_who_would_wait_in_the_carrier_s_queue_waits_here_and_the_next_ticks_book_behind_it(
    one_in_ten_seconds: Stack,
) -> None:
    stack = one_in_ten_seconds
    campaign = created(stack.database, a_campaign())
    first, second, third = (stored(stack.database, a_contact(campaign, state=State.CLAIMED)) for _ in range(3))
    before = now()
    stack.invoke("call", batch(*map(a_message, (first, second, third))))
    assert [stack.contact(contact).state for contact in (first, second)] == [State.PLACED] * 2
    rested = stack.campaign(campaign).carrier_free_at
    assert rested is not None
    assert before + 7 * SECOND <= rested <= now() + 8 * SECOND  # of ten seconds, two are short
    waits = stack.contact(third)
    assert stack.asked(third) == []
    assert (waits.state, waits.used, waits.reason) == (State.PENDING, 0, "the carrier has calls enough to dial")
    assert waits.due_at is not None
    assert rested - SECOND <= waits.due_at <= rested + SECOND
    stored(stack.database, a_contact(campaign))
    stack.invoke("tick", {"campaign_id": campaign.id})
    (booked,) = [message for message in stack.queued() if message["campaign_id"] == campaign.id]
    assert datetime.fromisoformat(booked["slot_at"]) >= rested


def test_a_short_rest_is_waited_for_in_the_call_function(stack: Stack) -> None:
    campaign = created(stack.database, a_campaign(carrier_free_at=now() + SECOND))
    contact = stored(stack.database, a_contact(campaign, state=State.CLAIMED))
    stack.invoke("call", batch(a_message(contact)))
    rested = stack.campaign(campaign).carrier_free_at
    (request,) = stack.asked(contact)
    assert rested is not None
    assert request["at"] >= rested.timestamp()


def test_a_call_that_is_dialed_at_once_asks_for_no_rest(stack: Stack) -> None:
    campaign = created(stack.database, a_campaign())
    contact = stored(stack.database, a_contact(campaign, state=State.CLAIMED))
    stack.invoke("call", batch(a_message(contact)))
    assert stack.contact(contact).state is State.PLACED
    assert stack.campaign(campaign).carrier_free_at is None
