"""The simulated lock table answers as DynamoDB does: the same verbs to it and to MiniStack, everything compared."""

import random
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from dialer.adapters.campaign_lock import DynamoCampaignLock
from dialer.ports import Lease
from tests.adapters.aws import client, make_lock_table, ministack_url
from tests.adapters.lock_racers import LEASE, SetClock
from tests.simulation.lock_table import LockTable
from tests.simulation.values import UnknownToTheSimulation

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

STORIES, STEPS = 40, 25
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def dynamodb() -> "Iterator[DynamoDBClient]":
    with ministack_url() as url:
        opened = client("dynamodb", url)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def table(dynamodb: "DynamoDBClient") -> str:
    name = f"lock-{secrets.token_hex(4)}"
    make_lock_table(dynamodb, name)
    return name


@pytest.mark.parametrize("seed", range(STORIES))
def test_every_verb_on_the_lock_does_the_same(dynamodb: "DynamoDBClient", table: str, seed: int) -> None:
    luck, simulated, campaign = random.Random(seed), LockTable(), secrets.token_hex(6)
    leases = [Lease(campaign_id=campaign, owner="nobody", fence=0)]
    moment = NOON
    for _ in range(STEPS):
        clock = SetClock(at=moment + timedelta(seconds=luck.randint(-100, 100)))
        locks = [
            DynamoCampaignLock(dynamodb, table=table, clock=clock),
            DynamoCampaignLock(cast("Any", simulated), table=table, clock=clock),
        ]
        lease, owner, above = luck.choice(leases), luck.choice("abc"), luck.randint(0, 30)
        verb = luck.choice(["acquire", "acquire", "release", "raise_fence"])
        answers = [_verb(lock, verb, lease, owner, above) for lock in locks]
        assert answers[0] == answers[1], verb
        if isinstance(answers[0], Lease):
            leases.append(answers[0])
        stands = dynamodb.get_item(TableName=table, Key={"campaign_id": {"S": campaign}}, ConsistentRead=True)
        assert stands.get("Item", {}) == simulated.items.get(campaign, {})
        moment += timedelta(seconds=luck.choice([0, 1, 40, 91]))


def _verb(lock: DynamoCampaignLock, verb: str, lease: Lease, owner: str, above: int) -> Lease | bool | None:
    match verb:
        case "acquire":
            return lock.acquire(lease.campaign_id, owner=owner, lease=LEASE)
        case "release":
            return lock.release(lease)
        case _:
            return lock.raise_fence(replace(lease), above=above)


@pytest.mark.parametrize(
    ("update", "condition"),
    [
        ("ADD fence :one", "attribute_exists(fence)"),
        ("SET fence = fence - :one", "attribute_exists(fence)"),
        ("SET fence = :one", "fence >= :one"),
        ("SET fence = :one", "fence = :one garbage"),
        ("SET fence = nothing", "fence = :one"),
    ],
)
def test_what_the_simulation_does_not_know_it_says(update: str, condition: str) -> None:
    table = LockTable()
    table.items["c"] = {"campaign_id": {"S": "c"}, "fence": {"N": "1"}}
    with pytest.raises(UnknownToTheSimulation):
        table.update_item(
            TableName="lock",
            Key={"campaign_id": {"S": "c"}},
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeNames={},
            ExpressionAttributeValues={":one": {"N": "1"}},
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
