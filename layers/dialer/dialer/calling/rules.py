"""The rules of calling hours and of caps, which are data: the rows that hold for a place, a purpose and a voice.

`rules.json` has every row with its source; which purposes a row holds for is decided in
docs/decisions/0012-who-may-be-called-when.md. Rows of a place, of its country and of every place hold together.
"""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from dialer.calling.week import Week, minutes
from dialer.model import Cap, Purpose, Voice

UNKNOWN_STATE = "US-?"
"""Somewhere in the United States: the strictest row of all of them."""
_EVERYWHERE = "*"
_ELSEWHERE = "elsewhere"
_HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class _Rule:
    """What every rule has: where it holds, for which purposes, by which kinds of voice."""

    id: str
    place: str
    purposes: frozenset[Purpose]
    voices: frozenset[Voice]
    source: str

    def holds_for(self, purpose: Purpose, voice: Voice) -> bool:
        return purpose in self.purposes and voice in self.voices


@dataclass(frozen=True, kw_only=True)
class Row(_Rule):
    """When people of a place may be called."""

    week: Week
    holidays: frozenset[date]
    holidays_known_to: date | None


@dataclass(frozen=True, kw_only=True)
class CapRow(_Rule):
    """How often they may be."""

    cap: Cap


@cache
def rule_version() -> str:
    """The date of the rules, which every decision records."""
    return str(_read("rules")["rule_version"])


@cache
def every_row() -> tuple[Row, ...]:
    return tuple(_row(written) for written in _read("rules")["rows"])


@cache
def rows_for(place: str, purpose: Purpose, voice: Voice) -> tuple[Row, ...]:
    """Every row that holds there, the country's own included. A state that is not known has the strictest row."""
    where = _ruled_as(place)
    country = where[:2]
    holding = [row for row in every_row() if row.holds_for(purpose, voice)]
    countries = {row.place[:2] for row in holding}
    wanted = {_EVERYWHERE, country, where} | (set() if country in countries else {_ELSEWHERE})
    return tuple(row for row in holding if row.place in wanted)


@cache
def every_cap() -> tuple[CapRow, ...]:
    return tuple(_cap(written) for written in _read("rules")["caps"])


@cache
def caps_for(place: str, purpose: Purpose, voice: Voice) -> tuple[Cap, ...]:
    """What the law of a place caps such calls at. A state that is not known has the strictest caps of all of them."""
    where = _ruled_as(place)
    return tuple(row.cap for row in every_cap() if row.place == where and row.holds_for(purpose, voice))


def _ruled_as(place: str) -> str:
    return UNKNOWN_STATE if place == "US" else place


def _row(written: dict[str, Any]) -> Row:
    calendar = written["holidays"]
    return Row(
        week=_week(written),
        holidays=_calendar(calendar) if calendar else frozenset(),
        holidays_known_to=date.fromisoformat(_read("holidays")["known_to"]) if calendar else None,
        **_scope(written),
    )


def _cap(written: dict[str, Any]) -> CapRow:
    name = f"{written['id']}, rules {rule_version()}"
    cap = Cap(name=name, most=written["most"], within=timedelta(hours=written["within_h"]))
    return CapRow(cap=cap, **_scope(written))


def _scope(written: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": written["id"],
        "place": written["place"],
        "purposes": frozenset(map(Purpose, written["purposes"])),
        "voices": frozenset(map(Voice, written["voices"])),
        "source": written["source"],
    }


def _week(written: dict[str, Any]) -> Week:
    weekday, saturday, sunday = (
        tuple((minutes(span[:5]), minutes(span[6:])) for span in written[days]) for days in ("mon_fri", "sat", "sun")
    )
    return Week(days=(*[weekday] * 5, saturday, sunday))


@cache
def _calendar(name: str) -> frozenset[date]:
    """A place's legal holidays; of an unknown state, those of every state whose rows know any."""
    calendars = _read("holidays")["calendars"]
    wanted = [one for one in calendars if one.startswith("US-")] if name == UNKNOWN_STATE else [name]
    return frozenset(date.fromisoformat(day) for one in wanted for day in calendars[one])


@cache
def _read(name: str) -> dict[str, Any]:
    known: dict[str, Any] = json.loads((_HERE / f"{name}.json").read_text())
    return known
