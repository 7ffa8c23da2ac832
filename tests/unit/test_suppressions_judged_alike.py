"""The command line and the API judge a suppression's columns alike: what one keeps the other takes, and nothing else.

The command line speaks only the API, so each has rules of its own; these hold them together.
"""

import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from cli.suppression_file import NO_COUNTRY, _can_be_kept, parts
from dialer import phones
from dialer.columns import PHONE
from suppressions import SuppressionRow

PIECES = [
    "a", "Z", " ", "-", "_", "7", "123456", "1234567", "٣" * 7, "²" * 7, "é", "\n", "x" * 41, "y" * 195, "+1", "(201)",
    "555", ".", "/", "2026-11-30", "30.11.2026", "²²",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join).filter(str.strip).map(str.strip)


def takes(name: str, text: str) -> bool:
    try:
        SuppressionRow.model_validate({"phone": "+12125550100", name: text})
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("name", PHONE.names)
def test_the_phone_has_the_names_that_it_has_in_a_list(name: str) -> None:
    header = name.replace("_", " ").title()
    (row,) = next(parts(io.StringIO(f"{header},Reason\n+12125550100,asked\n")))
    assert row.said == {"phone": "+12125550100", "reason": "asked"}


def test_a_number_without_a_country_is_refused_in_the_words_that_the_command_line_knows() -> None:
    with pytest.raises(ValueError, match=f"^{NO_COUNTRY}"):
        phones.e164("2125550100")


@given(TEXTS)
@example("x" * 200)
@example("called 12125550100")
def test_a_reason_is_kept_by_both_or_by_neither(text: str) -> None:
    assert _can_be_kept("reason", text) == takes("reason", text)


@pytest.mark.parametrize(
    "text",
    [
        "+1 (201) 555-0142", "201-555-0142", "06.12.34.56.78", "12 34 56 78", "030/123 45 67", "5550142", "²²²² ²²²²",
        "2026-11-30 201 555 0142",
    ],
)  # fmt: skip
def test_no_reason_holds_a_number_however_it_is_written(text: str) -> None:
    assert not takes("reason", f"she has {text} now")
    assert not _can_be_kept("reason", f"she has {text} now")


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-30 10:15", "2026-11-30T10:15:00+01:00", "30.11.2026", "11/30/2026 at 10", "2026-11-30 - 2026-12-02",
        "order 123456", "2 of 3 calls, 45 minutes", "ticket 4711-23",
    ],
)  # fmt: skip
def test_a_reason_may_hold_dates_and_short_numbers(text: str) -> None:
    assert takes("reason", f"asked by mail, {text}")
    assert _can_be_kept("reason", f"asked by mail, {text}")


@given(TEXTS)
@example("x" * 40)
@example("list 7")
def test_a_source_is_kept_by_both_or_by_neither(text: str) -> None:
    assert _can_be_kept("source", text) == takes("source", text)


@pytest.mark.parametrize(
    "text",
    [
        "2025-03-01T09:30:00Z", "2025-03-01T09:30:00+01:00", "2025-03-01 09:30:00+00:00", "2025-03-01T09:30:00",
        "2025-03-01", "03/01/2025", "1999-12-31T23:59:59Z", "2000-01-01T00:00:00Z", "2100-12-31T23:59:59Z",
        "2101-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "soon", "2025-13-01T00:00:00Z",
    ],
)  # fmt: skip
def test_a_moment_is_kept_by_both_or_by_neither(text: str) -> None:
    assert _can_be_kept("at", text) == takes("at", text)
