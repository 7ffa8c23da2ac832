"""Reading a contact list: every good row comes out, every bad one says what to fix, and nothing vanishes."""

import codecs
import csv
import io
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dialer.contact_list import Reject, Row, Sheet, read, read_on, sheet_of
from dialer.errors import BadList
from dialer.model import NewContact, Number
from dialer.phones import dialable, e164
from dialer.variables import value_of
from tests.unit.test_languages import NONE, WRITTEN

ADA = "+12015550123"
KAY = "+447700900123"
JERSEY = "US-NJ New_York"
WIDE = "".join(chr(ord(digit) + 0xFEE0) for digit in ADA)  # as an East Asian keyboard writes it


def rows(
    text: str | bytes, *, region: str | None = None, callers: tuple[str, ...] = (), language: str = ""
) -> list[Row]:
    stream = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    return [row for batch in read(stream, region=region, callers=callers, language=language) for row in batch.rows]


def contacts(text: str | bytes, *, language: str = "") -> list[NewContact]:
    return [row for row in rows(text, language=language) if isinstance(row, NewContact)]


def refusal(text: str | bytes) -> str:
    with pytest.raises(BadList) as refused:
        rows(text)
    return str(refused.value)


def reject(text: str | bytes) -> Reject:
    (only,) = rows(text)
    assert isinstance(only, Reject)
    return only


def test_a_row_is_a_phone_its_country_a_priority_and_all_else_as_variables() -> None:
    (row,) = rows(f"name,phone,priority,city\n Ada , {ADA} , 7 ,Paris\n")
    expected = NewContact(phone=ADA, region=JERSEY, priority=7, vars={"name": "Ada", "city": "Paris"})
    assert (row, row.line) == (expected, 2)


@pytest.mark.parametrize("header", ["phone,name", "Phone,name", "PHONE,name", " phone ,name", '"phone","name"'])
def test_the_phone_column_is_found_however_it_is_written(header: str) -> None:
    assert contacts(f"{header}\n{ADA},Ada\n") == [NewContact(phone=ADA, region=JERSEY, vars={"name": "Ada"})]


@pytest.mark.parametrize(
    "written",
    [
        f"phone,name\r\n{ADA},Zoë\r\n".encode(),
        f"phone,name\r{ADA},Zoë\r".encode(),
        f"phone,name\n{ADA},Zoë".encode(),
        codecs.BOM_UTF8 + f"phone,name\n{ADA},Zoë\n".encode(),
        f"phone,name\n{ADA},Zoë\n".encode("utf-16"),
        codecs.BOM_UTF16_BE + f"phone,name\n{ADA},Zoë\n".encode("utf-16-be"),
        f'"phone","name"\r\n"{ADA}","Zoë"\r\n'.encode(),
        f"\n\nphone,name\n\n,\n{ADA},Zoë\n\n".encode().lstrip(),
    ],
    ids=["CRLF", "CR", "no last line end", "UTF-8 BOM", "UTF-16", "UTF-16 BE", "quoted", "blank lines"],
)
def test_what_spreadsheets_write_is_read(written: bytes) -> None:
    assert contacts(written) == [NewContact(phone=ADA, region=JERSEY, vars={"name": "Zoë"})]


def test_a_quoted_value_may_hold_commas_quotes_and_line_ends() -> None:
    read_ = rows(f'phone,note\n{ADA},"one, ""two""\nthree"\n{KAY},four\n')
    assert [(row.line, row.vars["note"]) for row in read_ if isinstance(row, NewContact)] == [
        (2, 'one, "two"\nthree'),
        (4, "four"),
    ]


def test_a_row_with_too_few_cells_lacks_the_variables_and_is_good() -> None:
    assert contacts(f"phone,name,city\n{ADA},Ada\n") == [NewContact(phone=ADA, region=JERSEY, vars={"name": "Ada"})]


def test_a_header_alone_is_a_list_without_rows() -> None:
    assert rows("phone,name\n") == []


@pytest.mark.parametrize("nothing", ["", " ", "\n\n\r\n", "\t"])
def test_an_empty_list_is_refused(nothing: str) -> None:
    assert refusal(nothing) == "The list is empty: the first line must name the columns, one of them `phone`."


def test_a_list_without_a_phone_column_is_refused_with_what_it_names() -> None:
    assert refusal("name,fax\nAda,1\n") == "The list has no `phone` column; its first line names: name, fax."


def test_a_list_without_a_header_is_refused_and_its_first_row_not_shown() -> None:
    complaint = refusal(f"{ADA},Ada\n{KAY},Kay\n")
    assert complaint == "The list has no header: the first line must name the columns, one of them `phone`."


@pytest.mark.parametrize("header", ["phone,$ref", "phone,$id, $ref "])
def test_a_column_that_the_database_would_read_as_its_own_is_refused(header: str) -> None:
    assert "a column `$ref`" in refusal(f"{header}\n")


def test_other_columns_may_begin_with_a_dollar() -> None:
    assert contacts(f"phone,$id,$odd\n{ADA},1,2\n")[0].vars == {"$id": "1", "$odd": "2"}


@pytest.mark.parametrize("header", ["phone,phone", "phone,Phone", "phone,name,name", "phone,priority,Priority"])
def test_a_column_named_twice_is_refused(header: str) -> None:
    assert refusal(f"{header}\n").startswith("The list names a column twice: ")


@pytest.mark.parametrize(
    "binary",
    [
        b"PK\x03\x04\x14\x00\x06\x00 a spreadsheet's own file",
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
        f"phone\n{ADA}\n".encode("utf-16-le"),
        bytes(range(256)),
        b"\x00",
    ],
    ids=["xlsx", "png", "UTF-16 that does not say so", "all bytes", "a zero"],
)
def test_what_is_not_text_is_refused(binary: bytes) -> None:
    assert "not text" in refusal(binary)


def test_another_encoding_is_refused_in_the_header() -> None:
    assert refusal("phone,prénom\n".encode("latin-1")) == (
        "The list is not UTF-8 text: save it as CSV UTF-8 and import it again."
    )


@pytest.mark.parametrize("good", [0, 1, 5000, 12_345])
def test_another_encoding_further_on_is_refused_and_every_row_before_it_is_read(good: int) -> None:
    text = "phone,name\n" + f"{ADA},Ada\n" * good + f"{KAY},Zoë\n{ADA},Ada\n"
    reading = read(io.BytesIO(text.encode("latin-1")))
    lines: list[int] = []
    with pytest.raises(BadList) as refused:
        lines.extend(row.line for batch in reading for row in batch.rows)
    assert lines == list(range(2, good + 2))
    assert f"not UTF-8 text after line {good + 1}: save it" in str(refused.value)


@pytest.mark.parametrize("header", ['"phone\n', '"phone"x,name\n'])
def test_a_header_that_is_no_csv_is_refused(header: str) -> None:
    assert refusal(header).startswith("The first line cannot be read as CSV: ")


def test_a_row_with_too_many_cells_is_rejected_not_guessed_at() -> None:
    assert reject(f"phone,name\n{ADA},Smith, Ada\n") == Reject(line=2, reason="3 cells, but the header names 2")


def test_a_value_that_is_far_too_long_is_rejected_by_its_column() -> None:
    assert reject(f"phone,name\n{ADA},{'x' * 1001}\n").reason == "name is longer than 1000 characters"


def test_a_row_that_is_no_csv_is_rejected_and_the_next_is_read() -> None:
    bad, good = rows(f'phone,name\n{ADA},"Ada"x\n{KAY},Kay\n')
    assert isinstance(bad, Reject)
    assert bad.line == 2
    assert bad.reason.startswith("not readable as CSV: ")
    assert (good, good.line) == (NewContact(phone=KAY, region="GB Europe/London", vars={"name": "Kay"}), 3)


def test_a_quote_that_is_never_closed_says_which_rows_it_swallowed() -> None:
    good, bad = rows(f'phone,name\n{ADA},Ada\n{KAY},"Kay\n+12015550124,Bo\n+12015550125,Cy\n')
    assert isinstance(good, NewContact)
    assert isinstance(bad, Reject)
    assert bad.line == 3
    assert bad.reason.startswith("lines 3 to 5 are not readable as CSV: ")


@pytest.mark.parametrize("priority", ["high", "1.5", "1e3", "--1", "101", "-101", "9223372036854775808", "9" * 999])
def test_a_priority_that_is_no_whole_number_within_its_bounds_is_rejected(priority: str) -> None:
    assert reject(f"phone,priority\n{ADA},{priority}\n").reason == "priority is not a whole number from -100 to 100"


@pytest.mark.parametrize(
    ("written", "priority"), [("", None), ("0", 0), ("-5", -5), (" 12 ", 12), ("100", 100), ("-100", -100)]
)
def test_a_priority_is_a_whole_number_or_not_said(written: str, priority: int | None) -> None:
    (row,) = rows(f"phone,priority\n{ADA},{written}\n")
    assert isinstance(row, NewContact)
    assert row.priority == priority


@pytest.mark.parametrize(
    ("written", "region", "phone"),
    [
        (ADA, None, ADA),
        ("+1 (201) 555-0123", None, ADA),
        ("+1.201.555.0123", None, ADA),
        ("+1 201 555 0123 ", None, ADA),
        ("\u00a0+1\u2011201\u2011555\u20110123", None, ADA),
        ("'+12015550123", None, ADA),  # a spreadsheet's mark for text
        (WIDE, None, ADA),
        ("2015550123", "US", ADA),
        ("(201) 555-0123", "US", ADA),
        ("1-201-555-0123", "US", ADA),
        ("+44 (0)7700 900123", None, KAY),
        ("07700 900123", "GB", KAY),
        ("0044 7700 900123", "GB", KAY),
        ("011 44 7700 900123", "US", KAY),
        (KAY, "US", KAY),
        ("201.555.0000", "US", "+12015550000"),
    ],
)
def test_a_number_is_understood_in_every_usual_form(written: str, region: str | None, phone: str) -> None:
    assert e164(written, region=region) == phone


@pytest.mark.parametrize(("written", "group"), [(ADA, JERSEY), (KAY, "GB Europe/London")])
def test_a_number_comes_with_the_group_of_all_who_share_its_places_and_zones(written: str, group: str) -> None:
    assert dialable(written)[1] == group


@pytest.mark.parametrize(
    ("header", "cells", "group"),
    [
        ("timezone", "America/Chicago", "US-NJ Chicago,New_York"),
        ("TimeZone", "US/Central", "US-NJ Chicago,New_York"),
        ("zip", "33101", "US-NJ+US-FL Chicago,New_York"),
        ("postal_code", "33101", "US-NJ+US-FL Chicago,New_York"),
        ("state", "Florida", "US-NJ+US-FL Chicago,New_York"),
        ("country,postal_code", "GB,SW1A 1AA", "US-NJ+GB Europe/London,New_York"),
        ("state,zip,country,timezone", ",,,", JERSEY),
    ],
)
def test_columns_that_say_where_somebody_is_add_to_the_group_and_stay_variables(
    header: str, cells: str, group: str
) -> None:
    (contact,) = contacts(f"phone,{header}\n{ADA},{cells}\n")
    assert contact.region == group
    assert contact.vars == dict(zip(header.split(","), cells.split(","), strict=True))


def test_a_time_zone_that_is_none_and_a_number_that_is_shared_are_rejected_with_their_line() -> None:
    assert reject(f"phone,timezone\n{ADA},Eastern\n").reason == (
        "timezone 'Eastern' is not a time zone such as America/New_York"
    )
    assert reject("phone\n+18005550100\n") == Reject(
        line=2, reason="a toll-free number cannot be dialed: nobody knows where it rings"
    )


NO_CODE = "no country code: write the number as +<country><number>"
LENGTH = "too short or too long for its country"
LETTERS = "has letters in it: write digits only"


@pytest.mark.parametrize(
    ("written", "region", "reason"),
    [
        ("", None, "no phone number"),
        ("   ", None, "no phone number"),
        ("'", None, "no phone number"),
        ("2015550123", None, NO_CODE),
        ("07700 900123", None, NO_CODE),
        ("+999 123 456 789", None, NO_CODE),
        ("+", None, "not a phone number"),
        ("n/a", None, "not a phone number"),
        ("-", "US", "not a phone number"),
        ("ada@example.org", "US", "not a phone number"),
        ("+1201555012", None, LENGTH),
        ("+120155501234", None, LENGTH),
        ("+1 911", None, LENGTH),
        ("911", "US", LENGTH),
        ("555-0123", "US", LENGTH),  # a local number: somebody else's when dialed from afar
        ("+1" + "2" * 40, None, "too long"),
        (
            "1.20156E+10",
            "US",
            "the number was turned into scientific notation by a spreadsheet: format the column as text",
        ),
        (
            "4,47701e+11",
            None,
            "the number was turned into scientific notation by a spreadsheet: format the column as text",
        ),
        ("4.47701E11", "GB", LETTERS),
        ("+4930123456.0", None, "the number was turned into a decimal by a spreadsheet: format the column as text"),
        ("4930123456,0", "DE", "the number was turned into a decimal by a spreadsheet: format the column as text"),
        (f"{ADA} ext. 9", None, "has an extension, which cannot be dialed"),
        (f"{ADA}x9", None, "has an extension, which cannot be dialed"),
        (f"{ADA};ext=9", None, "has an extension, which cannot be dialed"),
        (f"{ADA}#9", None, "has an extension, which cannot be dialed"),
        ("+1 800 FLOWERS", None, LETTERS),
        (f"DO NOT CALL {ADA}", None, LETTERS),
        (f"old: {ADA}", None, LETTERS),
        (f"{ADA} {KAY}", None, "not a phone number"),
        (f"{ADA}/{KAY}", None, "not a phone number"),
        (f"{ADA};{KAY}", None, "not a phone number"),
        (f"{ADA} or {KAY}", None, "not a phone number"),
    ],
)
def test_a_number_of_the_wrong_shape_is_rejected_with_what_to_fix(
    written: str, region: str | None, reason: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        e164(written, region=region)


@pytest.mark.parametrize("cells", [f"{ADA}x9,Ada", f"{ADA},Smith,Ada", f"{ADA}9,Ada", f'{ADA},"Ada"x'])
def test_a_reject_never_repeats_the_phone(cells: str) -> None:
    assert ADA[1:] not in reject(f"phone,name\n{cells}\n").reason


@given(content=st.binary(max_size=400))
@example(content=b"phone\n\xff")
@example(content=codecs.BOM_UTF16_LE + b"p")
@example(content=b'phone\n"')
@example(content=b"phone,a\x00b\n1,2")
def test_no_bytes_crash_the_reader(content: bytes) -> None:
    try:
        rows(content, region="US")
    except BadList as refused:
        assert str(refused)  # noqa: PT017  whatever is refused has a sentence


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=12) | st.sampled_from(
    [ADA, KAY, "5"]
)


@given(
    table=st.lists(
        st.lists(CELLS, min_size=1, max_size=4).filter(lambda cells: any(map(str.strip, cells))), max_size=12
    ),
    ending=st.sampled_from(["\n", "\r\n"]),
)
def test_every_row_comes_out_once_as_good_or_rejected_and_in_order(table: list[list[str]], ending: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=ending).writerows([["phone", "a", "b"], *table])
    out = rows(text.getvalue())
    assert len(out) == len(table)
    lines = [row.line for row in out]
    assert lines == sorted(set(lines))
    for row, cells in zip(out, table, strict=True):
        assert isinstance(row, Reject) or e164(cells[0]) == row.phone


def test_a_file_a_pipe_and_bytes_are_read_alike(tmp_path: Path) -> None:
    text = f"phone\n{ADA}\n".encode()
    (tmp_path / "list.csv").write_bytes(text)
    with (tmp_path / "list.csv").open("rb") as buffered:
        from_file = list(read(buffered))
    with (tmp_path / "list.csv").open("rb", buffering=0) as raw:
        from_raw = list(read(raw))
        assert not raw.closed
    assert from_file == from_raw == list(read(io.BytesIO(text)))


MEASURE = """
import io, resource, sys
from dialer.contact_list import read

class Endless(io.RawIOBase):
    left, rest = 200_000, b"phone,name\\n"
    def readable(self): return True
    def readinto(self, into):
        while len(self.rest) < len(into) and self.left:
            self.left -= 1
            self.rest += b"+1201555%04d,Ada %d\\n" % (self.left % 10_000, self.left)
        out, self.rest = self.rest[: len(into)], self.rest[len(into) :]
        into[: len(out)] = out
        return len(out)

peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1)
count = early = 0
for batch in read(Endless(), size=1000):
    count += len(batch.rows)
    early = early or peak() * (count == 20_000)
print(count, peak() - early)
"""


def test_a_list_of_any_length_needs_the_same_memory() -> None:
    """In a process of its own, whose peak nobody else has raised: ten times the rows, hardly a kilobyte more."""
    product = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "layers" / "dialer")}
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True, env=product)
    count, grown_kb = map(int, done.stdout.split())
    assert count == 200_000
    assert grown_kb < 2_000


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_by_which_the_header_names_a_phone(delimiter: str) -> None:
    written = delimiter.join(["name", "phone", "note"]) + "\n" + delimiter.join(['"a,b;c|d"', ADA, "x"]) + "\n"
    assert contacts(written) == [NewContact(phone=ADA, region=JERSEY, vars={"name": "a,b;c|d", "note": "x"})]


def test_a_spreadsheet_s_own_word_about_its_delimiter_is_not_the_header() -> None:
    (row,) = rows(f"sep=;\r\nphone;name\r\n{ADA};Ada\r\n")
    assert (row, row.line) == (NewContact(phone=ADA, region=JERSEY, vars={"name": "Ada"}), 3)


def test_a_header_cell_may_have_a_line_end_in_it() -> None:
    (row,) = rows(f'phone,"full\nname"\n{ADA},Ada\n')
    assert (row, row.line) == (NewContact(phone=ADA, region=JERSEY, vars={"full\nname": "Ada"}), 3)


@pytest.mark.parametrize(
    "header",
    ["phone_number", "Phone Number", "phone-number", "contact_number", "customer_phone", "number1", "to", "Mobile",
     "MSISDN", "Telephone"],
)  # fmt: skip
def test_the_phone_has_many_names(header: str) -> None:
    assert contacts(f"{header},name\n{ADA},Ada\n") == [NewContact(phone=ADA, region=JERSEY, vars={"name": "Ada"})]


def test_beside_a_column_that_says_phone_another_name_for_it_is_a_variable() -> None:
    assert contacts(f"Phone,Mobile\n{ADA},{KAY}\n") == [NewContact(phone=ADA, region=JERSEY, vars={"Mobile": KAY})]


def test_between_two_names_for_the_phone_nobody_chooses() -> None:
    assert refusal("Mobile,Telephone\n") == (
        "The list names one thing twice, as `Mobile` and `Telephone`: rename the columns that you do not mean."
    )


def test_the_named_columns_are_read_and_are_no_variables() -> None:
    (only,) = contacts(
        f'phone,External ID,call_after,metadata\n{ADA},"A-7 ",2026-03-01T09:30:00+01:00,"{{""a"": 1}}"\n'
    )
    assert only == NewContact(
        phone=ADA,
        region=JERSEY,
        external_id="A-7",
        call_after=datetime(2026, 3, 1, 8, 30, tzinfo=UTC),
        vars={"metadata": '{"a": 1}'},
    )


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("external_id", "x" * 201, "external_id is longer than 200 characters"),
        ("call_after", "soon", "call_after is not a moment: write it as 2026-03-01T09:30:00+01:00"),
        ("call_after", "03/01/2026 9:30", "call_after is not a moment: write it as 2026-03-01T09:30:00+01:00"),
        (
            "call_after",
            "2026-03-01T09:30:00",
            "call_after does not say which time zone it means: write it as 2026-03-01T09:30:00+01:00",
        ),
        ("call_after", "0026-03-01T09:30:00Z", "call_after is in no year of this century"),
        ("callback_at", "soon", "callback_at is not a moment: write it as 2026-03-01T09:30:00+01:00"),
    ],
)
def test_a_cell_that_cannot_be_read_is_rejected_by_its_column(column: str, cell: str, reason: str) -> None:
    assert reject(f"phone,{column}\n{KAY},{cell}\n") == Reject(line=2, reason=reason)


OURS = ("+12125550100", "+442079460958")


@pytest.mark.parametrize("header", ["caller_id", "Caller ID", "caller-id"])
@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("+12125550100", OURS[0]), ("(212) 555-0100", OURS[0]), ("12125550100", OURS[0]), ("'+1 212 555 0100", OURS[0]),
        ("+44 20 7946 0958", OURS[1]), ("", ""), (" ", ""),
    ],
)  # fmt: skip
def test_a_row_may_say_from_which_of_the_campaigns_numbers_its_person_is_called(
    header: str, cell: str, number: str
) -> None:
    (row,) = rows(f"phone,{header}\n{ADA},{cell}\n", region="US", callers=OURS)
    assert row == NewContact(phone=ADA, region=JERSEY, caller_id=number)


def test_it_may_do_so_beside_what_says_where_the_person_is() -> None:
    (row,) = rows(f"phone,state,caller_id\n{ADA},NJ,{OURS[0]}\n", callers=OURS)
    assert isinstance(row, NewContact)
    assert row.caller_id == OURS[0]


@pytest.mark.parametrize("callers", [OURS, ()])
@pytest.mark.parametrize("cell", ["+12125550101", "2125550100", "2.12556E+09", "the office", "9" * 30])
def test_a_row_that_names_any_other_number_is_rejected(callers: tuple[str, ...], cell: str) -> None:
    assert rows(f"phone,caller_id\n{ADA},{cell}\n", callers=callers) == [
        Reject(
            line=2,
            reason="caller_id is no number of the campaign's: write one of its from_numbers, such as +12125550100, "
            "or nothing",
        )
    ]


@pytest.mark.parametrize("header", ["language", "Language", " LANGUAGE ", "language_"])
@pytest.mark.parametrize("written", [*WRITTEN, ""])
def test_a_row_may_say_in_which_language_its_person_is_spoken_to(header: str, written: str) -> None:
    found = contacts(f"phone,{header},name\n{ADA},{written},Ada\n", language=written)
    assert found == [NewContact(phone=ADA, region=JERSEY, vars={"name": "Ada", "language": written})]


@pytest.mark.parametrize("written", [one for one in NONE if one == one.strip() and '"' not in one])
def test_a_row_with_what_is_no_language_is_rejected_with_what_to_write(written: str) -> None:
    assert reject(f"phone,language\n{ADA},{written}\n") == Reject(
        line=2, reason="language is no language tag: write it as en-US or es-MX, or nothing"
    )


def test_a_row_with_a_language_that_is_not_spoken_is_rejected_unless_it_is_the_campaigns() -> None:
    text = f"phone,state,language\n{ADA},NJ,cs-CZ\n"
    assert len(contacts(text, language="cs-CZ")) == 1
    (told,) = rows(text, language="en-US")
    assert isinstance(told, Reject)
    assert told.reason == (
        "language is none that can be spoken without a voice: write one that can, as en-US or es-MX, or nothing"
    )


def test_a_list_names_the_language_once() -> None:
    assert refusal("phone,language,Language\n") == "The list names a column twice: language."


DNC_NAMES = ["dnc", "DNC", "do not call", "Do-Not-Call", "do_not_call", "donotcall", "opt out", "Opt_Out", "opted out"]


SAYS_YES = [
    "yes", "Y", " TRUE ", "t", "1", "x", "DNC", "Do Not Call", "stop", "D", "P", "B", "opt-out", "Opted_Out",
    "do-not-call", "DO  NOT  CALL",
]  # fmt: skip


@pytest.mark.parametrize("header", DNC_NAMES)
@pytest.mark.parametrize("cell", SAYS_YES)
def test_whom_the_list_says_not_to_call_is_rejected(header: str, cell: str) -> None:
    told, other = rows(f"phone,{header},name\n{KAY},{cell},Kay\n{ADA},,Ada\n")
    assert told == Reject(line=2, reason="the list says not to call", unwanted=(KAY,))
    assert KAY not in repr(told)
    assert other == NewContact(phone=ADA, region=JERSEY, vars={"name": "Ada"})


@pytest.mark.parametrize("header", DNC_NAMES)
@pytest.mark.parametrize("cell", ["no", "N", " False ", "F", "0", "C", "", " "])
def test_whom_the_list_says_to_call_is_taken_and_the_column_is_no_variable(header: str, cell: str) -> None:
    assert contacts(f"phone,{header}\n{ADA},{cell}\n") == [NewContact(phone=ADA, region=JERSEY)]


@pytest.mark.parametrize("cell", ["maybe", "2024-01-01", "call me", "yes please", "-1"])
def test_whoever_might_have_said_no_is_rejected(cell: str) -> None:
    assert reject(f"phone,Opt Out\n{ADA},{cell}\n").reason == (
        "opt_out says neither yes nor no: write yes where this person must not be called, else no or nothing"
    )


def test_of_several_columns_that_say_not_to_call_any_suffices() -> None:
    found = rows(f"phone,dnc,opt_out\n{ADA},no,yes\n{ADA},yes,no\n{ADA},yes,\n{ADA},no,no\n")
    assert [type(row) for row in found] == [Reject, Reject, Reject, NewContact]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("phone,priority,dnc", f"{ADA},soon,yes"),
        ("phone,call_after,alt_phone,dnc", f"{ADA},soon,12,yes"),
        ("phone,dnc,opt_out", f"{ADA},perhaps,yes"),
    ],
)
def test_who_must_not_be_called_is_known_whatever_else_is_wrong_with_the_row(header: str, row: str) -> None:
    assert reject(f"{header}\n{row}\n").unwanted == (ADA,)


def test_who_must_not_be_called_is_known_by_every_number_of_the_row() -> None:
    assert reject(f"phone,alt_phone,phone_3,dnc\n{ADA},{KAY},{ADA},yes\n").unwanted == (ADA, KAY)


def test_no_other_reject_says_whom_not_to_call() -> None:
    assert [row.unwanted for row in rows(f"phone,dnc\n{ADA},maybe\n12,yes\n") if isinstance(row, Reject)] == [(), ()]


def test_batches_are_not_apart_where_one_brings_in_whom_the_other_says_not_to_call() -> None:
    text = f"phone,dnc\n{ADA},\n{ADA},yes\n{KAY},yes\n"
    adding, barring, other = read(io.BytesIO(text.encode()), size=1)
    assert (adding.is_apart(barring), barring.is_apart(adding), adding.is_apart(other)) == (False, False, True)


@pytest.mark.parametrize("header", ["call_after", "Call After", "not_before", "due_at"])
def test_nobody_is_called_before_the_moment_that_the_list_says(header: str) -> None:
    (only,) = contacts(f"phone,{header}\n{ADA},2026-03-01T09:30:00+01:00\n")
    assert (only.call_after, only.callback_at, only.vars) == (datetime(2026, 3, 1, 8, 30, tzinfo=UTC), None, {})


@pytest.mark.parametrize("header", ["First Name", "first_name", "FIRST-NAME"])
def test_a_variable_keeps_its_name_and_is_found_however_it_is_written(header: str) -> None:
    (only,) = contacts(f"phone,{header},Account ID\n{ADA},Ada,7\n")
    assert only.vars == {header: "Ada", "Account ID": "7"}
    assert (value_of(only.vars, "first_name"), value_of(only.vars, "account_id")) == ("Ada", "7")
    assert value_of(only.vars, "last_name") is None


@pytest.mark.parametrize("header", ["callback_at", "Callback At"])
def test_the_list_says_when_somebody_asked_to_be_called_and_it_may_say_both(header: str) -> None:
    (only,) = contacts(f"phone,{header},not_before\n{ADA},2026-03-01T09:30:00.123456+01:00,2026-03-01T08:00:00Z\n")
    assert only.callback_at == datetime(2026, 3, 1, 8, 30, 0, 123_000, tzinfo=UTC)
    assert (only.call_after, only.vars) == (datetime(2026, 3, 1, 8, tzinfo=UTC), {})


@pytest.mark.parametrize(
    "header", ["phone,alt_phone", "Phone,Phone 2", "number1,number2", "phone,alternate_phone_1", "phone,phone_number_2"]
)
def test_a_person_may_have_another_number(header: str) -> None:
    (row,) = rows(f"{header}\n{ADA},+44 7700 900123\n")
    assert isinstance(row, NewContact)
    assert (row.phone, row.vars) == (ADA, {})
    assert row.alternates == (Number(phone="+447700900123", region="GB Europe/London"),)


def test_numbers_are_tried_in_the_order_of_their_names_each_once_and_an_empty_cell_is_none() -> None:
    first, second = "+12015550102", "+12015550103"
    text = f"alt_phone_3,phone,phone_2,phone_3\n{second},{ADA},{first},\n{ADA},{ADA},{first},{first}\n"
    one, other = rows(text)
    assert isinstance(one, NewContact)
    assert isinstance(other, NewContact)
    assert [number.phone for number in one.alternates] == [first, second]
    assert [number.phone for number in other.alternates] == [first]


def test_another_number_that_is_none_rejects_the_row_and_says_so() -> None:
    (reject,) = rows(f"phone,phone_2\n{ADA},12\n")
    assert isinstance(reject, Reject)
    assert reject.reason.startswith("an alternate number: ")


def test_a_row_may_have_an_alternate_and_must_have_a_phone() -> None:
    (reject,) = rows(f"phone,phone_2\n,{ADA}\n")
    assert isinstance(reject, Reject)
    assert reject.reason == "no phone number"


def test_empty_cells_at_the_end_of_a_row_are_a_spreadsheet_s_and_no_reject() -> None:
    assert contacts(f"phone,name\n{ADA},Ada,,\n") == [NewContact(phone=ADA, region=JERSEY, vars={"name": "Ada"})]


def test_a_number_that_a_spreadsheet_was_told_to_leave_alone_is_read() -> None:
    assert [row.phone for row in contacts(f'phone\n"=""{ADA}"""\n="{KAY}"\n')] == [ADA, KAY]


def test_a_line_that_never_ends_is_refused_and_not_kept_in_memory() -> None:
    assert "longer than 1,000,000 characters" in refusal(b"phone\n" + b"1" * 1_000_001)


def opened(text: bytes) -> Sheet:
    return sheet_of(io.BytesIO(text))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_a_reading_goes_on_from_behind_any_row(encoding: str, ending: str) -> None:
    """Whatever a row holds, the next begins where the row says: line ends in quotes, letters of many bytes, rejects."""
    names = ["Ada", "Zoë", '"one, ""two""\n\nthree"', "", "日本", "x" * 9000, '"a"b']
    lines = [f"{phone},{name}" for phone in (ADA, KAY, "911") * 4 for name in names]  # more than one block
    written = ending.join(["phone,name", *lines, ""]).encode(encoding)
    sheet = opened(written)
    rest = written[sheet.begins.offset :]
    one_by_one = list(read_on(io.BytesIO(rest), sheet, place=sheet.begins, size=1))
    whole = [row for batch in one_by_one for row in batch.rows]
    assert whole == rows(written)
    assert len(whole) == len(one_by_one) == len(lines)
    for count, batch in enumerate(one_by_one, start=1):
        behind = read_on(io.BytesIO(written[batch.after.offset :]), sheet, place=batch.after)
        after = [row for more in behind for row in more.rows]
        assert after == whole[count:]
        assert [row.line for row in after] == [row.line for row in whole[count:]]
    assert one_by_one[-1].after.offset == len(written)


def test_batches_of_long_rows_are_small() -> None:
    """Five thousand rows of a megabyte would not fit into a function's memory."""
    columns = ["phone", *(f"v{n}" for n in range(500))]
    row = ",".join([ADA, *["x" * 100] * 500]) + "\n"
    written = (",".join(columns) + "\n" + row * 400).encode()
    batches = list(read(io.BytesIO(written)))
    assert sum(len(batch.rows) for batch in batches) == 400
    assert max(len(batch.rows) for batch in batches) * len(row) < 9 * 2**20


def test_a_row_with_a_zero_byte_is_rejected_and_the_others_are_read() -> None:
    """At its beginning it is no list at all."""
    *_, bad, good = rows("phone,name\n" + f"{ADA},{'x' * 900}\n" * 5 + f"{ADA},A\0da\n{KAY},Kay\n")
    assert bad == Reject(line=7, reason="has a zero byte in it: the file is damaged, or was not saved as text")
    assert isinstance(good, NewContact)
