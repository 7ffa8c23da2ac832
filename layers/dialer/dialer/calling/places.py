"""Places and zones: what is known of where an area code, a state, a postal code or a country lies.

`places.json` has what the tz database does not know; the zones of countries are the tz database's own.
"""

import json
import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import tzdata  # type: ignore[import-untyped]  # a folder of data

_TZ = Path(tzdata.__file__).parent / "zoneinfo"
_ALIASES = {"USA": "US", "UK": "GB"}
_ZIP_DIGITS = 5
_CANADIAN = re.compile(r"[A-Z][0-9][A-Z]([ -]?[0-9][A-Z][0-9])?")  # whole, or its first half
WITH_STATES = ("US", "CA")
"""Countries whose states have hours or zones of their own."""


def canonical_zone(written: str) -> str:
    """The name the tz database prefers. Raises ValueError for what is no zone."""
    name = written.strip().replace(" ", "_")
    known = _zones().get(name.lower())
    if known is None:
        raise ValueError(f"timezone {written!r} is not a time zone such as America/New_York")
    return known


def country(written: str) -> str:
    """The ISO 3166 code of a country, from its code or its English name. Raises ValueError."""
    wanted = _ALIASES.get(written.strip().upper(), written.strip().upper())
    for code, name in _countries().items():
        if wanted in {code, name.upper()}:
            return code
    raise ValueError(f"country {written!r} is not a country code such as US")


@cache
def zones_of_country(code: str) -> tuple[str, ...]:
    """Every zone in which a number of this country may ring, when nothing more is known of it."""
    unknown: list[str] = _data()["unknown_zones"].get(code, [])
    return tuple(unknown or sorted({canonical_zone(zone) for zone in _country_zones(code)}))


def zones_of_state(place: str) -> tuple[str, ...]:
    return tuple(_data()["state_zones"].get(place, ()))


def zones_of_area(area: str) -> tuple[str, ...]:
    """Every zone of an area code that lies in several; nothing for the others."""
    return tuple(_data()["area_zones"].get(area, ()))


def place_of_area(area: str) -> str:
    """The state, or the country, of an area code of the North American plan; empty when it is not known."""
    return _places_by_area().get(area, "")


def outermost_zones() -> tuple[str, ...]:
    """Where all of these say that it is time, so do all clocks of the countries that have states, and territories."""
    return tuple(_data()["outermost_zones"])


def state(written: str) -> str:
    """The place of a state, a province or a territory; empty when no such one is known."""
    name = _plainly(written)
    codes = (f"{country_code}-{name.upper()}" for country_code in WITH_STATES)
    return next((code for code in codes if code in _data()["state_zones"]), _data()["state_names"].get(name, ""))


def _plainly(name: str) -> str:
    """Québec is written with its accent and without, D.C. with its points and without."""
    letters = unicodedata.normalize("NFKD", name).replace("&", " and ")
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter) and letter != ".")
    return " ".join(plain.lower().split())


def states_of_postal_code(written: str, country_code: str) -> tuple[str, ...]:
    """The states, provinces or territories of a postal code; none when it is not known."""
    code = written.strip().upper()
    if country_code == "CA":
        return tuple(_data()["postal_letters"].get(code[:1], ())) if _CANADIAN.fullmatch(code) else ()
    digits = code.partition("-")[0]
    if not digits.isdecimal() or len(digits) > _ZIP_DIGITS:
        return ()
    return _states_of_zip(digits.zfill(_ZIP_DIGITS))  # spreadsheets drop the zeros in front


def _states_of_zip(code: str) -> tuple[str, ...]:
    for span, states in _data()["zip"].items():
        first, _, last = span.partition("-")
        if first <= code[: len(first)] <= (last or first):
            return tuple(states)
    return ()


@cache
def _places_by_area() -> dict[str, str]:
    return {area: place for place, areas in _data()["area_states"].items() for area in areas.split()}


@cache
def _zones() -> dict[str, str]:
    """Every zone there is, in small letters, and the name it goes by."""
    lines = [line.split() for line in (_TZ / "tzdata.zi").read_text().splitlines()]
    zones = {line[1] for line in lines if line[:1] == ["Z"]}
    links = {line[2]: line[1] for line in lines if line[:1] == ["L"]}
    return {name.lower(): name for name in zones} | {
        alias.lower(): links.get(target, target) for alias, target in links.items()
    }


@cache
def _countries() -> dict[str, str]:
    return dict(line.split("\t", 1) for line in _lines("iso3166.tab"))


def _country_zones(code: str) -> list[str]:
    return [line.split("\t")[2] for line in _lines("zone.tab") if line.startswith(f"{code}\t")]


def _lines(name: str) -> list[str]:
    return [line for line in (_TZ / name).read_text().splitlines() if not line.startswith("#")]


@cache
def _data() -> dict[str, Any]:
    known: dict[str, Any] = json.loads((Path(__file__).parent / "places.json").read_text())
    return known
