"""The legal holidays that calling hours need, as a table for the functions: `python -m local.holiday_table` writes it.

They come from the package `holidays`, which takes most of a second to import and 14 MB: too much for a function that
starts cold, for a few dates a year. What the package leaves out, since only some counties or offices keep it, is added.
"""

import json
from collections.abc import Iterable
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from holidays import country_holidays

YEARS = range(2026, 2041)
STATES = ("AL", "LA", "PA", "RI", "UT")
COUNTRIES = ("AU", "ES", "FR", "IT")
TABLE = Path(__file__).parents[1] / "layers/dialer/dialer/calling/holidays.json"


def table() -> dict[str, Any]:
    """Every calendar, by the name that rows of `rules.json` give it."""
    federal = set(country_holidays("US", years=YEARS))
    calendars = {f"US-{state}": federal | set(country_holidays("US", subdiv=state, years=YEARS)) for state in STATES}
    calendars["US-AL"] |= set(_mardi_gras())
    calendars["US-LA"] |= set(_mardi_gras()) | {date(year, 11, 1) for year in YEARS}  # All Saints
    calendars |= {country: set(country_holidays(country, years=YEARS)) for country in COUNTRIES}
    return {
        "source": f"the Python package holidays {version('holidays')}; Mardi Gras and All Saints added",
        "known_to": date(YEARS[-1], 12, 31).isoformat(),
        "calendars": {name: _written(days) for name, days in calendars.items()},
    }


def _mardi_gras() -> Iterable[date]:
    """Forty-seven days before Easter, which Italy's calendar names."""
    italian = country_holidays("IT", years=YEARS, language="en_US")
    return (day - timedelta(days=47) for day, name in italian.items() if name == "Easter Sunday")


def _written(days: Iterable[date]) -> list[str]:
    """Of the years of the table: a New Year's Day that is observed the day before belongs to the year before."""
    return sorted(day.isoformat() for day in days if day.year in YEARS)


def main() -> None:
    new = table()
    lines = (f"  {json.dumps(name)}: {json.dumps(days)}" for name, days in new.pop("calendars").items())
    head = "".join(f" {json.dumps(name)}: {json.dumps(value)},\n" for name, value in new.items())
    TABLE.write_text("{\n" + head + ' "calendars": {\n' + ",\n".join(lines) + "\n }\n}\n")


if __name__ == "__main__":
    main()
