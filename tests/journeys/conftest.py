"""One local world for the session; every journey has its own campaigns, its own numbers, its own part of the ledger."""

import os
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from local.environments import MONGOD_NEEDED, Refused
from local.world import Wish, World
from tests.journeys.desk import Desk
from tests.journeys.journey import BOUNDS, EVENTS_LAG, TIME_SCALE, Journey, Number, fictional

Numbers = Callable[[int], list[Number]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/journeys/" in item.path.as_posix():
            item.add_marker(pytest.mark.world)
            item.add_marker(pytest.mark.timeout(240))


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """Its schedules sleep: a journey says itself when a minute has passed."""
    up = World(Wish(parameters=BOUNDS, time_scale=TIME_SCALE, calls_per_second=0, events_lag=EVENTS_LAG))
    try:
        up.__enter__()
    except Refused as refused:
        if str(refused) != MONGOD_NEEDED or os.environ.get("CI", "").lower() == "true":
            raise
        pytest.skip(str(refused))
    yield up
    up.close()


@pytest.fixture(scope="session")
def desk(world: World) -> Iterator[Desk]:
    with Desk(world.run.description) as operator:
        yield operator


@pytest.fixture(scope="session")
def blocks() -> Iterator[int]:
    return count()


@pytest.fixture
def journey(world: World, desk: Desk) -> Iterator[Journey]:
    """Begins on a quiet carrier and leaves a quiet one behind, whatever happened."""
    travelling = Journey(world, desk)
    yield travelling
    travelling.end()


@pytest.fixture
def numbers(blocks: Iterator[int]) -> Numbers:
    """Made-up American numbers that no other journey calls."""
    block = next(blocks)
    return lambda size: fictional(block, size)
