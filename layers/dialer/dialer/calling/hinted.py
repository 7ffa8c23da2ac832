"""Which columns of a list say where somebody is, by their names, and which of them a zone group was made with.

It needs no numbering plans: the dial, which must start quickly, asks it.
"""

from collections.abc import Mapping
from functools import lru_cache

from dialer.calling import places
from dialer.calling.group import country_of
from dialer.variables import plainly

NUMBER_ALONE = "number"
_HINTS = {
    "timezone": "timezone",
    "time_zone": "timezone",
    "postal_code": "postal_code",
    "zip": "postal_code",
    "state": "state",
    "country": "country",
}
"""Columns that say where somebody is, and which hint they are. They stay variables too."""
_READ_ANYWHERE = ("timezone", "country")
_IN_ORDER = ("timezone", "postal_code", "state", "country")
_NORTH_AMERICA = frozenset({
    "AG", "AI", "AS", "BB", "BM", "BS", "CA", "DM", "DO", "GD", "GU", "JM", "KN", "KY", "LC", "MP", "MS", "PR", "SX",
    "TC", "TT", "US", "VC", "VG", "VI",
})  # fmt: skip
"""Whose states and postal codes are read: the countries of the North American plan."""


def hint_named(name: str) -> str:
    """Which hint a variable is; empty for one that says nothing of where somebody is."""
    return _HINTS.get(plainly(name), "")


def hints_said(variables: Mapping[str, str]) -> dict[str, str]:
    """What somebody's variables say of where they are, by hint; of two columns that are one hint, the last."""
    return {hint: cell for name, cell in variables.items() if cell and (hint := hint_named(name))}


def zone_source(region: str, variables: Mapping[str, str]) -> str:
    """What a zone group was made from: `number`, or `number, postal_code, state`; empty where nobody knows of any.

    A hint that was not understood is named too, for it widened the group; one that was not read, as a state outside
    North America is not, made nothing of it. A country alone is from before there were groups, and hints.
    """
    if not region:
        return ""
    said = hints_said(variables)
    return _source(country_of(region), frozenset(said), said.get("country", "")) if " " in region else NUMBER_ALONE


@lru_cache(maxsize=1024)
def _source(own: str, said: frozenset[str], country: str) -> str:
    try:
        there = places.country(country) if country else own
    except ValueError:  # there was a time when nobody looked: such hints made no group
        return NUMBER_ALONE
    read = _IN_ORDER if {own, there} & _NORTH_AMERICA else _READ_ANYWHERE
    return ", ".join([NUMBER_ALONE, *(hint for hint in read if hint in said)])
