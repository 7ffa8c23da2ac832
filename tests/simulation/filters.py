"""Query filters, matched as mongod matches them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.simulation.expressions import evaluate, truth
from tests.simulation.values import MISSING, Document, UnknownToTheSimulation, array_on, at, order, same_kind, type_name


def matches(document: Document, asked: Document, now: datetime) -> bool:
    """Whether a document fulfils every clause of a filter."""
    return all(_clause(document, name, condition, now) for name, condition in asked.items())


def position(document: Document, asked: Document, now: datetime) -> int:
    """The index that `$` stands for in an update: of the element that an `$elemMatch` of the filter found."""
    for name, condition in asked.items():
        if type(condition) is dict and "$elemMatch" in condition:
            elements = at(document, name)
            return next(i for i, one in enumerate(elements) if matches(one, condition["$elemMatch"], now))
    raise UnknownToTheSimulation("a positional update without $elemMatch")


def _clause(document: Document, name: str, condition: Any, now: datetime) -> bool:
    if name[:1] == "$":
        return _whole(document, name, condition, now)
    if (way := array_on(document, name)) is not None:
        return _in_any(*way, condition, now)
    value = at(document, name)
    if type(condition) is dict and condition and next(iter(condition)).startswith("$"):
        return all(_condition(value, operator, operand, now) for operator, operand in condition.items())
    return _equals(value, condition)


def _in_any(elements: list[Any], rest: str, condition: Any, now: datetime) -> bool:
    """What a path leads to beyond an array is asked for in each element; only where that is simple."""
    wanted = condition["$in"] if type(condition) is dict and list(condition) == ["$in"] else [condition]
    if any(type(one) not in {str, int} for one in wanted) or any(type(one) is not dict for one in elements):
        raise UnknownToTheSimulation(f"a path through an array: {rest}")
    return any(_clause(one, rest, condition, now) for one in elements)


def _whole(document: Document, name: str, condition: Any, now: datetime) -> bool:
    if name == "$expr":
        return truth(evaluate(condition, document, now))
    if name == "$and":
        return all(matches(document, one, now) for one in condition)
    if name == "$or":
        return any(matches(document, one, now) for one in condition)
    raise UnknownToTheSimulation(f"the filter {name}")


def _condition(value: Any, operator: str, operand: Any, now: datetime) -> bool:
    if operator == "$elemMatch":
        return type(value) is list and any(matches(one, operand, now) for one in value)
    try:
        says = _OPERATORS[operator]
    except KeyError:
        raise UnknownToTheSimulation(f"the condition {operator}") from None
    return says(value, operand)


def _equals(value: Any, wanted: Any) -> bool:
    """Null stands for a missing field too, and an array is equal to any of its elements."""
    if wanted is None:
        return value is MISSING or value is None or (type(value) is list and None in value)
    if value is MISSING:
        return False
    if type(value) is list:
        return value == wanted or any(_same(one, wanted) for one in value)
    return _same(value, wanted)


def _same(value: Any, wanted: Any) -> bool:
    return same_kind(value, wanted) and bool(value == wanted)


def _compared(says: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(value: Any, operand: Any) -> bool:
        if type(value) is list:
            raise UnknownToTheSimulation("the comparison of an array")
        if operand is None:  # what is missing is as small and as great as null
            return (value is MISSING or value is None) and says(0, 0)
        return value is not MISSING and same_kind(value, operand) and says(order(value), order(operand))

    return compare


def _is_type(value: Any, wanted: Any) -> bool:
    if type(wanted) is not str or wanted == "number" or type(value) is list:
        raise UnknownToTheSimulation(f"$type {wanted!r}")
    return type_name(value) == wanted


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": _equals,
    "$ne": lambda value, wanted: not _equals(value, wanted),
    "$in": lambda value, wanted: any(_equals(value, one) for one in wanted),
    "$nin": lambda value, wanted: not any(_equals(value, one) for one in wanted),
    "$lt": _compared(lambda left, right: left < right),
    "$lte": _compared(lambda left, right: left <= right),
    "$gt": _compared(lambda left, right: left > right),
    "$gte": _compared(lambda left, right: left >= right),
    "$exists": lambda value, wanted: (value is not MISSING) == bool(wanted),
    "$type": _is_type,
}
KNOWN = frozenset(_OPERATORS) | {"$elemMatch", "$expr", "$and", "$or"}
