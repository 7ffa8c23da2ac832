"""A tick with all its real parts: mongod, and MiniStack's DynamoDB and SQS, in a process of its own."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

from pymongo import monitoring

from benchmarks.lists import CAMPAIGN, opened
from benchmarks.measuring import Lap, Watch
from benchmarks.ours import asked, by_name
from benchmarks.profiling import Profiler
from dialer.abandon_guard import AbandonGuard
from dialer.adapters.call_queue import SqsCallQueue
from dialer.adapters.campaign_lock import DynamoCampaignLock
from dialer.adapters.campaigns import MongoCampaigns
from dialer.adapters.claims import MongoClaims
from dialer.adapters.clock import SystemClock
from dialer.adapters.live_answers import MongoLiveAnswers
from dialer.adapters.reach import MongoReach
from dialer.adapters.suppressions import MongoSuppressions
from dialer.bounds import Bounds
from dialer.model import Campaign, Pacing
from dialer.secret import Secret
from dialer.tick import Tick
from tests.adapters.aws import client, make_lock_table, posts
from tests.builders import a_campaign

LOCK_TABLE = "lock"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a tick finds its parts."""

    uri: str
    database: str
    aws: str
    queue_url: str = ""


def set_up(place: Place) -> Place:
    """The lock's table and the call queue, made."""
    dynamodb, sqs = client("dynamodb", place.aws), client("sqs", place.aws)
    if LOCK_TABLE not in dynamodb.list_tables()["TableNames"]:
        make_lock_table(dynamodb, LOCK_TABLE)
    made = replace(place, queue_url=sqs.create_queue(QueueName=f"calls-{secrets.token_hex(4)}")["QueueUrl"])
    dynamodb.close()
    sqs.close()
    return made


def tick_at(place: Place) -> Tick:
    """Wired as `wiring.tick` does it, by addresses instead of an environment."""
    monitoring.register(asked())
    database, sqs = opened(place.uri, place.database), client("sqs", place.aws)
    signed = posts(sqs)
    clock, campaigns = SystemClock(), MongoCampaigns(database["campaigns"])
    return Tick(
        lock=DynamoCampaignLock(client("dynamodb", place.aws), table=LOCK_TABLE, clock=clock),
        campaigns=campaigns,
        claims=MongoClaims(database["contacts"]),
        reach=MongoReach(database["contacts"]),
        suppressions=MongoSuppressions(database["suppressions"], key=Secret("a key for benchmarks")),
        queue=SqsCallQueue(lambda: sqs, posts=lambda: signed, call_queue_url=place.queue_url),
        abandon_guard=AbandonGuard(answers=MongoLiveAnswers(database["live_answers"]), campaigns=campaigns),
        clock=clock,
        bounds=Bounds(),
        new_token=partial(secrets.token_hex, 12),
    )


def one_campaign(tick: Tick, *, due: int) -> Lap:
    """One tick of the one campaign; how many messages it sent."""
    with Watch() as watch, asked() as commands:
        done = tick.campaign(CAMPAIGN)
    assert (done.outcome, done.sent, done.unsent, done.doubtful) == ("ticked", due, 0, 0), done
    watch.units = done.sent
    watch.noted |= {"database": by_name(commands)}
    return watch.lap()


def every_campaign(tick: Tick) -> Lap:
    """One tick of all that are running; what it asked of the database."""
    with Watch() as watch, asked() as commands:
        report = tick.every_campaign(enough_time=lambda: True)
    watch.units = len(report.campaigns)
    watch.noted |= {"commands": len(commands), "sent": sum(one.sent for one in report.campaigns)}
    return watch.lap()


def with_time_for(tick: Tick, *, some: int, ticks: int) -> Lap:
    """Ticks that run out of time, one after the other; the ticks for which every campaign had to wait for each turn."""
    last, waits = dict.fromkeys(tick.campaigns.running_ids(), 0), []
    with Watch() as watch:
        for now in range(1, ticks + 1):
            reached = [one.campaign_id for one in tick.every_campaign(enough_time=_time_for(some)).campaigns]
            waits += [now - last[one] for one in reached]
            last |= dict.fromkeys(reached, now)
            watch.units += len(reached)
    watch.noted["waits"] = [*waits, *(ticks - one for one in last.values())]  # some still wait for their next
    return watch.lap()


def _time_for(some: int) -> Callable[[], bool]:
    begun = count()
    return lambda: next(begun) < some


def profiled(tick: Tick, *, due: int) -> Lap:
    """The same tick under a profiler: what its threads were at work on."""
    with Watch() as watch, Profiler() as profiler:
        tick.campaign(CAMPAIGN)
    watch.units = due
    watch.noted["at work"] = profiler.said()
    return watch.lap()


def a_fast_campaign(**overrides: Any) -> Campaign:
    """One whose pace and lines leave a tick nothing to wait for."""
    usual = a_campaign(pacing=Pacing(call_delay=timedelta(milliseconds=1), max_concurrent=10_000))
    return replace(usual, **overrides)
