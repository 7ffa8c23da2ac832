"""The laws of the campaign lock, over moto and over MiniStack; its races, on MiniStack with many processes."""

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from dialer.adapters.campaign_lock import DynamoCampaignLock
from dialer.errors import Unavailable
from dialer.ports import Lease
from local.processes import free_port
from tests.adapters.aws import client, make_lock_table, moto
from tests.adapters.http_wire import LossyProxy, Reply, Silence, WireServer
from tests.adapters.lock_racers import LEASE, SetClock, acquire_each, look_then_take_each
from tests.adapters.racing import crowd

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PROCESSES, LOCKS, SABOTAGED = 8, 200, 15


@pytest.fixture(params=["moto", "ministack"])
def dynamodb(request: pytest.FixtureRequest) -> "Iterator[DynamoDBClient]":
    if request.param == "moto":
        with moto():
            yield from _closed(client("dynamodb", None))
    else:
        yield from _closed(client("dynamodb", request.getfixturevalue("ministack")))


def _closed(dynamodb: "DynamoDBClient") -> "Iterator[DynamoDBClient]":
    yield dynamodb
    dynamodb.close()


@pytest.fixture
def table(dynamodb: "DynamoDBClient") -> str:
    name = f"lock-{secrets.token_hex(4)}"
    make_lock_table(dynamodb, name)
    return name


Lock = Callable[..., DynamoCampaignLock]


@pytest.fixture
def lock(dynamodb: "DynamoDBClient", table: str) -> Lock:
    """`lock(at=…)`: the lock as a function sees it whose clock shows that moment."""

    def seen(*, at: datetime = NOON) -> DynamoCampaignLock:
        return DynamoCampaignLock(dynamodb, table=table, clock=SetClock(at=at))

    return seen


def acquired(lock: DynamoCampaignLock, owner: str, campaign_id: str = "c") -> Lease:
    lease = lock.acquire(campaign_id, owner=owner, lease=LEASE)
    assert lease is not None
    return lease


def item_of(dynamodb: "DynamoDBClient", table: str) -> dict[str, Any]:
    return dynamodb.get_item(TableName=table, Key={"campaign_id": {"S": "c"}}, ConsistentRead=True)["Item"]


def test_a_free_lock_is_acquired(lock: Lock) -> None:
    assert acquired(lock(), "me") == Lease(campaign_id="c", owner="me", fence=1)


def test_one_owner_excludes_others_and_leaves_other_campaigns_alone(lock: Lock) -> None:
    acquired(lock(), "me")
    assert lock().acquire("c", owner="you", lease=LEASE) is None
    assert acquired(lock(), "you", "another campaign").fence == 1


def test_the_owner_who_asks_again_has_the_same_lock(lock: Lock) -> None:
    """As when a reply was lost and the client asked again: no second fence is spent."""
    first = acquired(lock(), "me")
    assert acquired(lock(), "me") == first


def test_a_lease_lasts_to_its_end_and_not_a_moment_longer(lock: Lock) -> None:
    acquired(lock(), "me")
    assert lock(at=NOON + LEASE).acquire("c", owner="you", lease=LEASE) is None
    assert acquired(lock(at=NOON + LEASE + timedelta(milliseconds=1)), "you").fence == 2


def test_a_released_lock_is_free_at_once(lock: Lock) -> None:
    assert lock().release(acquired(lock(), "me"))
    assert acquired(lock(), "you").fence == 2


def test_a_late_owner_cannot_release_its_successor(lock: Lock) -> None:
    late = acquired(lock(), "me")
    later = lock(at=NOON + 2 * LEASE)
    successor = acquired(later, "you")
    assert not later.release(late)
    assert later.acquire("c", owner="third", lease=LEASE) is None
    assert later.release(successor)


def test_releasing_twice_is_harmless(lock: Lock) -> None:
    lease = acquired(lock(), "me")
    assert [lock().release(lease), lock().release(lease)] == [True, True]
    successor = acquired(lock(), "you")
    assert not lock().release(lease)
    assert acquired(lock(), "you") == successor


def test_the_fence_grows_with_every_owner(lock: Lock) -> None:
    fences = []
    for turn in range(6):
        later = lock(at=NOON + turn * 2 * LEASE)
        fences.append(acquired(later, f"owner {turn}").fence)
        if turn % 2:
            assert later.release(Lease(campaign_id="c", owner=f"owner {turn}", fence=fences[-1]))
    assert fences == [1, 2, 3, 4, 5, 6]


def test_a_raised_fence_is_greater_and_stays_raised(lock: Lock) -> None:
    lease = acquired(lock(), "me")
    raised = lock().raise_fence(lease, above=40)
    assert raised == Lease(campaign_id="c", owner="me", fence=41)
    lock().release(lease)
    assert acquired(lock(), "you").fence == 42


def test_a_fence_is_never_lowered(lock: Lock) -> None:
    """Asked to be above what it is above already, by a repeated or a late request, it stays where it is."""
    lease = acquired(lock(), "me")
    lock().raise_fence(lease, above=40)
    assert lock().raise_fence(lease, above=3) == Lease(campaign_id="c", owner="me", fence=41)
    assert lock().raise_fence(lease, above=40) == Lease(campaign_id="c", owner="me", fence=41)
    lock().release(lease)
    assert acquired(lock(), "you").fence == 42


def test_a_late_owner_cannot_raise_the_fence(lock: Lock) -> None:
    late = acquired(lock(), "me")
    later = lock(at=NOON + 2 * LEASE)
    acquired(later, "you")
    assert later.raise_fence(late, above=40) is None
    assert later.raise_fence(Lease(campaign_id="never locked", owner="me", fence=1), above=1) is None
    later.release(Lease(campaign_id="c", owner="you", fence=2))
    assert later.raise_fence(late, above=40) is None
    assert acquired(later, "third").fence == 3


def test_the_item_stays_for_ever_with_its_fence(lock: Lock, dynamodb: "DynamoDBClient", table: str) -> None:
    lock().release(acquired(lock(), "me"))
    assert item_of(dynamodb, table) == {"campaign_id": {"S": "c"}, "fence": {"N": "1"}}


def test_owners_and_campaigns_may_be_any_text(lock: Lock) -> None:
    for text in (":me", "#owner", "$x", "a b", "é"):
        lease = acquired(lock(), text, text)
        assert lock().release(lease)


def test_a_missing_table_is_unavailable(dynamodb: "DynamoDBClient") -> None:
    with pytest.raises(Unavailable, match="ResourceNotFoundException"):
        DynamoCampaignLock(dynamodb, table="no-such-table", clock=SetClock(at=NOON)).acquire(
            "c", owner="me", lease=LEASE
        )


# the wire


@pytest.fixture
def lossy(ministack: str) -> Iterator[LossyProxy]:
    with LossyProxy(ministack) as proxy:
        yield proxy


@pytest.fixture
def lossy_lock(lossy: LossyProxy, ministack: str) -> Iterator[DynamoCampaignLock]:
    name = f"lossy-{secrets.token_hex(4)}"
    direct, through = client("dynamodb", ministack), client("dynamodb", lossy.url)
    make_lock_table(direct, name)
    yield DynamoCampaignLock(through, table=name, clock=SetClock(at=NOON))
    direct.close()
    through.close()


@pytest.mark.parametrize("times", [1, 2])
def test_a_lock_whose_reply_was_lost_is_ours(lossy: LossyProxy, lossy_lock: DynamoCampaignLock, times: int) -> None:
    lossy.lose("UpdateItem", times=times)
    assert acquired(lossy_lock, "me") == Lease(campaign_id="c", owner="me", fence=1)
    assert lossy.lost == times
    assert len([asked for asked in lossy.asked if asked.operation == "UpdateItem"]) == times + 1
    assert lossy_lock.acquire("c", owner="you", lease=LEASE) is None


def test_a_release_whose_reply_was_lost_has_released(lossy: LossyProxy, lossy_lock: DynamoCampaignLock) -> None:
    lease = acquired(lossy_lock, "me")
    lossy.lose("UpdateItem")
    assert lossy_lock.release(lease)
    assert acquired(lossy_lock, "you").fence == 2


def test_a_raise_whose_reply_was_lost_has_raised_once(lossy: LossyProxy, lossy_lock: DynamoCampaignLock) -> None:
    lease = acquired(lossy_lock, "me")
    lossy.lose("UpdateItem")
    assert lossy_lock.raise_fence(lease, above=7) == Lease(campaign_id="c", owner="me", fence=8)


def test_a_lock_whose_every_reply_is_lost_is_unavailable_and_frees_itself(
    lossy: LossyProxy, lossy_lock: DynamoCampaignLock
) -> None:
    lossy.lose("UpdateItem", times=3)
    with pytest.raises(Unavailable):
        lossy_lock.acquire("c", owner="me", lease=LEASE)
    assert lossy_lock.acquire("c", owner="you", lease=LEASE) is None
    lossy_lock._clock = SetClock(at=NOON + 2 * LEASE)
    assert acquired(lossy_lock, "you").fence == 2


def test_a_table_that_is_not_there_is_unavailable_soon() -> None:
    dynamodb = client("dynamodb", f"http://127.0.0.1:{free_port()}")
    began = time.monotonic()
    with pytest.raises(Unavailable):
        DynamoCampaignLock(dynamodb, table="t", clock=SetClock(at=NOON)).acquire("c", owner="me", lease=LEASE)
    assert time.monotonic() - began < 8
    dynamodb.close()


@pytest.mark.parametrize(
    "reply",
    [
        Silence(),
        Reply(status=500, body=b'{"__type":"InternalServerError"}'),
        Reply(status=400, body=b'{"__type":"ProvisionedThroughputExceededException"}'),
        Reply(status=400, body=b'{"__type":"AccessDeniedException"}'),
    ],
    ids=["silence", "500", "throttled", "denied"],
)
def test_a_table_that_does_not_answer_as_it_should_is_unavailable(reply: Reply | Silence) -> None:
    with WireServer(lambda _: reply) as server:
        dynamodb = client("dynamodb", server.url, read_timeout=0.2)
        lock = DynamoCampaignLock(dynamodb, table="t", clock=SetClock(at=NOON))
        with pytest.raises(Unavailable):
            lock.acquire("c", owner="me", lease=LEASE)
        dynamodb.close()


# races


def test_of_many_processes_one_gets_each_lock_free_or_expired_and_a_broken_lock_would_show(ministack: str) -> None:
    """Half the locks are free and half have expired. The control looks first and takes then: two get in."""
    table = f"race-{secrets.token_hex(4)}"
    dynamodb = client("dynamodb", ministack)
    make_lock_table(dynamodb, table)
    campaigns = [f"campaign {n}" for n in range(LOCKS)]
    yesterday = DynamoCampaignLock(dynamodb, table=table, clock=SetClock(at=NOON - timedelta(days=1)))
    for campaign_id in campaigns[::2]:
        acquired(yesterday, "an owner that died", campaign_id)
    sabotaged = [f"sabotaged {n}" for n in range(SABOTAGED)]
    with crowd(PROCESSES) as processes:
        owners = [f"process {n}" for n in range(PROCESSES)]
        won = processes.run([partial(acquire_each, ministack, table, one, campaigns, NOON) for one in owners])
        broken = processes.run([partial(look_then_take_each, ministack, table, one, sabotaged, NOON) for one in owners])
    assert Counter(campaign_id for one in won for campaign_id in one) == Counter(campaigns)
    fences = {campaign_id: fence for one in won for campaign_id, fence in one.items()}
    assert fences == {campaign_id: 1 + (n % 2 == 0) for n, campaign_id in enumerate(campaigns)}
    assert sum(1 for one in won if one) > 1, "one process got every lock: nothing was raced for"
    assert max(Counter(campaign_id for one in broken for campaign_id in one).values()) > 1
    dynamodb.close()
