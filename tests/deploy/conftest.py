"""What is deployed: built as `sam build` builds it, and run as Lambda runs it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local import runs
from local.deploy import build
from local.world import Wish, World
from tests.deploy.campaigned import Campaigned, run_a_campaign
from tests.journeys.desk import Desk
from tests.journeys.journey import BOUNDS, TIME_SCALE


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/deploy/" in item.path.as_posix():
            item.add_marker(pytest.mark.timeout(240))


@pytest.fixture(scope="session")
def run() -> Iterator[runs.Run]:
    run = runs.begin()
    yield run
    run.remove()


@pytest.fixture(scope="session")
def built(run: runs.Run) -> Path:
    """The folder with the built functions and layers; nothing is built again where nothing has changed."""
    return build(run).parent


@pytest.fixture(scope="session")
def world(mongodb_uri: str) -> Iterator[World]:
    """The stack as it is deployed, every function held to its role; its schedules sleep."""
    wish = Wish(parameters=BOUNDS, time_scale=TIME_SCALE, calls_per_second=0, mongodb=mongodb_uri, database="deployed")
    with World(wish) as up:
        yield up


@pytest.fixture(scope="session")
def desk(world: World) -> Iterator[Desk]:
    with Desk(world.run.description) as operator:
        yield operator


@pytest.fixture(scope="session")
def campaigned(world: World, desk: Desk) -> Campaigned:
    """What a whole campaign left behind: at the carrier, in the logs, on the bus."""
    return run_a_campaign(world, desk)
