"""The table of holidays is what the package says, and it has what the states' own rules name."""

import json
from datetime import date

import pytest

from local.holiday_table import TABLE, YEARS, table

CALENDARS: dict[str, list[str]] = json.loads(TABLE.read_text())["calendars"]


def test_the_table_is_the_packages_own_of_today() -> None:
    """After an upgrade of the package: `python -m local.holiday_table` writes it anew, and `rule_version` is raised."""
    assert json.loads(TABLE.read_text()) == table()


@pytest.mark.parametrize(
    ("calendar", "day"),
    [
        ("US-AL", "2027-02-09"),  # Mardi Gras
        ("US-AL", "2026-04-27"),  # Confederate Memorial Day
        ("US-AL", "2026-06-01"),  # Jefferson Davis
        ("US-LA", "2027-02-09"),
        ("US-LA", "2027-03-26"),  # Good Friday
        ("US-LA", "2027-11-01"),  # All Saints
        ("US-RI", "2026-08-10"),  # Victory Day
        ("US-UT", "2026-07-24"),  # Pioneer Day
        ("US-PA", "2026-07-03"),  # Independence Day falls on a Saturday: observed on the Friday
        ("US-PA", "2026-07-04"),
        ("AU", "2027-04-25"),
        ("FR", "2026-07-14"),
        ("ES", "2026-10-12"),
        ("IT", "2026-06-02"),
    ],
)
def test_a_holiday_is_in_its_calendar(calendar: str, day: str) -> None:
    assert day in CALENDARS[calendar]


@pytest.mark.parametrize("calendar", CALENDARS)
def test_every_year_of_a_calendar_is_complete_and_in_order(calendar: str) -> None:
    days = CALENDARS[calendar]
    assert days == sorted(set(days))
    for year in YEARS:
        assert sum(date.fromisoformat(day).year == year for day in days) >= 7
