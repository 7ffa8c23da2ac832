"""Caps at the two places where they are asked: when a tick has claimed, and at the instant of dialing."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from dialer.calling.rules import rule_version
from dialer.lifecycle import State
from dialer.model import Cap, Contact, Counted, FinishedAttempt, Outcome, Purpose, Voice
from tests.builders import a_campaign, a_contact, a_message, a_phone, created, now, stored
from tests.functions.conftest import Stack
from tests.functions.events import batch

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
TWO_A_DAY = Cap(name="two a day", most=2, within=DAY)
LOCK_OUT = Cap(name="lock-out", most=1, within=7 * DAY, counts=Counted.CONVERSATIONS)


def called(stack: Stack, phone: str, *, times: int, outcome: Outcome = Outcome.BUSY) -> None:
    """Another campaign, one without caps, has called this phone within the last hours."""
    calls = [
        FinishedAttempt(
            id=f"x-{n}", n=n, from_number="", dial_at=None, ended_at=now() - n * HOUR, sid=f"CA{n}", outcome=outcome
        )
        for n in range(1, times + 1)
    ]
    stored(stack.database, a_contact("another", phone=phone, state=State.DONE, history=tuple(calls)))


def claimed(stack: Stack, *caps: Cap) -> Contact:
    return stored(stack.database, a_contact(created(stack.database, a_campaign(caps=caps)), state=State.CLAIMED))


def test_who_has_had_their_calls_is_not_dialed_and_no_attempt_is_used(stack: Stack) -> None:
    contact = claimed(stack, TWO_A_DAY)
    called(stack, contact.phone, times=2)
    before = now()
    stack.invoke("call", batch(a_message(contact)))
    after = stack.contact(contact)
    assert stack.asked(contact) == []
    assert (after.state, after.used) == (State.PENDING, 0)
    assert after.reason == "cap two a day: 2 calls within 24 hours"
    assert after.due_at is not None
    assert before - 2 * HOUR + DAY - timedelta(seconds=30) < after.due_at <= before - 2 * HOUR + DAY


def test_who_has_had_fewer_is_dialed(stack: Stack) -> None:
    contact = claimed(stack, TWO_A_DAY, LOCK_OUT)
    called(stack, contact.phone, times=1)
    stack.invoke("call", batch(a_message(contact)))
    assert len(stack.asked(contact)) == 1


def test_who_has_talked_to_another_campaign_is_locked_out(stack: Stack) -> None:
    contact = claimed(stack, TWO_A_DAY, LOCK_OUT)
    called(stack, contact.phone, times=1, outcome=Outcome.ANSWERED)
    stack.invoke("call", batch(a_message(contact)))
    assert stack.asked(contact) == []
    assert stack.contact(contact).reason == "cap lock-out: 1 conversation within 7 days"


def test_a_tick_sifts_who_has_had_their_calls_and_sends_the_others(stack: Stack) -> None:
    campaign = created(stack.database, a_campaign(caps=(TWO_A_DAY,)))
    had, free = (stored(stack.database, a_contact(campaign)) for _ in range(2))
    called(stack, had.phone, times=2)
    (report,) = stack.invoke("tick", {"campaign_id": campaign.id})["campaigns"]
    assert (report["claimed"], report["sifted"], report["sent"]) == (2, 1, 1)
    assert [message["contact_id"] for message in stack.queued()] == [free.id]
    after = stack.contact(had)
    assert (after.state, after.reason) == (State.PENDING, "cap two a day: 2 calls within 24 hours")
    assert after.due_at is not None
    assert timedelta(hours=21) < after.due_at - now() < timedelta(hours=23)


def test_a_campaign_without_caps_asks_nothing_about_other_calls(stack: Stack) -> None:
    capped, uncapped = claimed(stack, TWO_A_DAY), claimed(stack)
    waiting = stored(stack.database, a_contact(created(stack.database, a_campaign()), phone=a_phone()))
    with looked_up(stack) as phones:
        stack.invoke("call", batch(a_message(uncapped)))
        stack.invoke("tick", {"campaign_id": waiting.campaign_id})
        assert len(stack.asked(uncapped)) == len(stack.queued()) == 1
    assert phones == []
    with looked_up(stack) as phones:
        stack.invoke("call", batch(a_message(capped)))
    assert phones == [[capped.phone]]


SALES: dict[str, Any] = {"purpose": Purpose.TELEMARKETING, "voice": Voice.LIVE}


@pytest.mark.parametrize("times", [2, 3])
def test_a_sales_campaign_that_names_no_cap_keeps_those_of_the_person_s_state(stack: Stack, times: int) -> None:
    """At the claim and at the dial."""
    campaign = created(stack.database, a_campaign(**SALES))
    waiting, taken = (
        stored(stack.database, a_contact(campaign, state=state, region="US-FL New_York"))
        for state in (State.PENDING, State.CLAIMED)
    )
    for one in (waiting, taken):
        called(stack, one.phone, times=times)
    stack.invoke("tick", {"campaign_id": campaign.id})
    stack.invoke("call", batch(a_message(taken)))
    free = times < 3
    assert [len(stack.queued()), len(stack.asked(taken))] == [free, free]
    reason = f"cap US-FL sales calls, rules {rule_version()}: 3 calls within 24 hours"
    assert [stack.contact(one).reason == reason for one in (waiting, taken)] == [not free] * 2


def test_only_for_sales_calls_where_a_law_caps_them_is_anything_asked(stack: Stack) -> None:
    regions = ("US-FL New_York", "US-NY New_York", "US-ME New_York")
    taken = [
        stored(
            stack.database, a_contact(created(stack.database, a_campaign(**plan)), state=State.CLAIMED, region=region)
        )
        for plan in (SALES, {"voice": Voice.LIVE})
        for region in regions
    ]
    campaign = created(stack.database, a_campaign(**SALES))
    waiting = [stored(stack.database, a_contact(campaign, region=region)) for region in regions]
    with looked_up(stack) as phones:
        for one in taken:
            stack.invoke("call", batch(a_message(one)))
        stack.invoke("tick", {"campaign_id": campaign.id})
    assert phones == [[taken[0].phone], [waiting[0].phone]]


@contextmanager
def looked_up(stack: Stack) -> Iterator[list[list[str]]]:
    """The phones by which contacts are looked up meanwhile, as the database's profiler wrote them down."""
    found: list[list[str]] = []
    stack.database.drop_collection("system.profile")
    stack.database.command("profile", 2)
    try:
        yield found
    finally:
        stack.database.command("profile", 0)
    filters = [one["command"]["filter"] for one in stack.database["system.profile"].find({"command.find": "contacts"})]
    found += [one["$or"][0]["phone"]["$in"] for one in filters if "$or" in one]
    stack.database.drop_collection("system.profile")
