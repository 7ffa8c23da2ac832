"""A database in memory with the shape of pymongo's, which evaluates what the adapters send and nothing else.

This is the one exception to the rule against in-memory stores: it holds no copy of any guard, it reads the filters and
updates themselves, and the differential test holds its every answer to a real mongod.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, Self, TypeVar

from bson import MaxKey
from pymongo import IndexModel
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure

from tests.simulation.expressions import evaluate
from tests.simulation.filters import matches
from tests.simulation.updates import Update, staged, updated
from tests.simulation.values import MISSING, Document, UnknownToTheSimulation, at, copy, identical, order, plain

Answer = TypeVar("Answer")
Keys = Sequence[tuple[str, int]]
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
    partial: Document

    def key(self, document: Document, now: datetime) -> Any:
        """What no other document of the index may have; MISSING when this one is not in the index."""
        if self.partial and not matches(document, self.partial, now):
            return MISSING
        return tuple(order(at(document, path)) for path in self.path)


@dataclass(frozen=True, kw_only=True)
class _Index:
    """An index's order, and which documents are in it."""

    keys: Keys
    partial: Document

    def between(
        self, documents: list[Document], least: Keys | None, most: Keys | None, now: datetime
    ) -> list[Document]:
        """Those in the index from one place, inclusive, to another, exclusive."""
        inside = [one for one in documents if matches(one, self.partial, now)] if self.partial else documents
        places = [([_place(at(one, path)) for path, _ in self.keys], one) for one in inside]
        first, last = ([_place(value) for _, value in bound] if bound else None for bound in (least, most))
        if first is not None and last is not None and not self._before(first, last):
            raise OperationFailure("planner returned error: min() must be less than max()", 2)
        return [
            one
            for place, one in places
            if (first is None or not self._before(place, first)) and (last is None or self._before(place, last))
        ]

    def _before(self, left: Sequence[Any], right: Sequence[Any]) -> bool:
        for (_, direction), a, b in zip(self.keys, left, right, strict=True):
            if a != b:
                return bool(a < b) == (direction > 0)
        return False


def _place(value: Any) -> tuple[Any, ...]:
    return (float("inf"),) if isinstance(value, MaxKey) else order(value)


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A session whose every read sees one and the same moment."""

    tables: Mapping[str, Mapping[str, Document]]


class Cursor:
    """A find that is asked when somebody looks at its first document, as pymongo's."""

    def __init__(self, ask: Callable[[Keys | None, Keys | None], list[Document]]) -> None:
        self._ask = ask
        self._least: Keys | None = None
        self._most: Keys | None = None

    def min(self, bound: Keys) -> Self:
        self._least = bound
        return self

    def max(self, bound: Keys) -> Self:
        self._most = bound
        return self

    def __iter__(self) -> Iterator[Document]:
        return iter(self._ask(self._least, self._most))


@dataclass(kw_only=True)
class _Table:
    """The documents of one collection, whoever looks at them."""

    name: str
    documents: dict[str, Document] = field(default_factory=dict)
    indexes: dict[str, _Index] = field(default_factory=dict)
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
    def client(self) -> Self:
        return self

    @contextmanager
    def start_session(self, *, snapshot: bool) -> Iterator[Moment]:
        if not snapshot:
            raise UnknownToTheSimulation("a session that is no snapshot")
        yield Moment(tables={name: dict(table.documents) for name, table in self._tables.items()})

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
    ) -> Cursor:
        def do(least: Keys | None, most: Keys | None) -> list[Document]:
            index = self._hinted(hint)
            found = self._matching(plain(asked))
            if least is not None or most is not None:
                if index is None:
                    raise OperationFailure("planner returned error: min and max need a hint", 2)
                found = index.between(found, least, most, self._now())
            for path, direction in reversed(sort):
                found.sort(key=lambda one, path=path: order(at(one, path)), reverse=direction < 0)  # type: ignore[misc]
            return [_projected(one, projection) for one in (found[:limit] if limit else found)]

        return Cursor(lambda least, most: self._ask("find", lambda: do(least, most)))

    def find_one(
        self,
        asked: Mapping[str, Any],
        projection: Mapping[str, int] | None = None,
        *,
        max_time_ms: int | None = None,
    ) -> Document | None:
        def do() -> Document | None:
            return next((_projected(one, projection) for one in self._matching(plain(asked))), None)

        return self._ask("find_one", do)

    def count_documents(
        self, asked: Mapping[str, Any], *, limit: int = 0, hint: str = "", session: Moment | None = None
    ) -> int:
        def do() -> int:
            self._hinted(hint)
            matching = plain(asked)
            if session is None:
                found = len(self._matching(matching))
            else:
                then, now = session.tables.get(self.table.name, {}), self._now()
                found = sum(matches(one, matching, now) for one in then.values())
            return min(found, limit) if limit else found

        return self._ask("count_documents", do)

    def aggregate(self, pipeline: Sequence[Mapping[str, Any]]) -> Iterator[Document]:
        return iter(self._ask("aggregate", lambda: self._aggregated([plain(stage) for stage in pipeline])))

    def update_one(self, asked: Mapping[str, Any], update: Any, *, upsert: bool = False) -> Updated:
        return self._ask("update_one", lambda: self._update(plain(asked), plain(update), only_one=True, upsert=upsert))

    def update_many(self, asked: Mapping[str, Any], update: Any) -> Updated:
        return self._ask("update_many", lambda: self._update(plain(asked), plain(update), only_one=False))

    def find_one_and_update(
        self,
        asked: Mapping[str, Any],
        update: Any,
        projection: Mapping[str, int] | None = None,
        *,
        return_document: bool = False,
    ) -> Document | None:
        def do() -> Document | None:
            before = next(iter(self._matching(plain(asked), latest=True)), None)
            if before is None:
                return None
            after = updated(before, plain(update), plain(asked), self._now())
            self._write(before, after)
            return _projected(after if return_document else before, projection)

        return self._ask("find_one_and_update", do)

    def insert_one(self, document: Mapping[str, Any]) -> None:
        self._ask("insert_one", lambda: self._write(None, plain(document)))

    def insert_many(self, documents: Sequence[Mapping[str, Any]], *, ordered: bool = True) -> None:
        if ordered:
            raise UnknownToTheSimulation("an ordered insert_many")
        self._ask("insert_many", lambda: self._insert_many([plain(one) for one in documents]))

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
        unknown = set(options) - {"unique", "partialFilterExpression"}
        if unknown:
            raise UnknownToTheSimulation(f"index options {sorted(unknown)}")
        if name in self.table.indexes:
            return
        partial = plain(options.get("partialFilterExpression", {}))
        self.table.indexes[name] = _Index(keys=keys, partial=partial)
        if options.get("unique"):
            self.table.unique.append(_Unique(name=name, path=tuple(path for path, _ in keys), partial=partial))

    def _hinted(self, hint: str | Keys) -> _Index | None:
        if not hint:
            return None
        known = self.table.indexes
        named = known.get(hint) if isinstance(hint, str) else next((i for i in known.values() if i.keys == hint), None)
        if named is None:
            raise OperationFailure("planner returned error: bad hint", 2)
        return named

    def _matching(self, asked: Document, *, latest: bool = False) -> list[Document]:
        """The documents themselves, to be copied by whoever hands them out."""
        now = self._now()
        return [one for one in self._candidates(asked, latest=latest) if matches(one, asked, now)]

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
        self._check_unique(after)
        until = self.database.seen_at()
        if until and key not in table.unseen:
            table.unseen[key] = (before, until)
        table.documents[key] = after
        self.database.changed(table.name, before, after)
        return True

    def _check_unique(self, after: Document) -> None:
        now = self._now()
        for index in self.table.unique:
            key = index.key(after, now)
            if key is MISSING:
                continue
            for other in self.table.documents.values():
                if other["_id"] != after["_id"] and index.key(other, now) == key:
                    raise DuplicateKeyError(f"E11000 duplicate key: {index.name}", 11000)

    def _aggregated(self, pipeline: list[Document]) -> list[Document]:
        rows = list(self.table.documents.values())
        for place, stage in enumerate(pipeline):
            ((name, content),) = stage.items()
            if name == "$match":
                rows = self._matching(content) if place == 0 else [r for r in rows if matches(r, content, self._now())]
            elif name == "$group":
                rows = _grouped(rows, content, self._now())
            else:
                rows = [staged(copy(row), stage, self._now()) for row in rows]
        return [copy(row) for row in rows]


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


def _projected(document: Document, projection: Mapping[str, int] | None) -> Document:
    if not projection:
        whole: Document = copy(document)
        return whole
    if set(projection.values()) != {1} or any("." in name for name in projection):
        raise UnknownToTheSimulation(f"the projection {projection}")
    return {name: copy(value) for name, value in document.items() if name in projection or name == "_id"}


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
