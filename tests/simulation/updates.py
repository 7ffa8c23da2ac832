"""Updates, classic and as pipelines, carried out as mongod carries them out."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.simulation.expressions import evaluate, is_operator
from tests.simulation.filters import position
from tests.simulation.values import MISSING, Document, UnknownToTheSimulation, at, copy, put, take_away, type_name

Update = Any
"""A document of operators, or a list of stages."""


def updated(document: Document, update: Update, asked: Document, now: datetime, *, inserting: bool = False) -> Document:
    """The document after the update; the old one is left as it is. `inserting`: it was not there before."""
    after: Document = copy(document)
    if type(update) is list:
        for stage in update:
            after = staged(after, stage, now)
        return after
    changes = [(path, name, value) for name, content in update.items() for path, value in content.items()]
    if not inserting:
        changes = [change for change in changes if change[1] != "$setOnInsert"]
    for path, name, value in sorted(changes, key=lambda change: change[0]):  # as mongod does: new fields come so, too
        _classic(name)(after, _resolved(path, document, asked, now), value, now)
    return after


def staged(document: Document, stage: Document, now: datetime) -> Document:
    """The document after one stage of a pipeline. All that a `$set` computes, it computes from what came in."""
    ((name, content),) = stage.items()
    if name in {"$set", "$addFields"}:
        computed = [(path, _fields(at(document, path), value, document, now)) for path, value in content.items()]
        for path, value in computed:
            put(document, path, value)
        return document
    if name == "$unset":
        for path in [content] if type(content) is str else content:
            take_away(document, path)
        return document
    if name == "$replaceWith":
        whole: Document = copy(evaluate(content, document, now))
        if type(whole) is not dict or whole.get("_id") != document["_id"]:
            raise UnknownToTheSimulation(f"a document that becomes another, or a {type_name(whole)}")
        return whole
    raise UnknownToTheSimulation(f"the stage {name}")


def _fields(before: Any, expression: Any, document: Document, now: datetime) -> Any:
    """A trap of the database: an object in a `$set` is merged into the object that is there."""
    if type(expression) is not dict or is_operator(expression):
        return copy(evaluate(expression, document, now))
    after = copy(before) if type(before) is dict else {}
    for path, inner in expression.items():
        put(after, path, _fields(at(after, path), inner, document, now))
    return after


def _resolved(path: str, document: Document, asked: Document, now: datetime) -> str:
    return path.replace(".$.", f".{position(document, asked, now)}.") if ".$." in path else path


def _classic(name: str) -> Callable[[Document, str, Any, datetime], None]:
    try:
        return _CLASSIC[name]
    except KeyError:
        raise UnknownToTheSimulation(f"the update {name}") from None


def _set(document: Document, path: str, value: Any, _: datetime) -> None:
    _check_way(document, path)
    array, _dot, rest = _element(document, path)
    put(array if rest else document, rest or path, copy(value))


def _check_way(document: Document, path: str) -> None:
    """A classic update makes no field in what is not an object; a pipeline replaces it by one."""
    way = path.rpartition(".")[0]
    if way and type(at(document, way.partition(".")[0])) not in {dict, list, type(MISSING)}:
        raise UnknownToTheSimulation(f"a field in what is no object: {path}")


def _element(document: Document, path: str) -> tuple[Document, str, str]:
    """The element that a path with an index in it leads into, and the rest of the path; or nothing."""
    names = path.split(".")
    for place, name in enumerate(names):
        if name.isdigit():
            element = at(document, ".".join(names[:place]))[int(name)]
            return element, ".", ".".join(names[place + 1 :])
    return {}, "", ""


def _unset(document: Document, path: str, _value: Any, _now: datetime) -> None:
    take_away(document, path)


def _inc(document: Document, path: str, value: Any, _: datetime) -> None:
    _check_way(document, path)
    before = at(document, path)
    put(document, path, value if before is MISSING else before + value)


def _add_to_set(document: Document, path: str, value: Any, _: datetime) -> None:
    _check_way(document, path)
    before = at(document, path)
    array = [] if before is MISSING else before
    put(document, path, array if value in array else [*array, value])


def _current_date(document: Document, path: str, value: Any, now: datetime) -> None:
    _check_way(document, path)
    if value is not True:
        raise UnknownToTheSimulation(f"$currentDate {value!r}")
    put(document, path, now)


_CLASSIC: dict[str, Callable[[Document, str, Any, datetime], None]] = {
    "$set": _set,
    "$setOnInsert": _set,
    "$unset": _unset,
    "$inc": _inc,
    "$addToSet": _add_to_set,
    "$currentDate": _current_date,
}
KNOWN = frozenset(_CLASSIC) | {"$set", "$addFields", "$unset"}
