"""Ticks that overlap, messages that come twice, locks and idempotency that are switched off: still one call each."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from tests.journeys.conftest import Numbers
from tests.journeys.journey import HUMAN, Journey, until

LONG_CALL = {
    "twiml": '<Response><Pause length="60"/></Response>',  # 0.7 s here: ticks see the lines in use
    "ring_timeout_s": 15,
    "talk_limit_s": 30,
}


def test_overlapping_ticks_call_everybody_once_within_lines_and_pace(journey: Journey, numbers: Numbers) -> None:
    pacing = {"call_delay_s": 0.2, "max_concurrent": 4}
    campaign = _long_calls(journey, numbers(24), pacing=pacing)
    for _ in range(3):
        _tick_wildly(journey, campaign)
    journey.finish(campaign)
    assert 2 <= journey.most_at_once() <= 4
    assert journey.is_paced(call_delay=0.2)
    assert not journey.is_paced(call_delay=2)  # the measure can say no
    journey.assert_kept(campaign, requests=24)


def test_overlapping_ticks_dial_at_the_pace_and_no_faster(journey: Journey, numbers: Numbers) -> None:
    """With lines for everybody only the pace holds them back."""
    campaign = journey.campaign(numbers(20), pacing={"call_delay_s": 0.3, "max_concurrent": 40})
    _tick_wildly(journey, campaign)
    journey.finish(campaign)
    assert journey.is_paced(call_delay=0.3)
    journey.assert_kept(campaign, requests=20)


def test_messages_that_come_again_and_after_the_end_call_nobody_again(journey: Journey, numbers: Numbers) -> None:
    _repeat_every_message(journey, numbers(10))


def test_without_idempotency_messages_and_ticks_that_come_again_call_nobody_again(
    journey: Journey, numbers: Numbers
) -> None:
    with journey.idempotency_disabled():
        _repeat_every_message(journey, numbers(10))


def test_with_the_lock_always_free_overlapping_ticks_call_once_and_stay_under_the_limit(
    journey: Journey, numbers: Numbers
) -> None:
    campaign = _long_calls(journey, numbers(20), pacing={"call_delay_s": 0.02, "max_concurrent": 5})
    with _lock_always_free(journey, campaign):
        for _ in range(3):
            _tick_wildly(journey, campaign)
    journey.finish(campaign)
    assert 2 <= journey.most_at_once() <= 5
    journey.assert_kept(campaign, requests=20)


def test_without_lock_and_idempotency_everybody_is_called_once(journey: Journey, numbers: Numbers) -> None:
    with journey.idempotency_disabled():
        campaign = _long_calls(journey, numbers(15), pacing={"call_delay_s": 0.02, "max_concurrent": 5})
        with _lock_always_free(journey, campaign):
            for _ in range(2):
                _tick_wildly(journey, campaign)
        journey.finish(campaign)
    assert 2 <= journey.most_at_once() <= 5
    journey.assert_kept(campaign, requests=15)


def test_when_more_are_claimed_than_there_are_lines_the_last_look_keeps_the_limit(
    journey: Journey, numbers: Numbers
) -> None:
    with journey.messages_kept():
        campaign = _long_calls(journey, numbers(21), pacing={"call_delay_s": 0.02, "max_concurrent": 12})
        journey.tick(campaign)
        until(lambda: journey.in_state("claimed", campaign) == 12, what="a claim for every line")
        journey.allow_lines(campaign, 4)
    journey.finish(campaign)
    assert 2 <= journey.most_at_once() <= 4
    journey.assert_kept(campaign, requests=21)


def test_a_lost_lock_table_is_noticed_and_outgrown(journey: Journey, numbers: Numbers) -> None:
    first, second, later = numbers(12)[:2], numbers(12)[2:4], numbers(12)[4:]
    campaign = journey.campaign(first)
    journey.finish(campaign)
    journey.add(campaign, second)
    journey.finish(campaign)
    fence = journey.document(campaign)["fence"]
    assert fence > 1
    journey.forget_lock(campaign)
    journey.add(campaign, later)
    assert "fence was raised" in journey.tick(campaign)["alarm"]
    assert journey.document(campaign)["fence"] > fence
    journey.finish(campaign)
    assert journey.tick(campaign)["alarm"] == ""
    journey.assert_kept(campaign, requests=12)


def test_one_number_in_two_campaigns_is_never_called_by_both_at_once(journey: Journey, numbers: Numbers) -> None:
    people = numbers(4)
    with journey.messages_kept():
        both = [_long_calls(journey, people), _long_calls(journey, people)]
        journey.send_messages(journey.take_messages(*both, count=8))
    journey.finish(*both)
    assert all(set(journey.states(campaign).values()) == {"done"} for campaign in both)
    assert [len(journey.requests(person)) for person in people] == [2] * 4
    assert journey.assert_kept(*both, requests=8)["overlapping"] == []


def _long_calls(journey: Journey, people: list[str], **wishes: Any) -> str:
    journey.fates({person: {"kind": "human", "ring": 2, "talk": 60} for person in people})
    return journey.campaign(people, call=LONG_CALL, **wishes)


def _tick_wildly(journey: Journey, campaign: str) -> None:
    events: list[dict[str, str]] = [{"campaign_id": campaign}] * 6 + [{"scheduled_at": "2026-01-01T00:00:00Z"}] * 2
    with ThreadPoolExecutor(8) as at_once:
        list(at_once.map(lambda event: journey.world.invoke("TickFunction", event), events))


@contextmanager
def _lock_always_free(journey: Journey, campaign: str) -> Iterator[None]:
    """Whoever asks for the lock gets it: its owner is wiped out faster than a tick can work."""
    ended = threading.Event()
    dynamodb, table = journey.world.client("dynamodb"), journey.world.tables["LockTable"]

    where: dict[str, Any] = {"TableName": table, "Key": {"campaign_id": {"S": campaign}}}
    owner = {"UpdateExpression": "REMOVE #owner, lease_until", "ExpressionAttributeNames": {"#owner": "owner"}}

    def wipe() -> None:
        while not ended.wait(0.002):
            dynamodb.update_item(**where, **owner)

    wiping = threading.Thread(target=wipe)
    wiping.start()
    try:
        yield
    finally:
        ended.set()
        wiping.join()


def _repeat_every_message(journey: Journey, people: list[str]) -> None:
    """Every message comes four times at once, then again after the end, and again with all idempotency forgotten."""
    busy, *others = people
    journey.fates({busy: ["busy", HUMAN]})
    with journey.messages_kept():
        campaign = journey.campaign(people)
        messages = journey.take_messages(campaign, count=len(people))
    journey.send_messages([message for message in messages for _ in range(4)])
    until(journey.requests, what="the first call")
    _tick_wildly(journey, campaign)
    journey.finish(campaign)
    journey.drain()
    journey.assert_kept(campaign, requests=len(others) + 2)
    for forgetting in (False, True):
        if forgetting:
            journey.forget_idempotency()
        journey.send_messages(messages)
        journey.drain()
    journey.assert_kept(campaign, requests=len(others) + 2)
