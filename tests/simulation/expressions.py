"""Aggregation expressions, evaluated as mongod evaluates them; the differential test holds the two together."""

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tests.simulation.values import MISSING, Document, UnknownToTheSimulation, at, order, type_name


def evaluate(expression: Any, document: Document, now: datetime) -> Any:
    """The value of an expression over a document, at a moment."""
    kind = type(expression)
    if kind is str:
        return _named(expression, document, now) if expression[:1] == "$" else expression
    if kind is dict:
        return _computed(expression, document, now)
    if kind is list:
        return [_null(evaluate(one, document, now)) for one in expression]
    return expression


def is_operator(expression: Any) -> bool:
    return type(expression) is dict and len(expression) == 1 and next(iter(expression)).startswith("$")


def truth(value: Any) -> bool:
    return not (value is None or value is MISSING or value is False or (type(value) in {int, float} and value == 0))


def _named(text: str, document: Document, now: datetime) -> Any:
    if text.startswith("$$"):
        return _variable(text, document, now)
    return at(document, text[1:])


def _variable(text: str, document: Document, now: datetime) -> Any:
    match text:
        case "$$NOW":
            return now
        case "$$ROOT":
            return document
        case "$$REMOVE":
            return MISSING
        case _:
            raise UnknownToTheSimulation(text)


def _computed(expression: Document, document: Document, now: datetime) -> Any:
    for name, operand in expression.items():
        if name[:1] != "$":
            break
        if len(expression) != 1:
            raise UnknownToTheSimulation(f"an expression with several operators: {sorted(expression)}")
        if name == "$literal":
            return operand
        return _operator(name)(operand, document, now)
    values = ((name, evaluate(inner, document, now)) for name, inner in expression.items())
    return {name: value for name, value in values if value is not MISSING}


Operator = Callable[[Any, Document, datetime], Any]


def _operator(name: str) -> Operator:
    try:
        return _OPERATORS[name]
    except KeyError:
        raise UnknownToTheSimulation(f"the expression {name}") from None


def _null(value: Any) -> Any:
    return None if value is MISSING else value


def _and(operands: list[Any], document: Document, now: datetime) -> bool:
    return all(truth(evaluate(one, document, now)) for one in operands)


def _or(operands: list[Any], document: Document, now: datetime) -> bool:
    return any(truth(evaluate(one, document, now)) for one in operands)


def _not(operand: Any, document: Document, now: datetime) -> bool:
    (only,) = operand if type(operand) is list else [operand]
    return not truth(evaluate(only, document, now))


def _cond(operand: Any, document: Document, now: datetime) -> Any:
    if type(operand) is dict:
        operand = [operand["if"], operand["then"], operand["else"]]
    asked, yes, no = operand
    return evaluate(yes if truth(evaluate(asked, document, now)) else no, document, now)


def _if_null(operands: list[Any], document: Document, now: datetime) -> Any:
    value: Any = MISSING
    for operand in operands:
        value = evaluate(operand, document, now)
        if value is not None and value is not MISSING:
            return value
    return value


def _comparison(says: Callable[[Any, Any], bool]) -> Operator:
    def compare(operands: list[Any], document: Document, now: datetime) -> bool:
        left, right = (evaluate(one, document, now) for one in operands)
        return says(order(left), order(right))

    return compare


def _type(operand: Any, document: Document, now: datetime) -> str:
    return type_name(evaluate(operand, document, now))


def _strict(work: Callable[..., Any], *kinds: type) -> Operator:
    """An operator over a list of values (or one value) of some kinds: null as soon as one is missing."""

    def compute(operands: Any, document: Document, now: datetime) -> Any:
        values = [evaluate(one, document, now) for one in (operands if type(operands) is list else [operands])]
        known = [value for value in values if value is not None and value is not MISSING]
        for value in known:
            if type(value) not in kinds:
                raise UnknownToTheSimulation(f"{work.__name__} of a {type_name(value)}")
        return None if len(known) < len(values) else work(*values)

    return compute


def _add(*values: Any) -> Any:
    moments = [value for value in values if type(value) is datetime]
    if len(moments) > 1:
        raise UnknownToTheSimulation("a sum of moments")
    numbers = [value for value in values if type(value) is not datetime]
    return moments[0] + _span(sum(numbers)) if moments else sum(numbers)


def _subtract(left: Any, right: Any) -> Any:
    if type(left) is datetime:
        return round((left - right) / _MS) if type(right) is datetime else left - _span(right)
    if type(right) is datetime:
        raise UnknownToTheSimulation("a number less a moment")
    return left - right


_MS = timedelta(milliseconds=1)


def _span(milliseconds: float) -> timedelta:
    if type(milliseconds) is float and not milliseconds.is_integer():
        raise UnknownToTheSimulation("a moment and a fraction of a millisecond")
    return timedelta(milliseconds=milliseconds)


def _multiply(*values: Any) -> Any:
    return math.prod(values)


def _divide(left: Any, right: Any) -> float:
    return float(left / right)


def _ceil(value: Any) -> Any:
    return value if type(value) is int else float(math.ceil(value))


def _extreme(choose: Callable[..., Any]) -> Operator:
    def compute(operands: list[Any], document: Document, now: datetime) -> Any:
        values = [evaluate(one, document, now) for one in operands]
        known = [value for value in values if value is not None and value is not MISSING]
        return choose(known, key=order) if known else None

    return compute


def _in(operands: list[Any], document: Document, now: datetime) -> bool:
    value, among = (evaluate(one, document, now) for one in operands)
    if type(among) is not list:
        raise UnknownToTheSimulation(f"to be in a {type_name(among)}")
    return any(order(value) == order(one) for one in among)


def _merge_objects(operands: list[Any], document: Document, now: datetime) -> Document:
    objects = [value for one in operands if (value := evaluate(one, document, now)) not in (None, MISSING)]
    for one in objects:
        if type(one) is not dict:
            raise UnknownToTheSimulation(f"to merge a {type_name(one)}")
    return {name: value for one in objects for name, value in one.items()}


def _concat_arrays(*arrays: list[Any]) -> list[Any]:
    return [one for array in arrays for one in array]


def _slice(array: list[Any], count: int) -> list[Any]:
    return array[count:] if count < 0 else array[:count]


_OPERATORS: dict[str, Operator] = {
    "$and": _and,
    "$or": _or,
    "$not": _not,
    "$cond": _cond,
    "$ifNull": _if_null,
    "$eq": _comparison(lambda left, right: left == right),
    "$ne": _comparison(lambda left, right: left != right),
    "$in": _in,
    "$lt": _comparison(lambda left, right: left < right),
    "$lte": _comparison(lambda left, right: left <= right),
    "$gt": _comparison(lambda left, right: left > right),
    "$gte": _comparison(lambda left, right: left >= right),
    "$type": _type,
    "$add": _strict(_add, int, float, datetime),
    "$subtract": _strict(_subtract, int, float, datetime),
    "$multiply": _strict(_multiply, int, float),
    "$divide": _strict(_divide, int, float),
    "$ceil": _strict(_ceil, int, float),
    "$toInt": _strict(int, int, float),
    "$max": _extreme(max),
    "$min": _extreme(min),
    "$mergeObjects": _merge_objects,
    "$concatArrays": _strict(_concat_arrays, list),
    "$slice": _strict(_slice, list, int),
}
KNOWN = frozenset(_OPERATORS) | {"$literal"}
