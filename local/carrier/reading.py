"""Reads JSON that came from outside; what is wrong with it is said in one sentence."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

T = TypeVar("T")
Json = Mapping[str, Any]


class MalformedError(ValueError):
    """The JSON does not have the documented shape; the message is the sentence to answer with."""


def mapping(value: object, where: str) -> Json:
    if not isinstance(value, dict):
        raise MalformedError(f"{where} must be an object.")
    return value


def listing(value: object, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise MalformedError(f"{where} must be a list.")
    return value


def number(value: object, where: str, *, least: float = 0) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < least:
        raise MalformedError(f"{where} must be a number of at least {least:g}.")
    return value


def integer(value: object, where: str, *, least: int = 0) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise MalformedError(f"{where} must be a whole number of at least {least}.")
    return value


def text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise MalformedError(f"{where} must be a text that is not empty.")
    return value


def one_of(value: object, where: str, choices: Collection[str]) -> str:
    if value not in choices:
        raise MalformedError(f"{where} must be one of {', '.join(choices)}; it is {value!r}.")
    return str(value)


def only(value: Json, where: str, known: Collection[str]) -> None:
    """Refuse names nobody reads: a misspelt rule must not pass for no rule."""
    for name in value:
        if name not in known:
            raise MalformedError(f"{where} has an unknown name {name!r}; known are {', '.join(known)}.")


def optional(value: Json, name: str, where: str, read: Callable[[object, str], T]) -> T | None:
    return read(value[name], f"{where}.{name}") if value.get(name) is not None else None


def texts(value: object, where: str) -> tuple[str, ...]:
    """A text, or a list of texts."""
    items = [value] if isinstance(value, str) else listing(value, where)
    return tuple(text(item, f"{where}[{index}]") for index, item in enumerate(items))


def integers(value: object, where: str) -> tuple[int, ...]:
    return tuple(integer(item, f"{where}[{i}]", least=1) for i, item in enumerate(listing(value, where)))
