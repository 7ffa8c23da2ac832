"""Reading a contact list: CSV with a header row, a `phone` column, and any other columns as variables.

Rows come out one by one, so a list of any length needs the same memory.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import phonenumbers

from dialer.errors import BadList
from dialer.model import NewContact

if TYPE_CHECKING:
    from _csv import Reader

_PHONE = "phone"
_PRIORITY = "priority"
_LONGEST_VALUE = 1000
_PEEK = 4096
_DECIMAL = re.compile(r"[.,]0$")
PRIORITIES = range(-100, 101)  # a tick looks at each priority in turn: a few hundred are quick, a million are not
_DIGITS_OF_A_PHONE = 7
csv.field_size_limit(1_000_000)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A good row."""

    line: int
    contact: NewContact


@dataclass(frozen=True, kw_only=True)
class Reject:
    """A row that cannot be dialed, and what to fix. The phone itself is never repeated here."""

    line: int
    reason: str


def read(stream: IO[bytes], *, region: str | None = None) -> Iterator[Row | Reject]:
    """The rows of a list, in order. `region` is the country of numbers written without one.

    Raises BadList when nothing can be read: no header, no phone column, not text.
    """
    with _text(stream) as text:
        reader = csv.reader(text, dialect=csv.excel, strict=True)
        yield from _rows(reader, _header(reader), region)


def e164(written: str, *, region: str | None = None) -> tuple[str, str]:
    """A phone number in E.164 form and its country. Raises ValueError with what is wrong with it.

    Stricter than a person would be: a number that is guessed at is somebody else's.
    """
    number = written.strip().lstrip("'")
    if not number:
        raise ValueError("no phone number")
    if "E+" in number.upper():
        raise ValueError("the number was turned into scientific notation by a spreadsheet: format the column as text")
    if _DECIMAL.search(number):
        raise ValueError("the number was turned into a decimal by a spreadsheet: format the column as text")
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException as wrong:
        raise ValueError(_PARSE_ERRORS.get(wrong.error_type, "not a phone number")) from None
    if parsed.extension:
        raise ValueError("has an extension, which cannot be dialed")
    if any(character.isalpha() for character in number):
        raise ValueError("has letters in it: write digits only")
    if phonenumbers.is_possible_number_with_reason(parsed) != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise ValueError("too short or too long for its country")
    country = phonenumbers.region_code_for_number(parsed) or phonenumbers.region_code_for_country_code(
        parsed.country_code or 0
    )
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164), country


_PARSE_ERRORS = {
    phonenumbers.NumberParseException.INVALID_COUNTRY_CODE: "no country code: write the number as +<country><number>",
    phonenumbers.NumberParseException.NOT_A_NUMBER: "not a phone number",
    phonenumbers.NumberParseException.TOO_SHORT_AFTER_IDD: "too short",
    phonenumbers.NumberParseException.TOO_SHORT_NSN: "too short",
    phonenumbers.NumberParseException.TOO_LONG: "too long",
}


@contextmanager
def _text(stream: IO[bytes]) -> Iterator[io.TextIOWrapper]:
    """The list as text: UTF-8, or UTF-16 when the file says so, as spreadsheets write them. It stays the caller's."""
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[type-var]
    try:
        text = io.TextIOWrapper(buffered, encoding=_encoding(buffered.peek(_PEEK)[:_PEEK]), newline="")
        try:
            yield text
        finally:
            text.detach()
    finally:
        if buffered is not stream:
            buffered.detach()


def _encoding(start: bytes) -> str:
    if not start.strip():
        raise BadList("The list is empty: the first line must name the columns, one of them `phone`.")
    utf16 = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if b"\0" in start and not utf16:
        raise BadList("The list is not text: save it as CSV (comma-separated, UTF-8).")
    return "utf-16" if utf16 else "utf-8-sig"


def _header(reader: Iterator[list[str]]) -> list[str]:
    try:
        header = [cell.strip() for cell in next(reader)]
    except StopIteration:
        raise BadList("The list is empty: the first line must name the columns, one of them `phone`.") from None
    except UnicodeDecodeError:
        raise BadList("The list is not UTF-8 text: save it as CSV UTF-8 and import it again.") from None
    except csv.Error as wrong:
        raise BadList(f"The first line cannot be read as CSV: {wrong}.") from None
    header = [name.lower() if name.lower() in {_PHONE, _PRIORITY} else name for name in header]
    if _PHONE not in header and any(_looks_like_a_phone(name) for name in header):
        raise BadList("The list has no header: the first line must name the columns, one of them `phone`.")
    if _PHONE not in header:
        named = ", ".join(name[:40] for name in header[:10])
        raise BadList(f"The list has no `phone` column; its first line names: {named}.")
    repeated = {name for name in header if name and header.count(name) > 1}
    if repeated:
        raise BadList(f"The list names a column twice: {', '.join(sorted(repeated))}.")
    return header


def _rows(reader: "Reader", header: list[str], region: str | None) -> Iterator[Row | Reject]:
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except UnicodeDecodeError:
            raise BadList(
                f"The list is not UTF-8 text after line {reader.line_num}: save it as CSV UTF-8 and import it again; "
                "rows already imported are kept and will be skipped."
            ) from None
        except csv.Error as wrong:
            swallowed = f"lines {line} to {reader.line_num} are " if reader.line_num > line else ""
            yield Reject(line=line, reason=f"{swallowed}not readable as CSV: {wrong}")
            continue
        if any(cell.strip() for cell in cells):
            yield _row(line, header, cells, region)


def _looks_like_a_phone(name: str) -> bool:
    return sum(character.isdigit() for character in name) >= _DIGITS_OF_A_PHONE


def _row(line: int, header: list[str], cells: list[str], region: str | None) -> Row | Reject:
    if len(cells) > len(header):
        return Reject(line=line, reason=f"{len(cells)} cells, but the header names {len(header)}")
    values = dict(zip(header, (cell.strip() for cell in cells), strict=False))
    too_long = [name for name, value in values.items() if len(value) > _LONGEST_VALUE]
    if too_long:
        return Reject(line=line, reason=f"{too_long[0]} is longer than {_LONGEST_VALUE} characters")
    try:
        phone, country = e164(values.pop(_PHONE, ""), region=region)
        priority = _priority(values.pop(_PRIORITY, "") or "0")
    except ValueError as wrong:
        return Reject(line=line, reason=str(wrong))
    contact = NewContact(
        phone=phone, region=country, priority=priority, vars={name: value for name, value in values.items() if name}
    )
    return Row(line=line, contact=contact)


def _priority(written: str) -> int:
    try:
        priority = int(written)
    except ValueError:
        priority = PRIORITIES.stop
    if priority not in PRIORITIES:
        raise ValueError("priority is not a whole number from -100 to 100")
    return priority
