"""What the command line prints for people: moments on their own clock, and no moment where there is none."""

from datetime import UTC, datetime

import pytest

from cli.printing import moment


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-03-02T15:00:00Z", f"{datetime(2026, 3, 2, 15, tzinfo=UTC).astimezone():%Y-%m-%d %H:%M:%S %Z}"),
        ("9999-01-01T00:00:00Z", "when released"),
        ("2026-03-02", "2026-03-02"),
        ("no-answer", "no-answer"),
    ],
)
def test_who_is_on_hold_is_due_when_released_and_in_no_year_of_ours(text: str, said: str) -> None:
    assert moment(text) == said
