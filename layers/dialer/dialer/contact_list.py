"""Reading a contact list: CSV with a header row, a phone column, and any other columns as variables.

Rows come out batch by batch, so a list of any length needs the same memory, and each batch says where the next one
begins: a reading that was broken off goes on from there.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import IO, Any

from dialer.calling.whereabouts import Hints
from dialer.columns import ALTERNATES, NOT_TO_CALL, PHONE, Bearings, Columns, NotToCall, column_named, columns_of
from dialer.errors import BadList
from dialer.model import NewContact, Number

_LONGEST_VALUE = 1000
_LONGEST_LINE = 1_000_000
_LINES_OF_A_HEADER = 100
_PEEK = 4096
_BLOCK = 64 * 1024
_BATCH = 3000
_BATCH_BYTES = 8 * 1024 * 1024  # rows may be long: so much at most, however many they are
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
class Reject:
    """A row that cannot be dialed, and what to fix. The phone itself is never repeated in it."""

    line: int
    reason: str
    unwanted: tuple[str, ...] = field(default=(), repr=False)
    """The phones of somebody whom the row says not to call."""


Row = NewContact | Reject


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some rows, in order, and where the next one begins."""

    rows: Sequence[Row]
    after: Place

    @property
    def contacts(self) -> list[NewContact]:
        return [row for row in self.rows if isinstance(row, NewContact)]

    @property
    def rejects(self) -> list[Reject]:
        return [row for row in self.rows if isinstance(row, Reject)]

    @property
    def unwanted(self) -> list[str]:
        """The phones that its rows say not to call."""
        return [phone for row in self.rejects for phone in row.unwanted]

    def is_apart(self, other: "Batch") -> bool:
        """Whether nobody is in both."""
        return self.phones.isdisjoint(other.phones)

    @cached_property
    def phones(self) -> frozenset[str]:
        """Of everybody that it is about."""
        return frozenset(chain((row.phone for row in self.contacts), self.unwanted))


def read(
    stream: IO[bytes],
    *,
    region: str | None = None,
    callers: Iterable[str] = (),
    language: str = "",
    size: int = _BATCH,
) -> Iterator[Batch]:
    """The rows of a list, in order. `region` is the country of numbers written without one, `callers` are the numbers
    that its people may be called from, `language` is what they are spoken to in where a row says nothing.

    Raises BadList when nothing can be read: no header, no phone column, not text; and where it breaks off, behind the
    last row before that.
    """
    with _opened(stream) as lines:
        sheet = _sheet(lines)
        yield from _batches(lines, sheet, sheet.begins, _bearings(region, callers, language), size)


def sheet_of(stream: IO[bytes]) -> Sheet:
    """How a list is written. Raises BadList when it cannot be read."""
    with _opened(stream) as lines:
        return _sheet(lines)


def read_on(
    stream: IO[bytes],
    sheet: Sheet,
    *,
    place: Place,
    region: str | None = None,
    callers: Iterable[str] = (),
    language: str = "",
    size: int = _BATCH,
) -> Iterator[Batch]:
    """The rows from a place on. The stream begins there."""
    with _buffered(stream) as rest:
        lines, bearings = _Lines(rest, sheet.encoding, place), _bearings(region, callers, language)
        yield from _batches(lines, sheet, place, bearings, size)


def _bearings(region: str | None, callers: Iterable[str], language: str) -> Bearings:
    return Bearings(region=region, callers=frozenset(callers), language=language)


@contextmanager
def _opened(stream: IO[bytes]) -> "Iterator[_Lines]":
    with _buffered(stream) as whole:
        encoding, mark = _encoding(whole.peek(_PEEK)[:_PEEK])
        whole.read(mark)
        yield _Lines(whole, encoding, Place(offset=mark))


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
    if start.startswith(_ARCHIVE):
        raise BadList("The file is a spreadsheet or an archive and not text: open it and save it as CSV UTF-8.")
    if b"\0" in start:
        raise BadList("The list is not text: save it as CSV (comma-separated, UTF-8).")
    return "utf-8", 0


_ARCHIVE = b"PK\x03\x04"
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class _Lines:
    """The lines of a list as text, block by block, and where in the list each begins.

    Lines are taken by the csv module itself, without a step of our own for each: that is half of the time it takes.
    """

    def __init__(self, stream: io.BufferedReader, encoding: str, place: Place) -> None:
        self._stream = stream
        self.encoding = encoding
        self._lines: Sequence[str] = ()
        self._first, self._offset = place.line, place.offset  # of the block
        self.has_zeros = False
        self.taken = chain.from_iterable(self._blocks())

    def place(self, line: int) -> Place:
        """Where a line begins. It is of the block that was taken last, or the one behind it."""
        before = "".join(self._lines[: line - self._first])
        length = len(before) if before.isascii() and self.encoding == "utf-8" else len(before.encode(self.encoding))
        return Place(offset=self._offset + length, line=line)

    def read_to(self) -> int:
        """How many bytes have been taken from the list, roughly: to the beginning of the block."""
        return self._offset

    def _blocks(self) -> Iterator[Sequence[str]]:
        decoder = codecs.getincrementaldecoder(self.encoding)()
        rest, ended = "", False
        while not ended:
            data = self._stream.read(_BLOCK)
            ended = not data
            try:
                text = rest + decoder.decode(data, final=ended)
            except UnicodeDecodeError as wrong:
                text, ended = rest + wrong.object[: wrong.start].decode(self.encoding), True
                yield self._block(text[: _end_of_lines(text)])
                raise
            cut = len(text) if ended else _end_of_lines(text)
            if cut:
                yield self._block(text[:cut])
            rest = text[cut:]
            if len(rest) >= _LONGEST_LINE:
                raise self._endless(self._first + len(self._lines))

    def _block(self, text: str) -> Sequence[str]:
        """Before anything of it is taken, everything of the one before has been."""
        after = self.place(self._first + len(self._lines))
        self._first, self._offset = after.line, after.offset
        self._lines = list(io.StringIO(text, newline=""))
        self.has_zeros = self.has_zeros or "\0" in text
        if self._lines and max(len(self._lines[0]), len(self._lines[-1])) >= _LONGEST_LINE:
            raise self._endless(self._first)
        return self._lines

    def _endless(self, line: int) -> BadList:
        return BadList(f"Line {line} is longer than {_LONGEST_LINE:,} characters: this is no list.")


def _end_of_lines(text: str) -> int:
    """Behind the last line that is whole. One that ends with a carriage return may yet go on with a line feed."""
    return max(text.rfind("\n"), text.rfind("\r", 0, -1)) + 1


def _sheet(lines: _Lines) -> Sheet:
    """Reads the header."""
    head: list[str] = []
    try:
        head = _header(lines)
        told = _SEP.fullmatch(head[0]) if head else None
        names = _header(lines) if told else head
    except UnicodeDecodeError:
        raise BadList("The list is not UTF-8 text: save it as CSV UTF-8 and import it again.") from None
    if not names:
        raise BadList(_EMPTY)
    delimiter, cells = _told_apart(names, told[1] if told else _DELIMITERS)
    begins = lines.place(1 + len(names) + (len(head) if told else 0))
    return Sheet(encoding=lines.encoding, delimiter=delimiter, columns=columns_of(cells), begins=begins)


def _header(lines: _Lines) -> list[str]:
    """The lines of the header: more than one where a name has a line end in it."""
    head: list[str] = []
    for line in lines.taken:
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


def _batches(lines: _Lines, sheet: Sheet, begins: Place, bearings: Bearings, size: int) -> Iterator[Batch]:
    """What was read before the list breaks off comes first."""
    reading = _Reading(lines, sheet, begins, bearings)
    while not reading.ended:
        batch = reading.take(size)
        if batch.rows:
            yield batch
    if reading.broken:
        raise reading.broken


class _Reading:
    """The rows behind the header, or behind the place where another reading ended."""

    def __init__(self, lines: _Lines, sheet: Sheet, begins: Place, bearings: Bearings) -> None:
        columns = sheet.columns
        self._lines, self._names, self._begins = lines, columns.names, begins
        self._width, self._variables, self._hints = len(columns.names), columns.variables, columns.hints
        (self._phone,) = (place for place, column in columns.known if column is PHONE)
        others = [(place, column) for place, column in columns.known if column is not PHONE]
        self._refusals = [(place, column.read) for place, column in others if column in NOT_TO_CALL]
        alone = {*ALTERNATES, *NOT_TO_CALL}
        self._others = [(place, column.read) for place, column in others if column not in alone]
        at = {column: place for place, column in others}
        self._alternates = [(at[column], column.read) for column in ALTERNATES if column in at]
        self._bearings = bearings
        self._reader = csv.reader(lines.taken, dialect=csv.excel, delimiter=sheet.delimiter, strict=True)
        self.ended = False
        self.broken: BadList | None = None

    @property
    def _line(self) -> int:
        return self._begins.line + self._reader.line_num

    def take(self, size: int) -> Batch:
        """So many rows, or fewer at the end, or where they are long."""
        rows: list[Row] = []
        until = self._lines.read_to() + _BATCH_BYTES
        while len(rows) < size and self._lines.read_to() < until:
            line = self._line
            try:
                row = self._row(line, next(self._reader))
            except StopIteration:
                self.ended = True
                break
            except csv.Error as wrong:
                row = self._unreadable(line, wrong)
            except (UnicodeDecodeError, BadList) as wrong:
                self.ended, self.broken = True, self._breaks_off(wrong)
                break
            if row:
                rows.append(row)
        return Batch(rows=rows, after=self._lines.place(self._line))

    def _unreadable(self, line: int, wrong: csv.Error) -> Reject:
        last = self._line - 1
        swallowed = f"lines {line} to {last} are " if last > line else ""
        return Reject(line=line, reason=f"{swallowed}not readable as CSV: {wrong}")

    def _breaks_off(self, wrong: UnicodeDecodeError | BadList) -> BadList:
        if isinstance(wrong, BadList):
            return wrong
        return BadList(
            f"The list is not UTF-8 text after line {self._line - 1}: save it as CSV UTF-8 and import it again; "
            "rows already imported are kept and will be skipped."
        )

    def _row(self, line: int, cells: list[str]) -> Row | None:
        """None for a row of nothing."""
        cells = list(map(str.strip, cells))
        if not any(cells):
            return None
        wrong = self._out_of_shape(cells)
        if wrong:
            return Reject(line=line, reason=wrong)
        there = len(cells)
        variables = {name: cells[place] for place, name in self._variables if place < there}
        try:
            return NewContact(vars=variables, line=line, **self._fields(cells))
        except NotToCall as said:
            return Reject(line=line, reason=str(said), unwanted=self._phones_of(cells))
        except ValueError as why:
            return Reject(line=line, reason=str(why))

    def _out_of_shape(self, cells: list[str]) -> str:
        if len(cells) > self._width and any(cells[self._width :]):
            return f"{len(cells)} cells, but the header names {self._width}"
        if max(map(len, cells)) > _LONGEST_VALUE:
            names = zip(self._names, cells, strict=False)
            name = next(name for name, cell in names if len(cell) > _LONGEST_VALUE)
            return f"{name} is longer than {_LONGEST_VALUE} characters"
        if self._lines.has_zeros and any("\0" in cell for cell in cells):
            return "has a zero byte in it: the file is damaged, or was not saved as text"
        return ""

    def _fields(self, cells: list[str]) -> dict[str, Any]:
        """What the columns that are no variables say. Raises ValueError with what is wrong with a cell."""
        bearings, there = self._bearings_of(cells) if self._hints else self._bearings, len(cells)
        phone = cells[self._phone] if self._phone < there else ""  # it must be there
        fields = dict(PHONE.read(phone, bearings))
        if self._refusals:
            self._demand_wanted(cells, bearings)
        for place, read in self._others:
            if place < there and cells[place]:
                fields.update(read(cells[place], bearings))
        if self._alternates:
            fields["alternates"] = self._alternates_of(cells, bearings, fields["phone"])
        return fields

    def _demand_wanted(self, cells: list[str], bearings: Bearings) -> None:
        """Before anything else that may be wrong with the row. Raises NotToCall where any of these columns says so."""
        unclear: ValueError | None = None
        for place, read in self._refusals:
            try:
                if place < len(cells) and cells[place]:
                    read(cells[place], bearings)
            except NotToCall:
                raise
            except ValueError as wrong:
                unclear = wrong
        if unclear:
            raise unclear

    def _phones_of(self, cells: list[str]) -> tuple[str, ...]:
        """Its phone, and those of its other numbers that can be read."""
        bearings, phones = self._bearings_of(cells) if self._hints else self._bearings, list[str]()
        for place, read in [(self._phone, PHONE.read), *self._alternates]:
            with suppress(ValueError):
                if place < len(cells) and cells[place]:
                    phones.append(read(cells[place], bearings)["phone"])
        return tuple(dict.fromkeys(phones))

    def _alternates_of(self, cells: list[str], bearings: Bearings, phone: str) -> tuple[Number, ...]:
        """Each once, and none that is the row's phone."""
        there = len(cells)
        numbers = [Number(**read(cells[at], bearings)) for at, read in self._alternates if at < there and cells[at]]
        return tuple({number.phone: number for number in numbers if number.phone != phone}.values())

    def _bearings_of(self, cells: list[str]) -> Bearings:
        there = len(cells)
        said = {name: cells[place] for place, name in self._hints if place < there and cells[place]}
        if not said:
            return self._bearings
        whole = self._bearings
        return Bearings(region=whole.region, callers=whole.callers, language=whole.language, hints=Hints(**said))
