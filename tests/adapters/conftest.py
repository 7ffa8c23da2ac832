"""The adapters over real parts: their collections in a fresh database, and a wire to it that can go wrong."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from pymongo.collection import Collection
from pymongo.database import Database

from dialer.adapters.claims import MongoClaims
from dialer.adapters.contact_book import MongoContactBook
from dialer.adapters.hearing import MongoHearing
from dialer.adapters.lines import MongoLines
from dialer.adapters.mongo import Document, connect
from dialer.adapters.overdue import MongoOverdue
from dialer.secret import Secret
from tests.adapters.aws import ministack_url
from tests.adapters.tcp_proxy import TcpProxy

Connect = Callable[..., Database[Document]]


@pytest.fixture(scope="session")
def _one_database(mongodb_uri: str) -> Iterator[Database[Document]]:
    """Making the indexes takes longer than most tests of one verb, so these tests share them."""
    database = connect(Secret(mongodb_uri), f"adapters_{secrets.token_hex(6)}")
    MongoContactBook(database["contacts"]).prepare()
    yield database
    database.client.drop_database(database)
    database.client.close()


@pytest.fixture
def database(_one_database: Database[Document]) -> Iterator[Database[Document]]:
    """Empty, with the contacts' indexes made."""
    yield _one_database
    for name in _one_database.list_collection_names(filter={"name": {"$not": {"$regex": "^system"}}}):
        _one_database[name].delete_many({})


@pytest.fixture
def contacts(database: Database[Document]) -> Collection[Document]:
    return database["contacts"]


@pytest.fixture
def claims(contacts: Collection[Document]) -> MongoClaims:
    return MongoClaims(contacts)


@pytest.fixture
def lines(contacts: Collection[Document]) -> MongoLines:
    return MongoLines(contacts)


@pytest.fixture
def hearing(contacts: Collection[Document]) -> MongoHearing:
    return MongoHearing(contacts)


@pytest.fixture
def overdue(contacts: Collection[Document]) -> MongoOverdue:
    return MongoOverdue(contacts)


@pytest.fixture
def book(contacts: Collection[Document]) -> MongoContactBook:
    return MongoContactBook(contacts)


@pytest.fixture(scope="session")
def ministack() -> Iterator[str]:
    """The address of an AWS of our own."""
    with ministack_url() as url:
        yield url


@pytest.fixture
def wire(mongodb_uri: str) -> Iterator[TcpProxy]:
    with TcpProxy(mongodb_uri) as proxy:
        yield proxy


@pytest.fixture
def joined(database: Database[Document]) -> Iterator[Connect]:
    """`joined(uri)`: the test's database again, as the product connects to it, by a client of its own."""
    with ExitStack() as stack:

        def join(uri: str, *, timeout_ms: int = 5000) -> Database[Document]:
            again = connect(Secret(uri), database.name, timeout_ms=timeout_ms)
            stack.callback(again.client.close)
            return again

        yield join
