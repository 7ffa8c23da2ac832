"""Query filters, matched as mongod matches them."""

from collections.abc import Callable
from datetime import datetime
from itertools import repeat
from typing import Any

from tests.simulation.expressions import evaluate, truth
from tests.simulation.values import MISSING, Document, UnknownToTheSimulation, array_on, at, order, same_kind, type_name

Test = Callable[[Any, datetime], bool]
"""A filter, or a part of one, as a question to a document or to a value in it, at a moment."""


def compiled(asked: Document) -> Test:
    """The filter as a question that can be put to many documents: it is read once."""
    return _all_of([_clause(name, condition) for name, condition in asked.items()])


def matches(document: Document, asked: Document, now: datetime) -> bool:
    """Whether a document fulfils every clause of a filter."""
    return compiled(asked)(document, now)


def position(document: Document, asked: Document, now: datetime) -> int:
    """The index that `$` stands for in an update: of the element that an `$elemMatch` of the filter found."""
    for name, condition in asked.items():
        if type(condition) is dict and "$elemMatch" in condition:
            elements = at(document, name)
            return next(i for i, one in enumerate(elements) if matches(one, condition["$elemMatch"], now))
    raise UnknownToTheSimulation("a positional update without $elemMatch")


def _all_of(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]

    def every(asked: Any, now: datetime) -> bool:
        for test in tests:  # noqa: SIM110  a generator would take longer than most of the questions
            if not test(asked, now):
                return False
        return True

    return every


def _clause(name: str, condition: Any) -> Test:
    if name[:1] == "$":
        return _whole(name, condition)
    test = _on_value(condition)
    if "." not in name:
        return lambda document, now: test(document.get(name, MISSING) if type(document) is dict else MISSING, now)

    def along(document: Any, now: datetime) -> bool:
        if (way := array_on(document, name)) is not None:
            return _in_any(*way, condition, now)
        return test(at(document, name), now)

    return along


def _in_any(elements: list[Any], rest: str, condition: Any, now: datetime) -> bool:
    """What a path leads to beyond an array is asked for in each element; only where that is simple."""
    wanted = condition["$in"] if type(condition) is dict and list(condition) == ["$in"] else [condition]
    if any(type(one) not in {str, int} for one in wanted) or any(type(one) is not dict for one in elements):
        raise UnknownToTheSimulation(f"a path through an array: {rest}")
    return any(map(_clause(rest, condition), elements, repeat(now)))


def _whole(name: str, condition: Any) -> Test:
    if name == "$expr":
        return lambda document, now: truth(evaluate(condition, document, now))
    if name == "$and":
        return _all_of([compiled(one) for one in condition])
    if name == "$or":
        tests = [compiled(one) for one in condition]
        return lambda document, now: any(test(document, now) for test in tests)
    raise UnknownToTheSimulation(f"the filter {name}")


def _on_value(condition: Any) -> Test:
    if type(condition) is dict and condition and next(iter(condition)).startswith("$"):
        return _all_of([_operator(name, operand) for name, operand in condition.items()])
    if type(condition) is str:
        return lambda value, _: value == condition if type(value) is str else _equals(value, condition)
    return lambda value, _: _equals(value, condition)


def _operator(name: str, operand: Any) -> Test:
    if name == "$elemMatch":
        test = compiled(operand)
        return lambda value, now: type(value) is list and any(test(one, now) for one in value)
    if name == "$in" and all(type(one) is str for one in operand):
        texts = frozenset(operand)
        return lambda value, _: value in texts if type(value) is str else _is_one_of(value, operand)
    try:
        says = _OPERATORS[name]
    except KeyError:
        raise UnknownToTheSimulation(f"the condition {name}") from None
    return lambda value, _: says(value, operand)


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


def _is_one_of(value: Any, wanted: list[Any]) -> bool:
    return any(_equals(value, one) for one in wanted)


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
    "$in": _is_one_of,
    "$nin": lambda value, wanted: not _is_one_of(value, wanted),
    "$lt": _compared(lambda left, right: left < right),
    "$lte": _compared(lambda left, right: left <= right),
    "$gt": _compared(lambda left, right: left > right),
    "$gte": _compared(lambda left, right: left >= right),
    "$exists": lambda value, wanted: (value is not MISSING) == bool(wanted),
    "$type": _is_type,
}
KNOWN = frozenset(_OPERATORS) | {"$elemMatch", "$expr", "$and", "$or"}
