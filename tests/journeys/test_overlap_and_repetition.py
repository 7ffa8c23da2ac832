"""Ticks that overlap, messages that come twice, locks and idempotency that are switched off: still one call each."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from tests.journeys.conftest import Numbers
from tests.journeys.journey import Journey, until


def test_overlapping_and_repeated_ticks_call_everybody_once(journey: Journey, numbers: Numbers) -> None:
    campaign = journey.campaign(numbers(30), max_concurrent=6)
    _tick_wildly(journey, campaign)
    journey.finish(campaign)
    journey.assert_kept(campaign)
    assert len(journey.requests()) == 30
    assert journey.most_at_once() <= 6


def test_messages_that_come_again_and_after_the_end_call_nobody_again(journey: Journey, numbers: Numbers) -> None:
    campaign = journey.campaign(numbers(10))
    _repeat_every_message(journey, campaign)
    journey.assert_kept(campaign)
    assert len(journey.requests()) == 10


def test_without_idempotency_messages_that_come_again_call_nobody_again(journey: Journey, numbers: Numbers) -> None:
    journey.world.configure("CallFunction", POWERTOOLS_IDEMPOTENCY_DISABLED="true")
    try:
        campaign = journey.campaign(numbers(10))
        _repeat_every_message(journey, campaign)
    finally:
        journey.world.configure("CallFunction", POWERTOOLS_IDEMPOTENCY_DISABLED="false")
    journey.assert_kept(campaign)
    assert len(journey.requests()) == 10


def test_with_the_lock_always_free_overlapping_ticks_call_once_and_stay_under_the_limit(
    journey: Journey, numbers: Numbers
) -> None:
    campaign = journey.campaign(numbers(30), max_concurrent=5)
    with _lock_always_free(journey, campaign):
        for _ in range(3):
            _tick_wildly(journey, campaign)
    journey.finish(campaign)
    journey.assert_kept(campaign)
    assert len(journey.requests()) == 30
    assert journey.most_at_once() <= 5


def test_a_lost_lock_table_is_outgrown(journey: Journey, numbers: Numbers) -> None:
    campaign = journey.campaign(numbers(12), max_concurrent=3)
    journey.tick(campaign)
    journey.tick(campaign)
    table = journey.world.tables["LockTable"]
    journey.world.client("dynamodb").delete_item(TableName=table, Key={"campaign_id": {"S": campaign}})
    journey.finish(campaign)
    journey.assert_kept(campaign)


def test_one_number_in_two_campaigns_is_never_called_by_both_at_once(journey: Journey, numbers: Numbers) -> None:
    people = numbers(8)
    first, second = journey.campaign(people), journey.campaign(people)
    _tick_wildly(journey, first)
    _tick_wildly(journey, second)
    journey.finish(first, second)
    journey.assert_kept(first, second)
    assert len(journey.requests()) == 16


def _tick_wildly(journey: Journey, campaign: str) -> None:
    events: list[dict[str, str]] = [{"campaign_id": campaign}] * 6 + [{"scheduled_at": "2026-01-01T00:00:00Z"}] * 2
    with ThreadPoolExecutor(8) as at_once:
        list(at_once.map(lambda event: journey.world.invoke("TickFunction", event), events))


@contextmanager
def _lock_always_free(journey: Journey, campaign: str) -> Iterator[None]:
    """Whoever asks for the lock gets it: its owner is wiped out faster than a tick can work."""
    ended = threading.Event()
    dynamodb, table = journey.world.client("dynamodb"), journey.world.tables["LockTable"]

    def wipe() -> None:
        while not ended.wait(0.002):
            dynamodb.update_item(
                TableName=table,
                Key={"campaign_id": {"S": campaign}},
                UpdateExpression="REMOVE #owner, lease_until",
                ExpressionAttributeNames={"#owner": "owner"},
            )

    wiping = threading.Thread(target=wipe)
    wiping.start()
    try:
        yield
    finally:
        ended.set()
        wiping.join()


def _repeat_every_message(journey: Journey, campaign: str) -> None:
    """Every message whose request the carrier has seen comes three times more: while calls last, and after the end."""
    journey.tick(campaign)
    until(lambda: len(journey.requests()) >= 3, what="the first calls")
    _send_again(journey, campaign)
    journey.finish(campaign)
    _send_again(journey, campaign)
    until(lambda: _waiting(journey) == 0, what="an empty queue")
    journey.finish(campaign)


def _send_again(journey: Journey, campaign: str) -> None:
    now = datetime.now(UTC)
    for request in journey.requests():
        body = {
            "campaign_id": campaign,
            "contact_id": request["contact_id"],
            "attempt_id": request["attempt_id"],
            "slot_at": (now - timedelta(seconds=1)).isoformat(),
            "not_after": (now + timedelta(seconds=8)).isoformat(),
        }
        for _ in range(3):
            journey.world.client("sqs").send_message(
                QueueUrl=journey.world.queues["CallQueue"], MessageBody=json.dumps(body)
            )


def _waiting(journey: Journey) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    asked = journey.world.client("sqs").get_queue_attributes(
        QueueUrl=journey.world.queues["CallQueue"], AttributeNames=names
    )
    return sum(int(asked["Attributes"][name]) for name in names)
