"""The account's calls per second, as the call function and the tick keep them for all campaigns together."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from dialer import wiring
from dialer.errors import BadSettings
from dialer.lifecycle import State
from dialer.model import Pacing
from tests.adapters.racing import in_threads
from tests.builders import a_campaign, a_contact, a_message, created, now, stored
from tests.functions.conftest import Stack, forget_wiring
from tests.functions.events import batch

LATE = 0.1  # the first request left so long after its own moment
FAST = Pacing(call_delay=timedelta(milliseconds=1), max_concurrent=100)


@pytest.fixture
def two_a_second(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    stack.database["account"].delete_many({})
    monkeypatch.setenv("ACCOUNT_CALLS_PER_SECOND", "2")
    forget_wiring()
    return stack


def test_dials_of_two_campaigns_are_the_account_s_spacing_apart(two_a_second: Stack) -> None:
    stack = two_a_second
    contacts = [
        stored(stack.database, a_contact(created(stack.database, a_campaign(pacing=FAST)), state=State.CLAIMED))
        for _ in range(2)
    ]
    stack.invoke("call", batch(*map(a_message, contacts)))
    first, second = (stack.asked(contact)[0]["at"] for contact in contacts)
    assert second - first >= 0.5 - LATE


def test_functions_that_wake_together_take_the_campaign_s_turns_one_after_the_other(two_a_second: Stack) -> None:
    """Alone in an account that could dial twice as fast, each would find that the campaign has just had its share."""
    stack = two_a_second
    pacing = Pacing(call_delay=timedelta(seconds=1), max_concurrent=100)
    campaign = created(stack.database, a_campaign(pacing=pacing, share=timedelta(seconds=1)))
    contacts = [stored(stack.database, a_contact(campaign, state=State.CLAIMED)) for _ in range(3)]
    reports = in_threads(wiring.dial(lambda: timedelta(minutes=1)), [a_message(contact) for contact in contacts])
    assert [report.outcome for report in reports] == ["placed"] * 3
    moments = sorted(stack.asked(contact)[0]["at"] for contact in contacts)
    assert all(later - earlier >= 1 - LATE for earlier, later in pairwise(moments))


def test_who_gets_no_turn_waits_without_a_line_and_without_using_an_attempt(two_a_second: Stack) -> None:
    stack = two_a_second
    contact = stored(stack.database, a_contact(created(stack.database, a_campaign()), state=State.CLAIMED))
    stack.database["account"].insert_one({"_id": "calls", "next_at": now() + timedelta(minutes=1)})
    stack.invoke("call", batch(a_message(contact)))
    after = stack.contact(contact)
    assert stack.asked(contact) == []
    assert (after.state, after.used, after.reason) == (State.PENDING, 0, "the account dials no faster")
    assert after.due_at is not None
    assert after.due_at > now()


def test_a_tick_books_dial_times_no_closer_than_its_share(two_a_second: Stack) -> None:
    stack = two_a_second
    campaigns = [created(stack.database, a_campaign(pacing=FAST)) for _ in range(2)]
    for campaign in campaigns:
        for _ in range(3):
            stored(stack.database, a_contact(campaign))
        stack.invoke("tick", {"campaign_id": campaign.id})
    alone, shared = (
        sorted(message["slot_at"] for message in stack.queued() if message["campaign_id"] == campaign.id)
        for campaign in campaigns
    )
    assert [spaced(alone), spaced(shared)] == [0.5, 1.0]
    assert stack.campaign(campaigns[1]).share == timedelta(seconds=1)


def spaced(moments: list[str]) -> float:
    first, second, _ = map(datetime.fromisoformat, moments)
    return (second - first).total_seconds()


@pytest.mark.parametrize("text", ["fast", "-1", "501", "nan"])
def test_a_pace_that_cannot_be_kept_is_refused_by_name(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("ACCOUNT_CALLS_PER_SECOND", text)
    forget_wiring()
    with pytest.raises(BadSettings, match="ACCOUNT_CALLS_PER_SECOND"):
        wiring.account()
    monkeypatch.delenv("ACCOUNT_CALLS_PER_SECOND")
    forget_wiring()
    assert wiring.account() is None
