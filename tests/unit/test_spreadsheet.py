"""Files that people open in a spreadsheet: nothing in them is run."""

import pytest

from dialer.spreadsheet import harmless


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("http://127.0.0.1")', "=1+1", "+cmd|' /C calc'!A0", "-2+cmd|x", "@SUM(A1)", "\t=1", "\r=1", "\n=1",
        " =1+1", "\u00a0=1", "\uff1d1", "\uff0b1x", "+12015550123=x", "--1a",
    ],
)  # fmt: skip
def test_what_a_spreadsheet_would_run_is_marked_as_a_text(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize(
    "cell", ["+12015550123", "-5", "+44 7700 900123", "A-7", "a=b", "", '{"a": 1}', 3, None, "Ada"]
)
def test_phones_numbers_and_plain_texts_stay_as_they_are(cell: object) -> None:
    assert harmless(cell) == cell
