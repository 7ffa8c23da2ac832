"""Values as the database keeps and compares them: milliseconds, plain texts, and an order across types."""

from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

from bson import MaxKey

Document = dict[str, Any]


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
"""What a path leads to when there is nothing."""


class UnknownToTheSimulation(NotImplementedError):
    """The adapters use something that the simulated database does not know: teach it, and hold it to the real one."""


_PLAIN = frozenset({str, int, float, bool, type(None), _Missing, MaxKey})


def plain(value: Any) -> Any:
    """A copy as it would come back from the database."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is dict:
        return {
            key if type(key) is str else str(key): one if type(one) in _PLAIN else plain(one)
            for key, one in value.items()
        }
    if kind is datetime:
        return _moment(value)
    if kind in {list, tuple}:
        return [plain(one) for one in value]
    if isinstance(value, Enum):
        return plain(value.value)
    raise UnknownToTheSimulation(f"a value of type {kind.__name__}")


def _moment(value: datetime) -> datetime:
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    microseconds = value.microsecond
    return value if microseconds % 1000 == 0 else value.replace(microsecond=microseconds // 1000 * 1000)


def copy(value: Any) -> Any:
    """A copy of a value that is plain already."""
    kind = type(value)
    if kind is dict:
        return {key: copy(one) if type(one) in {dict, list} else one for key, one in value.items()}
    if kind is list:
        return [copy(one) for one in value]
    return value


_RANKS: dict[type, int] = {
    _Missing: 0,
    type(None): 1,
    int: 2,
    float: 2,
    str: 3,
    dict: 4,
    list: 5,
    bool: 8,
    datetime: 9,
    MaxKey: 127,
}


def order(value: Any) -> tuple[Any, ...]:
    """A key that sorts values of any types as the database does."""
    rank = _RANKS[type(value)]
    if value is None or value is MISSING or rank == 127:
        return (rank,)
    if rank == 4:
        return (rank, *((_RANKS[type(one)], name, order(one)) for name, one in value.items()))  # field by field
    if rank == 5:
        return (rank, *(order(one) for one in value))
    return (rank, value)


def identical(left: Any, right: Any) -> bool:
    """Equal in value and type: 1, 1.0 and true are three things."""
    if left != right or type(left) is not type(right):
        return False
    if type(left) is dict:
        return all(identical(value, right[name]) for name, value in left.items())
    return type(left) is not list or all(identical(a, b) for a, b in zip(left, right, strict=True))


def same_kind(left: Any, right: Any) -> bool:
    return _RANKS[type(left)] == _RANKS[type(right)]


_INT = 2**31


def type_name(value: Any) -> str:
    if type(value) is int:
        return "int" if -_INT <= value < _INT else "long"
    return _NAMES[type(value)]


_NAMES: dict[type, str] = {
    _Missing: "missing",
    type(None): "null",
    float: "double",
    str: "string",
    dict: "object",
    list: "array",
    bool: "bool",
    datetime: "date",
}


def at(document: Any, path: str) -> Any:
    """What a dotted path leads to, through objects only."""
    if "." not in path:
        return document.get(path, MISSING) if type(document) is dict else MISSING
    value = document
    for name in path.split("."):
        if type(value) is list:
            raise UnknownToTheSimulation(f"a path through an array: {path}")
        if type(value) is not dict:
            return MISSING
        value = value.get(name, MISSING)
    return value


def array_on(document: Any, path: str) -> tuple[list[Any], str] | None:
    """The array that a dotted path leads through, and the path on from each of its elements."""
    value, way, name = document, path, ""
    while way and type(value) is dict:
        name, _, way = way.partition(".")
        value = value.get(name, MISSING)
    return (value, way) if way and type(value) is list else None


def put(document: Document, path: str, value: Any) -> None:
    """Set what a dotted path leads to, making the objects on its way."""
    *way, last = path.split(".")
    for name in way:
        inner = document.get(name)
        if type(inner) is list:
            raise UnknownToTheSimulation(f"a path through an array: {path}")
        if type(inner) is not dict:
            inner = document[name] = {}
        document = inner
    if value is MISSING:
        document.pop(last, None)
    else:
        document[last] = value


def take_away(document: Document, path: str) -> None:
    *way, last = path.split(".")
    inner = at(document, ".".join(way)) if way else document
    if type(inner) is dict:
        inner.pop(last, None)
