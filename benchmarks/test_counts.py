"""What an operator's look at a campaign costs, up to ten million contacts."""

from functools import partial

import pytest
from pymongo.database import Database

from benchmarks import ours
from benchmarks.conftest import Notebook
from benchmarks.lists import CAMPAIGN, Contacts, make, put_back
from benchmarks.measuring import Contestant, Lap, Watch, race
from benchmarks.page import sized
from benchmarks.sizes import CAMPAIGNS, EARLY, HUGE, LAPS
from dialer.adapters.contact_book import MongoContactBook
from dialer.adapters.mongo import Document
from dialer.lifecycle import State

LOOKS = 20
TEXT = f"""
The states of a whole campaign, and of {sized(EARLY)} more that are not due yet, counted exactly, from the keys of one
snapshot. What took long is remembered for nine times as long, so a page that is drawn again and again costs the
database at most a tenth of one core, and its figures of a very long list are that much old. The second row of each size
looks {LOOKS} times in a row.
"""


def test_counting_a_campaign(
    database: Database[Document], mongod: str, results: Notebook, request: pytest.FixtureRequest
) -> None:
    section = results.section("counts", "Counting a campaign by state", TEXT)
    for size in (*CAMPAIGNS, HUGE):
        contacts = request.getfixturevalue("huge") if size == HUGE else make(database["counted"], size, early=EARLY)
        put_back(contacts)
        opened = ours.opener(contacts.database, mongod, contacts.name)
        for name, looks in (("counted anew", 1), ("looked at again and again", LOOKS)):
            work = partial(_look, looks=looks, everybody=size + EARLY)
            (ran,) = race([Contestant(name=name, opened=opened, work=work)], laps=LAPS)
            section.add(
                what=name, size=sized(size), unit="ms a look", higher_is_better=False,
                laps=[1000 * lap.seconds / lap.units for lap in ran.laps], peak_mb=ran.peak_mb,
            )  # fmt: skip


def _look(contacts: Contacts, *, looks: int, everybody: int) -> Lap:
    book = MongoContactBook(contacts)
    with Watch() as watch:
        for _ in range(looks):
            assert book.count_by_state(CAMPAIGN) == {State.PENDING: everybody}
            watch.units += 1
    return watch.lap()
