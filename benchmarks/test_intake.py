"""P10: a contact list from bytes to contacts, against what the database alone can take, and against row by row."""

import io
import secrets
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from pymongo import IndexModel
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from benchmarks import ours
from benchmarks.conftest import Notebook
from benchmarks.lists import OURS, Contacts
from benchmarks.measuring import Contestant, Lap, Watch, own_process, peak_mb, race, worked
from benchmarks.sizes import LAPS, QUICK
from dialer import contact_list
from dialer.adapters.contact_book import MongoContactBook, _documents
from dialer.adapters.mongo import Document
from dialer.contact_list import Batch
from dialer.intake import _BATCH as BATCH
from dialer.intake import bring_in as brought_in
from dialer.list_records import Counts
from dialer.phones import e164
from tests.builders import now

ROWS = 4_000 if QUICK else 100_000
SINGLE = 400 if QUICK else 3_000
SHORT, LONG = (2_000, 10_000) if QUICK else (100_000, 1_000_000)
AREAS = (201, 212, 303, 312, 404, 415, 512, 604, 617, 702, 850)
TEXT = f"""
{ROWS:,} rows of CSV with a phone, an external id and two variables, into a collection with all our indexes, with
majority writes. Ours reads bytes, checks each phone, and inserts by batches of {BATCH}, two of them at once, while the
next one is read. The limit is `insert_many` of the same documents, made beforehand, in the same batches. The rival
parses and inserts row by row. Importing again is the same list, when everybody is there already, and with a new value
for everybody. The phones' exchanges begin with 0 or 1: they are nobody's. Memory is the most that a process of its own
ever had, for {SHORT:,} rows and for {LONG:,}.
"""


class Sheet(io.RawIOBase):
    """A list of any length that is nowhere whole: as the store streams it."""

    def __init__(self, rows: int, *, day: bytes = b"Tuesday") -> None:
        self._lines = self._written(rows, day)
        self._rest = b""

    @staticmethod
    def _written(rows: int, day: bytes) -> Iterator[bytes]:
        yield b"phone,external_id,name,appointment\n"
        for n in range(rows):
            area, line = AREAS[n % len(AREAS)], n * 7919 % 2_000_000
            yield b"+1%d%07d,A-%d,Ada %d,%s at ten\n" % (area, line, n, n, day)

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        while len(self._rest) < len(into) and (line := next(self._lines, b"")):
            self._rest += line
        out, self._rest = self._rest[: len(into)], self._rest[len(into) :]
        into[: len(out)] = out
        return len(out)


def bring_in(contacts: Contacts, *, rows: int) -> Lap:
    """As both kinds of import do it."""
    book, campaign = MongoContactBook(contacts), secrets.token_hex(6)
    with Watch() as watch:
        for _, counts in _brought_in(book, campaign, Sheet(rows), campaign):
            watch.units += counts.added
    return watch.lap()


def bring_in_again(contacts: Contacts, *, rows: int, day: bytes) -> Lap:
    """A later list with the same people, who have been brought in off the clock, by another process it may be."""
    campaign = secrets.token_hex(6)
    for _ in _brought_in(MongoContactBook(contacts), campaign, Sheet(rows), "first"):
        pass
    with Watch() as watch:
        for _, counts in _brought_in(MongoContactBook(contacts), campaign, Sheet(rows, day=day), "second"):
            watch.units += counts.known + counts.updated
    return watch.lap()


def _brought_in(book: MongoContactBook, campaign: str, sheet: Sheet, list_id: str) -> Iterator[tuple[Batch, Counts]]:
    batches = contact_list.read(sheet, size=BATCH)  # type: ignore[arg-type]
    return brought_in(book, campaign, batches, bar=_bar_nobody, max_attempts=3, list_id=list_id)


def _bar_nobody(_: str, phones: Sequence[str]) -> None:
    """These lists say of nobody not to call them."""
    assert not phones


def insert_ready(contacts: Contacts, *, rows: int) -> Lap:
    """The same documents, made before the clock starts."""
    campaign = secrets.token_hex(6)
    batches = contact_list.read(Sheet(rows), size=BATCH)  # type: ignore[arg-type]
    made = [_documents(campaign, batch.contacts, max_attempts=3, now=now(), list_id=campaign) for batch in batches]
    with Watch() as watch:
        for ready in made:
            watch.units += len(contacts.insert_many(ready, ordered=False).inserted_ids)
    return watch.lap()


def insert_one_by_one(contacts: Contacts, *, rows: int) -> Lap:
    """A row is parsed in full and inserted, and then the next."""
    campaign = secrets.token_hex(6)
    with Watch() as watch:
        for batch in contact_list.read(Sheet(rows), size=1):  # type: ignore[arg-type]
            e164(batch.contacts[0].phone)
            (document,) = _documents(campaign, batch.contacts, max_attempts=3, now=now(), list_id=campaign)
            try:
                contacts.insert_one(document)
                watch.units += 1
            except DuplicateKeyError:
                continue
    return watch.lap()


def test_intake(database: Database[Document], mongod: str, results: Notebook) -> None:
    section = results.section("intake", "Importing a list", TEXT)
    contacts = _emptied(database["imported"])
    opened = ours.opener(database, mongod, contacts.name)
    works = {
        "intake": partial(bring_in, rows=ROWS),
        "insert_many of ready documents": partial(insert_ready, rows=ROWS),
        "row by row": partial(insert_one_by_one, rows=SINGLE),
        "importing again": partial(bring_in_again, rows=ROWS, day=b"Tuesday"),
        "importing again with news": partial(bring_in_again, rows=ROWS, day=b"Friday"),
    }
    mine, limit, naive, again, news = race(
        [
            Contestant(name=name, opened=opened, work=work, before=partial(_emptied, contacts))
            for name, work in works.items()
        ],
        laps=LAPS,
    )
    for measured in (mine, limit, naive, again, news):
        note = "" if measured is mine else f"ours is {mine.rate / measured.rate:.3g}×"
        section.add(what=measured.name, unit="rows/s", laps=measured.rates, peak_mb=measured.peak_mb, note=note)
    section.judge(yardstick="P10", what="rows/s against row by row", value=mine.rate / naive.rate, bar=30)
    section.judge(yardstick="P10", what="rows/s against insert_many", value=mine.rate / limit.rate, bar=0.8)
    section.judge(
        yardstick="P10", what="rows/s imported again against the first time", value=again.rate / mine.rate, bar=1
    )
    peaks = [_peak(opened, contacts, rows) for rows in (SHORT, LONG)]
    for rows, peak in zip((SHORT, LONG), peaks, strict=True):
        section.add(what="peak memory", size=f"{rows:,} rows", unit="MB", laps=[peak], higher_is_better=False)
    section.judge(
        yardstick="P10",
        what=f"memory that {LONG:,} rows need more than {SHORT:,}",
        value=peaks[1] - peaks[0],
        bar=10,
        higher_is_better=False,
        unit="MB",
    )
    section.demand()


def _peak(opened: Any, contacts: Contacts, rows: int) -> float:
    """In an interpreter that does nothing else."""
    _emptied(contacts)
    with own_process(opened) as home:
        assert home.submit(worked, partial(bring_in, rows=rows)).result(900).units == rows
        return home.submit(peak_mb).result(60)


def _emptied(contacts: Contacts) -> Contacts:
    contacts.drop()
    contacts.create_indexes([IndexModel(keys, name=name, **options) for name, (keys, options) in OURS.items()])
    return contacts
