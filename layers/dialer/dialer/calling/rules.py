"""The rules of calling hours, which are data: the rows that hold for a place, a purpose and a voice.

`rules.json` has every row with its source; which purposes a row holds for is decided in
docs/decisions/0012-who-may-be-called-when.md. Rows of a place, of its country and of every place hold together.
"""

import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from dialer.calling.week import Week, minutes
from dialer.model import Purpose, Voice

UNKNOWN_STATE = "US-?"
"""Somewhere in the United States: the strictest row of all of them."""
_EVERYWHERE = "*"
_ELSEWHERE = "elsewhere"
_HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Row:
    """One rule: when people of a place may be called, for some purposes, by some kinds of voice."""

    id: str
    place: str
    purposes: frozenset[Purpose]
    voices: frozenset[Voice]
    week: Week
    holidays: frozenset[date]
    holidays_known_to: date | None
    source: str

    def holds_for(self, purpose: Purpose, voice: Voice) -> bool:
        return purpose in self.purposes and voice in self.voices


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
    where = UNKNOWN_STATE if place == "US" else place
    country = where[:2]
    holding = [row for row in every_row() if row.holds_for(purpose, voice)]
    countries = {row.place[:2] for row in holding}
    wanted = {_EVERYWHERE, country, where} | (set() if country in countries else {_ELSEWHERE})
    return tuple(row for row in holding if row.place in wanted)


def _row(written: dict[str, Any]) -> Row:
    calendar = written["holidays"]
    return Row(
        id=written["id"],
        place=written["place"],
        purposes=frozenset(map(Purpose, written["purposes"])),
        voices=frozenset(map(Voice, written["voices"])),
        week=_week(written),
        holidays=_calendar(calendar) if calendar else frozenset(),
        holidays_known_to=date.fromisoformat(_read("holidays")["known_to"]) if calendar else None,
        source=written["source"],
    )


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
