"""The database client: majority writes, journalled, retryable, bounded in time; its errors become ours."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import pymongo
from bson.codec_options import CodecOptions
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import (
    ConfigurationError,
    DuplicateKeyError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from dialer.errors import BadSettings, Unavailable
from dialer.secret import Secret

Document = dict[str, Any]
Read = TypeVar("Read")
_SCHEMES = ("mongodb://", "mongodb+srv://")
_BAD_CREDENTIALS = 18
_NOT_A_URI = "The parameter that MONGODB_URI_PARAMETER names does not hold a MongoDB URI."
PATIENCE_MS = 5000  # for one answer, its retries included


def connect(uri: Secret, database: str, *, timeout_ms: int = 0) -> Database[Document]:
    """The database, not yet contacted. The URI is never shown, not even when it is wrong."""
    timeout_ms = timeout_ms or PATIENCE_MS
    if not uri.reveal().startswith(_SCHEMES):  # any other text would be taken for a host, and named in errors
        raise BadSettings(_NOT_A_URI)
    try:
        client: MongoClient[Document] = MongoClient(
            uri.reveal(),
            timeoutMS=timeout_ms,
            serverSelectionTimeoutMS=min(timeout_ms, 3000),
            connectTimeoutMS=min(timeout_ms, 3000),  # which bounds the look-up of a mongodb+srv name too
            retryWrites=True,
            maxPoolSize=10,
            maxIdleTimeMS=60_000,
        )
    except (PyMongoError, ValueError):
        raise BadSettings(_NOT_A_URI) from None
    return client.get_database(
        database,
        codec_options=CodecOptions(tz_aware=True),
        write_concern=WriteConcern("majority", j=True),
        read_concern=ReadConcern("majority"),
        read_preference=ReadPreference.PRIMARY,  # whatever the URI says: decisions are not made on a stale copy
    )


def within(seconds: float) -> AbstractContextManager[object]:
    """All that is asked of the database inside of it takes no longer together. Raises Unavailable there, as ever."""
    return pymongo.timeout(seconds)


def linearizable(collection: Collection[Document]) -> Collection[Document]:
    """The same collection, read as it stands at this moment on the primary."""
    return collection.with_options(read_concern=ReadConcern("linearizable"))


def database_clock(database: Database[Document]) -> datetime:
    """The primary's clock, the only one that decides when something is due."""
    now = database.command("hello")["localTime"]
    if not isinstance(now, datetime):
        raise TypeError("the database's clock is not a moment")
    return now if now.tzinfo else now.replace(tzinfo=UTC)  # an answer that is no document comes without its zone


def readable(documents: Iterable[Document], read: Callable[[Document], Read]) -> tuple[list[Read], list[str]]:
    """What can be read, in order, and the ids of the rest, which must not cost the others their turn."""
    found, unreadable = list[Read](), list[str]()
    for document in documents:
        try:
            found.append(read(document))
        except (KeyError, TypeError, ValueError, ArithmeticError):
            unreadable.append(str(document["_id"]))
    return found, unreadable


def literal(value: Any) -> Document:
    """A value in an aggregation expression: its texts may begin with a dollar and are not read as fields."""
    return {"$literal": value}


@contextmanager
def available() -> Iterator[None]:
    """Turns a database that does not answer into Unavailable, and wrong credentials into BadSettings.

    Credentials are known by the code or the words: the code is another on Atlas, and the driver answers with a time-out
    while it waits for a server that has refused it before.
    """
    try:
        yield
    except DuplicateKeyError:
        raise
    except (OperationFailure, ServerSelectionTimeoutError) as wrong:
        code = wrong.code if isinstance(wrong, OperationFailure) else None
        if code == _BAD_CREDENTIALS or "authentication failed" in str(wrong).lower():
            raise BadSettings("The database refused the credentials in MONGODB_URI_PARAMETER.") from None
        if isinstance(wrong, ServerSelectionTimeoutError):
            raise Unavailable(_silent(wrong)) from wrong
        raise Unavailable(f"the database answered with error {code}") from wrong
    except ConfigurationError:
        raise BadSettings("The parameter that MONGODB_URI_PARAMETER names does not hold a usable URI.") from None
    except PyMongoError as wrong:
        raise Unavailable(_silent(wrong)) from wrong


def _silent(wrong: PyMongoError) -> str:
    return f"the database did not answer ({type(wrong).__name__})"
