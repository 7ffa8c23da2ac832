"""The lock's table in memory with the shape of boto3's DynamoDB client: it reads the expressions the adapter sends."""

import re
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from tests.simulation.collection import Wire, at_once
from tests.simulation.values import UnknownToTheSimulation

Item = dict[str, dict[str, str]]
_WORDS = re.compile(r"\s*(\(|\)|,|=|<=|>=|<>|<|>|\+|-|[#:]?\w+)")


class LockTable:
    """One table, one verb. Anything that it does not know raises."""

    def __init__(self, *, wire: Wire = at_once) -> None:
        self.items: dict[str, Item] = {}
        self._wire = wire

    def update_item(
        self,
        *,
        TableName: str,  # noqa: N803
        Key: Item,  # noqa: N803
        UpdateExpression: str,  # noqa: N803
        ConditionExpression: str,  # noqa: N803
        ExpressionAttributeNames: dict[str, str],  # noqa: N803
        ExpressionAttributeValues: dict[str, dict[str, str]],  # noqa: N803
        ReturnValues: str,  # noqa: N803
        ReturnValuesOnConditionCheckFailure: str,  # noqa: N803
    ) -> dict[str, Item]:
        if (ReturnValues, ReturnValuesOnConditionCheckFailure) != ("ALL_NEW", "ALL_OLD"):
            raise UnknownToTheSimulation("what an update returns")

        def do() -> dict[str, Item]:
            ((key, named),) = Key.items()
            before = self.items.get(named["S"], {})
            words = _Words(before, ExpressionAttributeNames, ExpressionAttributeValues)
            if not words.condition(ConditionExpression):
                raise _taken(before)
            after = words.update(UpdateExpression) | {key: named}
            self.items[named["S"]] = after
            return {"Attributes": dict(after)}

        return self._wire("lock.update_item", do)


def _taken(item: Item) -> ClientError:
    error: Any = {"Error": {"Code": "ConditionalCheckFailedException", "Message": "The conditional request failed"}}
    return ClientError(error | ({"Item": dict(item)} if item else {}), "UpdateItem")


class _Words:
    """Reads one expression after the other, over one item."""

    def __init__(self, item: Item, names: dict[str, str], values: dict[str, dict[str, str]]) -> None:
        self._item = item
        self._names = names
        self._values = values
        self._words: list[str] = []

    def condition(self, text: str) -> bool:
        self._words = _split(text)
        says = self._either()
        self._finished()
        return says

    def update(self, text: str) -> Item:
        self._words = _split(text)
        after = dict(self._item)
        match self._next():
            case "SET":
                after.update(self._listed(self._assignment))
            case "REMOVE":
                for name in self._listed(self._name):
                    after.pop(name, None)
            case other:
                raise UnknownToTheSimulation(f"the update {other}")
        self._finished()
        return after

    def _listed(self, one: Callable[[], Any]) -> list[Any]:
        read = [one()]
        while self._peek() == ",":
            self._next()
            read.append(one())
        return read

    def _assignment(self) -> tuple[str, dict[str, str]]:
        name = self._name()
        self._expect("=")
        value = self._value()
        if self._peek() == "+":
            self._next()
            value = {"N": str(int(_needed(value)["N"]) + int(_needed(self._value())["N"]))}
        return name, _needed(value)

    def _either(self) -> bool:
        says = self._both()
        while self._peek() == "OR":
            self._next()
            says = self._both() or says
        return says

    def _both(self) -> bool:
        says = self._one()
        while self._peek() == "AND":
            self._next()
            says = self._one() and says
        return says

    def _one(self) -> bool:
        if self._peek() in {"attribute_not_exists", "attribute_exists"}:
            wanted = self._next() == "attribute_exists"
            self._expect("(")
            name = self._name()
            self._expect(")")
            return (name in self._item) == wanted
        left = self._value()
        return _compare(left, self._next(), self._value())

    def _value(self) -> dict[str, str] | None:
        word = self._next()
        if word == "if_not_exists":
            self._expect("(")
            name = self._name()
            self._expect(",")
            fallback = self._value()
            self._expect(")")
            return self._item.get(name, fallback)
        return self._values[word] if word.startswith(":") else self._item.get(self._names.get(word, word))

    def _name(self) -> str:
        word = self._next()
        return self._names[word] if word.startswith("#") else word

    def _next(self) -> str:
        return self._words.pop(0)

    def _peek(self) -> str:
        return self._words[0] if self._words else ""

    def _expect(self, word: str) -> None:
        if self._next() != word:
            raise UnknownToTheSimulation(f"an expression without {word}")

    def _finished(self) -> None:
        if self._words:
            raise UnknownToTheSimulation(f"an expression that goes on with {self._words}")


def _needed(value: dict[str, str] | None) -> dict[str, str]:
    if value is None:
        raise UnknownToTheSimulation("an update from an attribute that is not there")
    return value


def _compare(left: dict[str, str] | None, operator: str, right: dict[str, str] | None) -> bool:
    """An attribute that is not there, or is of another type, fulfils no comparison."""
    if left is None or right is None or set(left) != set(right):
        return False
    ((kind, one),), ((_, other),) = left.items(), right.items()
    a, b = (int(one), int(other)) if kind == "N" else (one, other)
    match operator:
        case "=":
            return a == b
        case "<":
            return a < b  # type: ignore[operator]
        case _:
            raise UnknownToTheSimulation(f"the comparison {operator}")


def _split(text: str) -> list[str]:
    words, place = [], 0
    while place < len(text.rstrip()):
        found = _WORDS.match(text, place)
        if found is None:
            raise UnknownToTheSimulation(f"the expression {text!r}")
        words.append(found[1])
        place = found.end()
    return words
