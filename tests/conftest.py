"""What all tests share: one real mongod for the whole session, and a fresh database in it for every test."""

import os
import secrets
from collections.abc import Iterator
from typing import NoReturn

import pytest
from pymongo import MongoClient
from pymongo.database import Database
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from dialer.adapters.contact_book import MongoContactBook
from dialer.adapters.mongo import Document, connect
from dialer.secret import Secret
from local import runs
from local.environments import Refused
from local.mongod import Mongod, start_mongod

JOURNEYS = "tests/journeys/"
WORLDS = ("tests/deploy/", "tests/local/", "tests/faults/", f"{JOURNEYS}test_page.py")  # about as long as the journeys
BEHIND = 5  # in steps of `nice`


def _of_a_world(nodeid: str) -> str:
    """Which worlds a test shares with others, if any."""
    if nodeid.startswith(WORLDS):
        return "worlds"
    return "journeys" if nodeid.startswith(JOURNEYS) else ""


class FewWorlds(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Hands tests out one by one, but most journeys to one worker, and all others that have a world to another one.

    A world is mostly waited for, so two of them and two more workers fit on two cores, as long as these two stand back.
    """

    def _split_scope(self, nodeid: str) -> str:
        return _of_a_world(nodeid) or nodeid

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        """And forgets what is complete: after every test, all that a worker ever had is counted through."""
        scope = self._split_scope(self.registered_collections[node][item_index])
        super().mark_test_complete(node, item_index, duration)
        if all(self.assigned_work[node][scope].values()):
            del self.assigned_work[node][scope]


def pytest_runtest_logstart(nodeid: str) -> None:
    """A worker without a world stands back from now on: in a world, somebody waits for an answer."""
    if "PYTEST_XDIST_WORKER" in os.environ and os.nice(0) < BEHIND and not _of_a_world(nodeid):
        os.nice(BEHIND)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FewWorlds:
    return FewWorlds(config, log)


def missing(what: str) -> NoReturn:
    """A part that this machine lacks: a reason to skip here, and to fail where everything must be there (CI=true)."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


@pytest.fixture(scope="session")
def mongodb_uri() -> Iterator[str]:
    """A real replica set: MONGODB_URI, or a mongod that this session starts and stops."""
    run = runs.begin()
    try:
        mongod = _started(run)
        yield mongod.uri
        if mongod.part is not None:
            mongod.part.stop()
    finally:
        run.remove()


def _started(run: runs.Run) -> Mongod:
    try:
        return start_mongod(run)
    except Refused as refused:
        missing(str(refused))


@pytest.fixture
def database_name(mongodb_uri: str) -> Iterator[str]:
    """The name of a database that nobody else uses; gone after the test."""
    name = f"test_{secrets.token_hex(6)}"
    yield name
    with MongoClient[Document](mongodb_uri) as client:
        client.drop_database(name)


@pytest.fixture
def database(mongodb_uri: str, database_name: str) -> Iterator[Database[Document]]:
    """That database as the product connects to it, with the contacts' indexes made."""
    database = connect(Secret(mongodb_uri), database_name)
    MongoContactBook(database["contacts"]).prepare()
    yield database
    database.client.close()
