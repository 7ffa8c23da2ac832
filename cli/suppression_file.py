"""A file of suppressions: CSV whose first column is a phone or an exported hash, with or without a header.

A header may name `scope`, `source`, `reason` and `at` too, as an export does: then each row says its own.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from os import fstat
from pathlib import Path
from typing import TextIO

from cli.errors import Misused

TOLD = ("scope", "source", "reason", "at")
PART = 1000
"""Rows that are sent at once, or fewer where they are long: the API takes a million bytes."""
_PART_BYTES, _BETWEEN = 900_000, len(", ")
_PHONE = {
    "phone", "phone_number", "contact_number", "customer_phone", "number1", "to", "mobile", "msisdn", "telephone",
    "number", "hash",
}  # fmt: skip
"""The names that a contact list's phone may have, and an export's own."""
_BETWEEN_WORDS = re.compile(r"[\s_.\-]+")
_LONGEST = 200
_SOURCE = re.compile(r"[A-Za-z][A-Za-z _-]{0,39}")
_LIKE_A_PHONE = 7  # digits in a row
_A_DATE = re.compile(r"(?<!\d)(?:(?:19|20)\d\d([-./])\d\d?\1\d\d?|\d\d?([-./])\d\d?\2(?:19|20)\d\d)(?!\d)")
_A_PHONE = re.compile(r"0(?:[\s()./-]*0){7}|0{7}")  # as the API judges, where every digit has become a 0
_YEARS = range(2000, 2101)
_HOPELESS = 100
NO_COUNTRY = "no country code"
"""What the API says of a number that is written as at home."""
GIVE_REGION = "Say which country the numbers without a country code are of, such as --region US."
_BE_CSV = "The file must be CSV with commas, with the phone in its first column."
_NO_PHONE = "The first column is empty: the phone belongs there."


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line that names somebody."""

    line: int
    said: Mapping[str, str]
    """As the API takes it: `phone`, and what else the row says."""
    left_out: Sequence[str] = ()
    """Columns that hold what the API cannot keep. The row is taken without them."""
    bad: str = ""
    """Why nobody need be asked: the row cannot be taken."""


def opened(file: Path) -> TextIO:
    """Bytes that are no UTF-8 come through, so that what stands before them is read. Raises Misused."""
    try:
        return file.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    except OSError as cause:
        raise Misused(f"{file} cannot be read: {cause.strerror}.") from None


def size(stream: TextIO) -> int | None:
    """In bytes; None of a pipe, whose end nobody knows."""
    return fstat(stream.fileno()).st_size if stream.seekable() else None


def place(stream: TextIO) -> int:
    """How many bytes have been read; 0 of a pipe, which does not say."""
    return stream.buffer.tell() if stream.seekable() else 0


def parts(stream: TextIO) -> Iterator[Sequence[Row]]:
    """Raises Misused, naming the line, where it is no CSV; all rows before that line have come by then."""
    source = _Source(stream)
    part: list[Row] = []
    size = 0
    for row in source.rows():
        length = len(json.dumps(row.said)) + _BETWEEN
        if len(part) == PART or size + length > _PART_BYTES:
            yield part
            part, size = [], 0
        part.append(row)
        size += length
    if part:
        yield part
    if source.broken_at:
        raise Misused(
            f"Line {source.broken_at} is not CSV in UTF-8: only what stands before it has been read. "
            "Save the file as UTF-8 and import it again."
        )


def demand_hope(part: Sequence[Row], rejected: Sequence[tuple[int, str]]) -> None:
    """Raises Misused where a file's first hundred rows are refused, each with its line and reason: it is no such file.

    Each bad row costs a request, and nothing of the part has been taken yet.
    """
    beginning = {row.line for row in part[:_HOPELESS]}
    refused = sorted(one for one in rejected if one[0] in beginning)
    if len(refused) >= _HOPELESS:
        homeless = [one for one in refused if NO_COUNTRY in one[1]]
        (line, reason), advice = (homeless[0], GIVE_REGION) if len(homeless) > _HOPELESS // 2 else (refused[0], _BE_CSV)
        raise Misused(
            f"The first {_HOPELESS} rows are all refused, line {line} since: {reason.rstrip('.')}. "
            f"Nobody is suppressed. {advice}"
        )


class _Source:
    """Rows up to the first line that cannot be read."""

    def __init__(self, stream: TextIO) -> None:
        self._reader = csv.reader(_proven(stream))
        self.broken_at = 0

    def rows(self) -> Iterator[Row]:
        columns: dict[str, int] = {}
        try:
            for cells in self._reader:
                first = cells[0].strip() if cells else ""
                if self._reader.line_num == 1 and _is_a_phone(first):
                    columns = _columns(cells)
                    continue
                if self._reader.line_num == 1 and sum(map(str.isdigit, first)) < _LIKE_A_PHONE:
                    _demand_no_other_header(cells)
                if first:
                    yield _row(self._reader.line_num, first, cells, columns)
                elif any(cell.strip() for cell in cells):
                    yield Row(line=self._reader.line_num, said={}, bad=_NO_PHONE)
        except UnicodeEncodeError:
            self.broken_at = self._reader.line_num + 1
        except csv.Error:
            self.broken_at = self._reader.line_num


def _proven(stream: TextIO) -> Iterator[str]:
    """Line by line: Python decodes by the block, and would refuse lines that stand well before a bad byte."""
    for line in stream:
        line.encode()
        yield line


def _is_a_phone(name: str) -> bool:
    return _BETWEEN_WORDS.sub("_", name.strip(' "').lower()).strip("_") in _PHONE


def _columns(header: Sequence[str]) -> dict[str, int]:
    names = [name.strip().lower() for name in header]
    repeated = [name for name in TOLD if names.count(name) > 1]
    if repeated:
        raise Misused(f"The file names a column twice: {', '.join(repeated)}.")
    return {name: names.index(name) for name in TOLD if name in names}


def _demand_no_other_header(cells: Sequence[str]) -> None:
    """Raises Misused where a header names the phone in another place, so that each row would be refused."""
    if any(map(_is_a_phone, cells)):
        raise Misused("The header names the phone in another column than the first: put the phone first.")
    if any(map(_is_a_phone, re.split("[;\t|]", ",".join(cells)))):
        raise Misused("The columns are not separated by commas: save the file as CSV with commas, the phone first.")


def _row(line: int, phone: str, cells: Sequence[str], columns: Mapping[str, int]) -> Row:
    told = {name: cells[place].strip() for name, place in columns.items() if place < len(cells)}
    said = {name: text for name, text in told.items() if text}
    left_out = [name for name, text in said.items() if not _can_be_kept(name, text)]
    kept = {name: text[:_LONGEST] for name, text in said.items() if name not in left_out}
    return Row(line=line, said={"phone": phone[:_LONGEST], **kept}, left_out=left_out)


def _can_be_kept(name: str, text: str) -> bool:
    """As the API judges. A scope is not left out: without it nobody knows who must not call."""
    match name:
        case "source":
            return _SOURCE.fullmatch(text) is not None
        case "reason":
            return len(text) <= _LONGEST and not _has_a_phone(text)
        case "at":
            return _is_a_moment(text)
        case _:
            return True


def _has_a_phone(text: str) -> bool:
    zeros = "".join("0" if character.isdigit() else character for character in _A_DATE.sub("|", text))
    return _A_PHONE.search(zeros) is not None


def _is_a_moment(text: str) -> bool:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return False
    return moment.tzinfo is not None and moment.year in _YEARS
