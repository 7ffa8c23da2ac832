"""Ticks that overlap, messages that come twice, locks and idempotency that are switched off: still one call each."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from tests.journeys.conftest import Numbers
from tests.journeys.journey import Journey


def test_overlapping_and_repeated_ticks_call_everybody_once(journey: Journey, numbers: Numbers) -> None:
    campaign = journey.campaign(numbers(30), max_concurrent=6)
    _tick_wildly(journey, campaign)
    journey.finish(campaign)
    journey.assert_kept(campaign)
    assert len(journey.requests()) == 30
    assert journey.most_at_once() <= 6


def test_messages_that_come_twice_and_after_the_end_call_nobody_again(journey: Journey, numbers: Numbers) -> None:
    with _queue_stopped(journey):
        campaign = journey.campaign(numbers(10))
        journey.tick(campaign)
        bodies = _take_all(journey, 10)
        for body in (*bodies, *bodies):
            _send(journey, body)
    journey.finish(campaign)
    for body in bodies:
        _send(journey, body)
    journey.finish(campaign)
    journey.assert_kept(campaign)
    assert len(journey.requests()) == 10


def test_without_idempotency_every_message_twice_still_calls_once(journey: Journey, numbers: Numbers) -> None:
    journey.world.configure("CallFunction", POWERTOOLS_IDEMPOTENCY_DISABLED="true")
    try:
        with _queue_stopped(journey):
            campaign = journey.campaign(numbers(10))
            journey.tick(campaign)
            bodies = _take_all(journey, 10)
            for body in (*bodies, *bodies):
                _send(journey, body)
        journey.finish(campaign)
    finally:
        journey.world.configure("CallFunction", POWERTOOLS_IDEMPOTENCY_DISABLED="")
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


@contextmanager
def _queue_stopped(journey: Journey) -> Iterator[None]:
    """No call function gets a message inside the block."""
    functions, name = journey.world.client("lambda"), journey.world.functions["CallFunction"]
    (mapping,) = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def _take_all(journey: Journey, count: int) -> list[str]:
    """The bodies of the messages that wait, taken out of the queue."""
    queue: Any = journey.world.client("sqs")
    url = journey.world.queues["CallQueue"]
    bodies: list[str] = []
    for _ in range(30):
        for message in queue.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get(
            "Messages", []
        ):
            bodies.append(message["Body"])
            queue.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        if len(bodies) >= count:
            return bodies
    pytest.fail(f"only {len(bodies)} of {count} messages came")


def _send(journey: Journey, body: str) -> None:
    journey.world.client("sqs").send_message(QueueUrl=journey.world.queues["CallQueue"], MessageBody=body)
