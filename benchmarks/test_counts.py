"""What an operator's look at a campaign costs, up to ten million contacts."""

from functools import partial

from pymongo.database import Database

from benchmarks import ours
from benchmarks.conftest import Notebook
from benchmarks.lists import CAMPAIGN, Contacts, make
from benchmarks.measuring import Contestant, Lap, Watch, race
from benchmarks.page import sized
from benchmarks.sizes import CAMPAIGNS, HUGE, LAPS
from dialer.adapters.contact_book import MongoContactBook
from dialer.adapters.mongo import Document
from dialer.lifecycle import State

LOOKS = 20
TEXT = f"""
The states of a whole campaign, counted exactly, from the keys of one snapshot. What took long is remembered for nine
times as long, so a page that is drawn again and again costs the database at most a tenth of one core, and its figures
of a very long list are that much old. The second row of each size looks {LOOKS} times in a row.
"""


def test_counting_a_campaign(database: Database[Document], mongod: str, results: Notebook) -> None:
    section = results.section("counts", "Counting a campaign by state", TEXT)
    for size in (*CAMPAIGNS, HUGE):
        contacts = make(database["counted"], size)
        opened = ours.opener(database, mongod, contacts.name)
        for measured in race(
            [
                Contestant(name="counted anew", opened=opened, work=partial(_count, size=size)),
                Contestant(name="looked at again and again", opened=opened, work=partial(_look, size=size)),
            ],
            laps=LAPS,
        ):
            section.add(
                what=measured.name, size=sized(size), unit="ms a look", higher_is_better=False,
                laps=[1000 * lap.seconds / lap.units for lap in measured.laps], peak_mb=measured.peak_mb,
            )  # fmt: skip


def _count(contacts: Contacts, *, size: int) -> Lap:
    book = MongoContactBook(contacts)
    with Watch() as watch:
        assert book.count_by_state(CAMPAIGN) == {State.PENDING: size}
        watch.units += 1
    return watch.lap()


def _look(contacts: Contacts, *, size: int) -> Lap:
    book = MongoContactBook(contacts)
    with Watch() as watch:
        for _ in range(LOOKS):
            assert book.count_by_state(CAMPAIGN) == {State.PENDING: size}
            watch.units += 1
    return watch.lap()
