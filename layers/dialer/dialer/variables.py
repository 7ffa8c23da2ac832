"""Variables: columns of a list that mean something only to its sender, found however their names are written."""

import re
from collections.abc import Mapping
from functools import lru_cache

_BETWEEN_WORDS = re.compile(r"[\s_.\-]+")


@lru_cache(maxsize=1024)
def plainly(name: str) -> str:
    """A column's name, however it is written: `Phone Number` is `phone_number`."""
    return _BETWEEN_WORDS.sub("_", name.strip().casefold()).strip("_")


def value_of(variables: Mapping[str, str], name: str) -> str | None:
    """Of the variable with that name; None where there is none."""
    found = name_in(variables, name)
    return None if found is None else variables[found]


def name_in(variables: Mapping[str, str], name: str) -> str | None:
    """That name as these variables have it; None where they have none.

    Spreadsheets write `First Name`: capitals, and what is between words, make no difference unless the list has both.
    """
    if name in variables:
        return name
    plain = plainly(name)
    return next((other for other in variables if plainly(other) == plain), None)
