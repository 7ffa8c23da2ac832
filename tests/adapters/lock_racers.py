"""What processes do when they race for campaign locks."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dialer.adapters.campaign_lock import DynamoCampaignLock
from tests.adapters.aws import client
from tests.adapters.racing import meet

TOGETHER = 10  # locks between two meetings: nobody runs ahead
LEASE = timedelta(seconds=90)


@dataclass(kw_only=True)
class SetClock:
    """A clock that shows what a test has set: every owner of a lock may have another."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def acquire_each(url: str, table: str, owner: str, campaigns: Sequence[str], at: datetime) -> dict[str, int]:
    """Try for each lock in turn; the fences of those won."""
    dynamodb = client("dynamodb", url)
    lock = DynamoCampaignLock(dynamodb, table=table, clock=SetClock(at=at))
    won = {}
    for index, campaign_id in enumerate(campaigns):
        if index % TOGETHER == 0:
            meet()
        lease = lock.acquire(campaign_id, owner=owner, lease=LEASE)
        if lease:
            won[campaign_id] = lease.fence
    dynamodb.close()
    return won


def look_then_take_each(url: str, table: str, owner: str, campaigns: Sequence[str], at: datetime) -> dict[str, int]:
    """The sabotaged lock: it asks whether the lock is free, and then takes it, in two steps."""
    dynamodb = client("dynamodb", url)
    won = {}
    for campaign_id in campaigns:
        meet()
        key = {"campaign_id": {"S": campaign_id}}
        if "Item" in dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True):
            continue
        time.sleep(0.001)
        dynamodb.put_item(TableName=table, Item={**key, "owner": {"S": owner}})
        won[campaign_id] = 1
    dynamodb.close()
    return won
