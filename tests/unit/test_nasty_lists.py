"""Files as people really send them: each is read, or rejected row by row, or refused with what to do; none is guessed.

The files are in `nasty_lists`, byte for byte. Numbers without a country are read as American.
"""

import io
from pathlib import Path

import pytest

from dialer.contact_list import Reject, read
from dialer.errors import BadList

FOLDER = Path(__file__).parent / "nasty_lists"
ADA, BO, CY, DI = (f"+1201555010{n}" for n in range(1, 5))
SCIENTIFIC = "the number was turned into scientific notation by a spreadsheet: format the column as text"
DECIMAL = "the number was turned into a decimal by a spreadsheet: format the column as text"
LENGTH = "too short or too long for its country"
NO_NUMBER = "not a phone number"
EMPTY = "The list is empty: the first line must name the columns, one of them `phone`."
NO_TEXT = "The list is not text: save it as CSV (comma-separated, UTF-8)."
NO_UTF8 = "save it as CSV UTF-8 and import it again"
KEPT = f"{NO_UTF8}; rows already imported are kept and will be skipped."
READ: dict[str, list[tuple[int, str]]] = {
    "utf8_bom.csv": [(2, ADA)],
    "utf16_le.csv": [(2, ADA), (3, BO)],
    "utf16_be.csv": [(2, ADA)],
    "semicolon.csv": [(2, ADA), (3, BO)],
    "tab.csv": [(2, ADA), (3, BO)],
    "pipe.csv": [(2, ADA), (3, BO)],
    "quote_unclosed.csv": [(2, ADA), (3, "lines 3 to 4 are not readable as CSV: unexpected end of data")],
    "quote_in_the_middle.csv": [(2, ADA), (3, "not readable as CSV: ',' expected after '\"'"), (4, CY)],
    "scientific.csv": [(2, SCIENTIFIC), (3, SCIENTIFIC), (4, ADA)],
    "excel_text_formula.csv": [(2, ADA), (3, BO)],
    "leading_apostrophes.csv": [(2, ADA), (3, BO)],
    "dates.csv": [(2, LENGTH), (3, LENGTH), (4, LENGTH)],
    "decimals.csv": [(2, DECIMAL), (3, DECIMAL)],
    "mixed_line_ends.csv": [(2, ADA), (3, BO), (4, CY), (7, DI)],
    "header_alias.csv": [(2, ADA)],
    "header_empty_names.csv": [(2, ADA)],
    "header_only.csv": [],
    "columns_500.csv": [(2, ADA), (3, "501 cells, but the header names 500")],
    "formulas.csv": [(2, ADA), (3, BO)],
    "invisible.csv": [(2, ADA), (3, BO), (4, CY), (5, DI)],
    "other_digits.csv": [(2, ADA), (3, BO), (4, CY), (5, NO_NUMBER), (6, NO_NUMBER)],
    "repeated.csv": [(2, ADA), (3, ADA), (4, BO), (5, ADA)],
    "spreadsheet_rest.csv": [(2, ADA), (4, BO), (5, "no phone number")],
    "two_numbers_in_a_cell.csv": [(2, NO_NUMBER), (3, NO_NUMBER)],
    "zero_byte_further_on.csv": [
        *((line, ADA) for line in range(2, 7)),
        (7, "has a zero byte in it: the file is damaged, or was not saved as text"),
        (8, CY),
    ],
}
REFUSED: dict[str, tuple[list[tuple[int, str]], str]] = {
    "utf16_without_mark.csv": ([], NO_TEXT),
    "utf16_cut_off.csv": ([(2, ADA)], f"The list is not UTF-8 text after line 2: {KEPT}"),
    "latin1_rows.csv": ([(2, ADA)], f"The list is not UTF-8 text after line 2: {KEPT}"),
    "latin1_header.csv": ([], f"The list is not UTF-8 text: {NO_UTF8}."),
    "zero_bytes.csv": ([], NO_TEXT),
    "quote_unclosed_in_header.csv": ([], "The first line cannot be read as CSV: unexpected end of data."),
    "header_repeated.csv": ([], "The list names a column twice: name."),
    "header_two_phones.csv": (
        [],
        "The list names one thing twice, as `mobile` and `telephone`: rename the columns that you do not mean.",
    ),
    "header_missing.csv": (
        [],
        "The list has no header: the first line must name the columns, one of them `phone`.",
    ),
    "empty.csv": ([], EMPTY),
    "only_blank_lines.csv": ([], EMPTY),
    "only_a_mark.csv": ([], EMPTY),
    "xlsx_renamed.csv": (
        [],
        "The file is a spreadsheet or an archive and not text: open it and save it as CSV UTF-8.",
    ),
    "vcard.csv": ([], "The list has no `phone` column; its first line names: BEGIN:VCARD."),
}


def outcome(content: bytes) -> tuple[list[tuple[int, str]], str]:
    """Every row as its line and phone, or its line and reason; and why the list was refused, if it was."""
    out: list[tuple[int, str]] = []
    try:
        for batch in read(io.BytesIO(content), region="US"):
            out += [(row.line, row.reason if isinstance(row, Reject) else row.phone) for row in batch.rows]
    except BadList as refused:
        return out, str(refused)
    return out, ""


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.iterdir()))
def test_a_nasty_file_has_its_outcome(name: str) -> None:
    """A new file needs a line in one of the tables above."""
    expected = REFUSED[name] if name in REFUSED else (READ[name], "")
    assert outcome((FOLDER / name).read_bytes()) == expected


def test_every_outcome_has_its_file() -> None:
    assert {path.name for path in FOLDER.iterdir()} == READ.keys() | REFUSED.keys()


@pytest.mark.parametrize("start", [b"", b"phone\n+12015550101\n"], ids=["at once", "after a row"])
def test_ten_megabytes_in_one_line_are_no_list(start: bytes) -> None:
    rows, refusal = outcome(start + b"1" * 10_000_000)
    assert rows == ([(2, ADA)] if start else [])
    assert refusal == f"Line {3 if start else 1} is longer than 1,000,000 characters: this is no list."


def test_a_quote_that_is_never_closed_swallows_a_bounded_part_of_a_list() -> None:
    """What it swallowed is one reject that says which lines; the rows behind are read."""
    rows, refusal = outcome(b'phone,name\n+12015550101,"Ada\n' + b"+12015550102,Bo\n" * 100_000)
    assert refusal == ""
    assert rows[0][1].startswith("lines 2 to ")
    assert sum(phone == BO for _, phone in rows) > 30_000
