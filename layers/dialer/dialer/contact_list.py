"""Reading a contact list: CSV with a header row, a phone column, and any other columns as variables.

Rows come out one by one, so a list of any length needs the same memory, and each says where the next one begins: a
reading that was broken off goes on from there.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

from dialer.columns import PHONE, Columns, column_named, columns_of
from dialer.errors import BadList
from dialer.model import NewContact

_LONGEST_VALUE = 1000
_LONGEST_LINE = 1_000_000
_LINES_OF_A_HEADER = 100
_PEEK = 4096
_DELIMITERS = ",;\t|"
_SEP = re.compile(r"sep=([,;\t|])[\r\n]*", re.IGNORECASE)  # a spreadsheet's own line before the header
_EMPTY = "The list is empty: the first line must name the columns, one of them `phone`."
csv.field_size_limit(_LONGEST_LINE)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a row begins: so many bytes into the list, on this line."""

    offset: int = 0
    line: int = 1


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """How a list is written, found out from its first lines."""

    encoding: str
    delimiter: str
    columns: Columns
    begins: Place
    """Its first row."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A good row."""

    line: int
    contact: NewContact
    after: Place = field(default=Place(), compare=False)


@dataclass(frozen=True, kw_only=True)
class Reject:
    """A row that cannot be dialed, and what to fix. The phone itself is never repeated here."""

    line: int
    reason: str
    after: Place = field(default=Place(), compare=False)


def read(stream: IO[bytes], *, region: str | None = None) -> Iterator[Row | Reject]:
    """The rows of a list, in order. `region` is the country of numbers written without one.

    Raises BadList when nothing can be read: no header, no phone column, not text.
    """
    with _opened(stream) as lines:
        yield from _rows(lines, _sheet(lines), region)


def sheet_of(stream: IO[bytes]) -> Sheet:
    """How a list is written. Raises BadList when it cannot be read."""
    with _opened(stream) as lines:
        return _sheet(lines)


def read_on(stream: IO[bytes], sheet: Sheet, *, place: Place, region: str | None = None) -> Iterator[Row | Reject]:
    """The rows from a place on. The stream begins there."""
    with _buffered(stream) as rest, _lines(rest, sheet.encoding, place) as lines:
        yield from _rows(lines, sheet, region)


@contextmanager
def _opened(stream: IO[bytes]) -> "Iterator[_Lines]":
    with _buffered(stream) as whole:
        encoding, mark = _encoding(whole.peek(_PEEK)[:_PEEK])
        whole.read(mark)
        with _lines(whole, encoding, Place(offset=mark)) as lines:
            yield lines


@contextmanager
def _buffered(stream: IO[bytes]) -> Iterator[io.BufferedReader]:
    """The stream with a look ahead; it stays the caller's."""
    buffered: io.BufferedReader = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[arg-type]
    try:
        yield buffered
    finally:
        if buffered is not stream:
            buffered.detach()


def _encoding(start: bytes) -> tuple[str, int]:
    """UTF-8, or UTF-16 when the list says so, as spreadsheets write them; and the length of the mark that says it."""
    if not start.strip():
        raise BadList(_EMPTY)
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            return encoding, len(mark)
    if b"\0" in start:
        raise BadList("The list is not text: save it as CSV (comma-separated, UTF-8).")
    return "utf-8", 0


_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class _Lines:
    """The lines of a list as text, and where in the list the next one begins."""

    def __init__(self, text: io.TextIOWrapper, encoding: str, place: Place) -> None:
        self._text = text
        self.encoding = encoding
        self._ascii_is_itself = encoding == "utf-8"
        self.offset, self.line = place.offset, place.line

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._text.readline(_LONGEST_LINE)
        if not line:
            raise StopIteration
        if len(line) == _LONGEST_LINE:
            raise BadList(f"Line {self.line} is longer than {_LONGEST_LINE:,} characters: this is no list.")
        plain = self._ascii_is_itself and line.isascii()
        self.offset += len(line) if plain else len(line.encode(self.encoding))
        self.line += 1
        return line

    @property
    def place(self) -> Place:
        return Place(offset=self.offset, line=self.line)


@contextmanager
def _lines(stream: io.BufferedReader, encoding: str, place: Place) -> Iterator[_Lines]:
    text = io.TextIOWrapper(stream, encoding=encoding, newline="")
    try:
        yield _Lines(text, encoding, place)
    finally:
        text.detach()


def _sheet(lines: _Lines) -> Sheet:
    """Reads the header."""
    try:
        head = _header(lines)
        told = _SEP.fullmatch(head[0]) if head else None
        head = _header(lines) if told else head
    except UnicodeDecodeError:
        raise BadList("The list is not UTF-8 text: save it as CSV UTF-8 and import it again.") from None
    if not head:
        raise BadList(_EMPTY)
    delimiter, cells = _told_apart(head, told[1] if told else _DELIMITERS)
    return Sheet(encoding=lines.encoding, delimiter=delimiter, columns=columns_of(cells), begins=lines.place)


def _header(lines: _Lines) -> list[str]:
    """The lines of the header: more than one where a name has a line end in it."""
    head: list[str] = []
    for line in lines:
        head.append(line)
        if "".join(head).count('"') % 2 == 0 or len(head) == _LINES_OF_A_HEADER:
            break
    return head


def _told_apart(head: list[str], delimiters: str) -> tuple[str, list[str]]:
    """The delimiter by which the header names a phone, and its cells; of several, the one that finds most cells."""
    found: list[tuple[bool, int, str, list[str]]] = []
    complaints: list[str] = []
    for delimiter in delimiters:
        try:
            cells = next(csv.reader(head, dialect=csv.excel, delimiter=delimiter, strict=True))
        except csv.Error as wrong:
            complaints.append(str(wrong))
        else:
            found.append((any(column_named(cell) is PHONE for cell in cells), len(cells), delimiter, cells))
    if not found:
        raise BadList(f"The first line cannot be read as CSV: {complaints[0]}.")
    *_, delimiter, cells = max(found, key=lambda one: one[:2])
    return delimiter, cells


def _rows(lines: _Lines, sheet: Sheet, region: str | None) -> Iterator[Row | Reject]:
    reader = csv.reader(lines, dialect=csv.excel, delimiter=sheet.delimiter, strict=True)
    while True:
        line = lines.line
        try:
            cells = next(reader)
        except StopIteration:
            return
        except UnicodeDecodeError:
            raise BadList(
                f"The list is not UTF-8 text after line {lines.line - 1}: save it as CSV UTF-8 and import it again; "
                "rows already imported are kept and will be skipped."
            ) from None
        except csv.Error as wrong:
            swallowed = f"lines {line} to {lines.line - 1} are " if lines.line - line > 1 else ""
            yield Reject(line=line, reason=f"{swallowed}not readable as CSV: {wrong}", after=lines.place)
            continue
        if any(map(str.strip, cells)):
            yield _row(line, sheet.columns, cells, region, lines.place)


def _row(line: int, columns: Columns, cells: list[str], region: str | None, after: Place) -> Row | Reject:
    width = len(columns.names)
    if any(map(str.strip, cells[width:])):
        return Reject(line=line, reason=f"{len(cells)} cells, but the header names {width}", after=after)
    cells = [cell.strip() for cell in cells[:width]]
    too_long = [name for name, cell in zip(columns.names, cells, strict=False) if len(cell) > _LONGEST_VALUE]
    if too_long:
        return Reject(line=line, reason=f"{too_long[0]} is longer than {_LONGEST_VALUE} characters", after=after)
    try:
        fields = _fields(columns, cells, region)
    except ValueError as wrong:
        return Reject(line=line, reason=str(wrong), after=after)
    variables = {name: cells[place] for place, name in columns.variables if place < len(cells)}
    return Row(line=line, contact=NewContact(vars=variables, line=line, **fields), after=after)


def _fields(columns: Columns, cells: list[str], region: str | None) -> dict[str, Any]:
    """What the columns that are no variables say. Raises ValueError with what is wrong with a cell."""
    fields: dict[str, Any] = {}
    for place, column in columns.known:
        cell = cells[place] if place < len(cells) else ""
        if cell or column is PHONE:  # a phone must be there
            fields |= column.read(cell, region)
    return fields
