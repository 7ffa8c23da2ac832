"""The whole local world over a database of three members, and those members alone."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from local import runs
from local.environments import Refused
from local.mongod import binary
from local.world import Wish, World
from tests.conftest import missing
from tests.faults.replica_set import ReplicaSet
from tests.journeys.conftest import blocks, journey, numbers
from tests.journeys.desk import Desk
from tests.journeys.journey import BOUNDS, TIME_SCALE

__all__ = ["blocks", "journey", "numbers"]


@pytest.fixture
def three() -> Iterator[ReplicaSet]:
    with _three_members() as members:
        yield members


@pytest.fixture(scope="module")
def three_of_the_world() -> Iterator[ReplicaSet]:
    with _three_members() as members:
        yield members


@contextmanager
def _three_members() -> Iterator[ReplicaSet]:
    try:
        binary()
    except Refused as refused:
        missing(str(refused))
    run = runs.begin()
    try:
        with ReplicaSet(run) as members:
            yield members
    finally:
        run.remove()


@pytest.fixture(scope="module")
def world(three_of_the_world: ReplicaSet) -> Iterator[World]:
    wish = Wish(parameters=BOUNDS, time_scale=TIME_SCALE, calls_per_second=0, mongodb=three_of_the_world.uri)
    with World(wish) as up:
        yield up


@pytest.fixture(scope="module")
def desk(world: World) -> Iterator[Desk]:
    with Desk(world.run.description) as operator:
        yield operator
