"""A database in memory with the shape of pymongo's, which evaluates what the adapters send and nothing else.

This is the one exception to the rule against in-memory stores: it holds no copy of any guard, it reads the filters and
updates themselves, and the differential test holds its every answer to a real mongod.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol, TypeVar

from pymongo import IndexModel, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure

from tests.simulation.expressions import evaluate
from tests.simulation.filters import Test, compiled
from tests.simulation.updates import Update, staged, updated
from tests.simulation.values import MISSING, Document, UnknownToTheSimulation, at, copy, identical, order, plain

Answer = TypeVar("Answer")
Keys = Sequence[tuple[str, Any]]
Changed = Callable[[str, Document | None, Document], None]


class Wire(Protocol):
    """Carries one request to the database and its answer back."""

    def __call__(self, what: str, do: Callable[[], Answer]) -> Answer: ...


def at_once(what: str, do: Callable[[], Answer]) -> Answer:
    """A wire without length."""
    return do()


@dataclass(frozen=True, kw_only=True)
class Updated:
    matched_count: int
    modified_count: int


@dataclass(frozen=True, kw_only=True)
class _Unique:
    name: str
    path: tuple[str, ...]
    indexed: Test
    """Whether a document is in it at all."""
    _keys: dict[str, tuple[Document, Any]] = field(default_factory=dict)
    """What each document's key was: a document that is written becomes another one."""

    def key(self, document: Document, now: datetime) -> Any:
        """What no other document of the index may have; MISSING when this one is not in the index."""
        known, key = self._keys.get(document["_id"], (None, None))
        if known is not document:
            within = self.indexed(document, now)
            key = tuple([order(at(document, path)) for path in self.path]) if within else MISSING
            self._keys[document["_id"]] = document, key
        return key


@dataclass(kw_only=True)
class _Table:
    """The documents of one collection, whoever looks at them."""

    name: str
    documents: dict[str, Document] = field(default_factory=dict)
    indexes: dict[str, tuple[Keys, Document]] = field(default_factory=dict)
    """The keys of each, and which documents are in it."""
    unique: list[_Unique] = field(default_factory=list)
    unseen: dict[str, tuple[Document | None, int]] = field(default_factory=dict)
    """Documents whose last write no majority has yet: what reads still see, and until when."""


class Database:
    """Collections by name, and a clock of its own."""

    def __init__(
        self,
        now: Callable[[], datetime],
        *,
        wire: Wire = at_once,
        changed: Changed = lambda *_: None,
        seen_at: Callable[[], int] = lambda: 0,
    ) -> None:
        """`now`: in whole milliseconds. `changed` is told of every write; `seen_at` says from when on reads see a write
        of this moment, in milliseconds since 1970."""
        self.now = now
        self.wire = wire
        self.changed = changed
        self.seen_at = seen_at
        self._tables: dict[str, _Table] = {}

    def __getitem__(self, name: str) -> "Collection":
        return Collection(self, self._tables.setdefault(name, _Table(name=name)))

    @property
    def client(self) -> "Database":
        return self

    def committed_by(self, until: int) -> None:
        """A majority has a write only together with all that was written before it, in whatever collection."""
        for table in self._tables.values():
            if table.unseen:
                table.unseen = {key: (old, min(seen, until)) for key, (old, seen) in table.unseen.items()}

    def start_session(self, *, snapshot: bool) -> "nullcontext[None]":
        return nullcontext()

    def command(self, name: str) -> Document:
        if name != "hello":
            raise UnknownToTheSimulation(f"the command {name}")
        return self.wire("hello", lambda: {"localTime": self.now()})


class Collection:
    """pymongo's verbs, as far as the adapters use them. Anything else is a TypeError or says that it is not known."""

    def __init__(self, database: Database, table: _Table, *, linearizable: bool = False) -> None:
        self.database = database
        self.table = table
        self._linearizable = linearizable

    def with_options(self, *, read_concern: Any) -> "Collection":
        if read_concern.level not in {"linearizable", None}:
            raise UnknownToTheSimulation(f"read concern {read_concern.level}")
        return Collection(self.database, self.table, linearizable=read_concern.level == "linearizable")

    def find(
        self,
        asked: Mapping[str, Any],
        projection: Mapping[str, int] | None = None,
        *,
        sort: Keys = (),
        limit: int = 0,
        hint: str | Keys = "",
        batch_size: int = 0,
    ) -> "Cursor":
        return Cursor(self, dict(asked), projection, sort, limit, hint)

    def found(
        self, asked: Document, projection: Mapping[str, int] | None, sort: Keys, limit: int, bounds: "_Bounds"
    ) -> list[Document]:
        """What a cursor comes back with."""

        def do() -> list[Document]:
            index = self._index_named(bounds.hint)
            found = self._matching(plain(asked))
            if bounds.low or bounds.high:
                found = _between(found, index, bounds, self._now())
            for path, direction in reversed(sort):
                found.sort(key=lambda one, path=path: order(at(one, path)), reverse=direction < 0)  # type: ignore[misc]
            return [_projected(one, projection, self._now()) for one in (found[:limit] if limit else found)]

        return self._ask("find", do)

    def find_one(
        self,
        asked: Mapping[str, Any],
        projection: Mapping[str, int] | None = None,
        *,
        max_time_ms: int | None = None,
        hint: str = "",
    ) -> Document | None:
        def do() -> Document | None:
            self._index_named(hint)
            return next((_projected(one, projection, self._now()) for one in self._matching(plain(asked))), None)

        return self._ask("find_one", do)

    def count_documents(
        self, asked: Mapping[str, Any], *, limit: int = 0, hint: str = "", session: object = None
    ) -> int:
        """A session is a snapshot of one moment: nothing happens here between two requests that need one."""

        def do() -> int:
            self._index_named(hint)
            found = len(self._matching(plain(asked)))
            return min(found, limit) if limit else found

        return self._ask("count_documents", do)

    def estimated_document_count(self, *, query: Mapping[str, Any], limit: int = 0, hint: str = "") -> int:
        """With a query, the `count` command: no estimate."""
        return self.count_documents(query, limit=limit, hint=hint)

    def aggregate(self, pipeline: Sequence[Mapping[str, Any]], *, hint: str = "") -> Iterator[Document]:
        def do() -> list[Document]:
            self._index_named(hint)
            return self._aggregated([plain(stage) for stage in pipeline])

        return iter(self._ask("aggregate", do))

    def update_one(self, asked: Mapping[str, Any], update: Any, *, upsert: bool = False) -> Updated:
        return self._ask("update_one", lambda: self._update(plain(asked), plain(update), only_one=True, upsert=upsert))

    def update_many(self, asked: Mapping[str, Any], update: Any) -> Updated:
        return self._ask("update_many", lambda: self._update(plain(asked), plain(update), only_one=False))

    def find_one_and_update(
        self,
        asked: Mapping[str, Any],
        update: Any,
        projection: Mapping[str, Any] | None = None,
        *,
        return_document: bool = False,
    ) -> Document | None:
        def do() -> Document | None:
            before = next(iter(self._matching(plain(asked), latest=True)), None)
            if before is None:
                return None
            after = updated(before, plain(update), plain(asked), self._now())
            self._write(before, after)
            return _projected(after if return_document else before, plain(projection), self._now())

        return self._ask("find_one_and_update", do)

    def insert_one(self, document: Mapping[str, Any]) -> None:
        self._ask("insert_one", lambda: self._write(None, plain(document)))

    def insert_many(self, documents: Sequence[Mapping[str, Any]], *, ordered: bool = True) -> None:
        if ordered:
            raise UnknownToTheSimulation("an ordered insert_many")
        self._ask("insert_many", lambda: self._insert_many([plain(one) for one in documents]))

    def bulk_write(self, requests: Sequence[UpdateOne], *, ordered: bool = True) -> Updated:
        """Updates alone, which cannot fail here as long as they touch no unique index."""
        if ordered or not all(type(request) is UpdateOne for request in requests):
            raise UnknownToTheSimulation("an ordered bulk_write, or one of more than UpdateOne")

        def do() -> Updated:
            done = [self._update(plain(one._filter), plain(one._doc), only_one=True) for one in requests]
            return Updated(
                matched_count=sum(one.matched_count for one in done),
                modified_count=sum(one.modified_count for one in done),
            )

        return self._ask("bulk_write", do)

    def delete_many(self, asked: Mapping[str, Any]) -> None:
        """For tests: empties the collection."""
        for one in self._matching(plain(asked), latest=True):
            del self.table.documents[one["_id"]]

    def create_index(self, keys: Keys, *, name: str, **options: Any) -> None:
        self._ask("create_index", lambda: self._index(name, keys, options))

    def create_indexes(self, models: Iterable[IndexModel]) -> None:
        def do() -> None:
            for model in models:
                options = dict(model.document)
                self._index(options.pop("name"), list(options.pop("key").items()), options)

        self._ask("create_indexes", do)

    def _ask(self, what: str, do: Callable[[], Answer]) -> Answer:
        label = f"{self.table.name}.{what}" + (" (linearizable)" if self._linearizable else "")
        return self.database.wire(label, do)

    def _now(self) -> datetime:
        return self.database.now()

    def _index(self, name: str, keys: Keys, options: Document) -> None:
        unknown = set(options) - {"unique", "partialFilterExpression", "sparse"}
        if unknown or {"unique", "sparse"} <= set(options):
            raise UnknownToTheSimulation(f"index options {sorted(options)}")
        if name in self.table.indexes:
            return
        partial = plain(options.get("partialFilterExpression", {}))
        self.table.indexes[name] = (keys, partial)
        if options.get("unique"):
            self.table.unique.append(
                _Unique(name=name, path=tuple(path for path, _ in keys), indexed=compiled(partial))
            )

    def _index_named(self, hint: str | Keys) -> tuple[Keys, Document]:
        """An index that is named must be there, by its name or by its keys."""
        if not hint:
            return (), {}
        for name, (keys, partial) in self.table.indexes.items():
            if hint == name or list(hint) == list(keys):
                return keys, partial
        raise OperationFailure("planner returned error: bad hint", 2)

    def _matching(self, asked: Document, *, latest: bool = False) -> list[Document]:
        """The documents themselves, to be copied by whoever hands them out."""
        return _those(self._candidates(asked, latest=latest), asked, self._now())

    def _candidates(self, asked: Document, *, latest: bool) -> Iterable[Document]:
        documents = self.table.documents
        if self.table.unseen and not latest and not self._linearizable:
            documents = self._as_a_majority_has_them()
        wanted = asked.get("_id")
        if type(wanted) is str:
            return [documents[wanted]] if wanted in documents else []
        if type(wanted) is dict and "$in" in wanted:
            return [documents[one] for one in dict.fromkeys(wanted["$in"]) if one in documents]
        return documents.values()

    def _as_a_majority_has_them(self) -> dict[str, Document]:
        now = _milliseconds(self.database.now())
        self.table.unseen = {key: old for key, old in self.table.unseen.items() if old[1] > now}
        seen = dict(self.table.documents)
        for key, (document, _) in self.table.unseen.items():
            if document is None:
                seen.pop(key, None)
            else:
                seen[key] = document
        return seen

    def _update(self, asked: Document, update: Update, *, only_one: bool, upsert: bool = False) -> Updated:
        found = self._matching(asked, latest=True)
        if not found and upsert:
            self._write(None, updated({"_id": asked["_id"]}, update, asked, self._now(), inserting=True))
            return Updated(matched_count=0, modified_count=0)
        found = found[:1] if only_one else found
        modified = 0
        for before in found:
            modified += self._write(before, updated(before, update, asked, self._now()))
        return Updated(matched_count=len(found), modified_count=modified)

    def _insert_many(self, documents: list[Document]) -> None:
        errors = []
        for index, document in enumerate(documents):
            try:
                self._write(None, document)
            except DuplicateKeyError as twice:
                errors.append({"index": index, "code": twice.code})
        if errors:
            raise BulkWriteError({"writeErrors": errors, "writeConcernErrors": []})

    def _write(self, before: Document | None, after: Document) -> bool:
        """Whether anything changed. Raises DuplicateKeyError, and then nothing has."""
        if identical(before, after):
            return False
        table, key = self.table, after["_id"]
        if before is None and key in table.documents:
            raise DuplicateKeyError("E11000 duplicate key: _id", 11000)
        self._check_unique(before, after)
        until = self.database.seen_at()
        self.database.committed_by(until)
        if until and key not in table.unseen:
            table.unseen[key] = (before, until)
        table.documents[key] = after
        self.database.changed(table.name, before, after)
        return True

    def _check_unique(self, before: Document | None, after: Document) -> None:
        """A key that the document had already is nobody else's."""
        now = self._now()
        for index in self.table.unique:
            had = MISSING if before is None else index.key(before, now)
            key = index.key(after, now)
            if key is MISSING or key == had:
                continue
            for other in self.table.documents.values():
                if other["_id"] != after["_id"] and index.key(other, now) == key:
                    raise DuplicateKeyError(f"E11000 duplicate key: {index.name}", 11000)

    def _aggregated(self, pipeline: list[Document]) -> list[Document]:
        rows = list(self.table.documents.values())
        for place, stage in enumerate(pipeline):
            ((name, content),) = stage.items()
            if name == "$match":
                rows = self._matching(content) if place == 0 else _those(rows, content, self._now())
            elif name == "$group":
                rows = _grouped(rows, content, self._now())
            else:
                rows = [staged(_apart(row, content), stage, self._now()) for row in rows]
        return [copy(row) for row in rows]


@dataclass(frozen=True, kw_only=True)
class _Bounds:
    """A range of an index: from a key on, and up to one that is not in it any more."""

    hint: str | Keys = ""
    low: Keys = ()
    high: Keys = ()


class Cursor:
    """A find that is sent when somebody reads from it."""

    def __init__(
        self,
        collection: Collection,
        asked: Document,
        projection: Mapping[str, int] | None,
        sort: Keys,
        limit: int,
        hint: str | Keys,
    ) -> None:
        self._collection = collection
        self._find = (asked, projection, sort, limit)
        self._bounds = _Bounds(hint=hint)

    def min(self, bound: Keys) -> "Cursor":
        self._bounds = replace(self._bounds, low=bound)
        return self

    def max(self, bound: Keys) -> "Cursor":
        self._bounds = replace(self._bounds, high=bound)
        return self

    def __iter__(self) -> Iterator[Document]:
        return iter(self._collection.found(*self._find, self._bounds))


def _between(documents: list[Document], index: tuple[Keys, Document], bounds: _Bounds, now: datetime) -> list[Document]:
    keys, partial = index
    for bound in (bounds.low, bounds.high):
        if bound and [name for name, _ in bound] != [name for name, _ in keys]:
            raise UnknownToTheSimulation("a bound that is not a whole key of its index")
    low, high = ([value for _, value in bound] for bound in (bounds.low, bounds.high))
    return [
        one
        for one in _those(documents, partial, now)
        if (not low or not _comes_before(_key_of(one, keys), low, keys))
        and (not high or _comes_before(_key_of(one, keys), high, keys))
    ]


def _those(documents: Iterable[Document], asked: Document, now: datetime) -> list[Document]:
    fulfils = compiled(asked)
    return [one for one in documents if fulfils(one, now)]


def _key_of(document: Document, keys: Keys) -> list[Any]:
    """An index has null where a document has nothing."""
    values = (at(document, path) for path, _ in keys)
    return [None if value is MISSING else value for value in values]


def _comes_before(left: list[Any], right: list[Any], keys: Keys) -> bool:
    for one, other, (_, direction) in zip(left, right, keys, strict=True):
        a, b = order(one), order(plain(other))
        if a != b:
            return bool((a < b) is (direction > 0))
    return False


def _apart(row: Document, content: Any) -> Document:
    """A row that a stage may write on: only what it writes inside of objects needs them copied too."""
    apart: Document = dict(row) if type(content) is dict and not any("." in path for path in content) else copy(row)
    return apart


def _grouped(rows: list[Document], content: Document, now: datetime) -> list[Document]:
    by = content.pop("_id")
    groups: dict[Any, list[Document]] = {}
    for row in rows:
        groups.setdefault(evaluate(by, row, now), []).append(row)
    return [
        {"_id": key, **{name: _accumulated(how, group, now) for name, how in content.items()}}
        for key, group in groups.items()
    ]


def _accumulated(how: Document, group: list[Document], now: datetime) -> Any:
    ((name, operand),) = how.items()
    if name != "$sum":
        raise UnknownToTheSimulation(f"the accumulator {name}")
    return sum(evaluate(operand, row, now) for row in group)


def _projected(document: Document, projection: Mapping[str, Any] | None, now: datetime) -> Document:
    if not projection:
        whole: Document = copy(document)
        return whole
    computed = {name: value for name, value in projection.items() if type(value) is dict}
    if any("." in name or (name not in computed and value != 1) for name, value in projection.items()):
        raise UnknownToTheSimulation(f"the projection {projection}")
    named = projection.keys() - computed.keys() | {"_id"}
    shown = {name: copy(value) for name, value in document.items() if name in named}
    values = ((name, copy(evaluate(expression, document, now))) for name, expression in computed.items())
    return shown | {name: value for name, value in values if value is not MISSING}


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
