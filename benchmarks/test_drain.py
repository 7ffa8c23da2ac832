"""P4: a choice of candidates is as quick at the end of a long drain as at its beginning."""

import statistics
from functools import partial
from itertools import pairwise

from pymongo.database import Database

from benchmarks import ours
from benchmarks.conftest import Notebook
from benchmarks.lists import make, put_back
from benchmarks.measuring import Contestant, Lap, race
from benchmarks.page import sized
from benchmarks.sizes import BATCH, CAMPAIGNS, EARLY, LAPS
from dialer.adapters.mongo import Document

TEXT = """
A whole campaign is claimed batch by batch, with the database's usual window of five minutes in which deleted keys stay
in the index's pages. A batch that starts behind the one before never meets them; one that starts at the front walks
past all of them, and no count of examined keys shows it.
"""


def test_a_full_drain(database: Database[Document], mongod: str, results: Notebook) -> None:
    size = CAMPAIGNS[1]
    section = results.section("drain", f"Draining {sized(size)} contacts", TEXT)
    contacts = make(database["drained"], size, early=EARLY)
    heard = ours.opener(database, mongod, contacts.name, heard=True)
    ways = {"each batch behind the one before (ours)": True, "each batch from the front": False}
    ran = race(
        [
            Contestant(
                name=name,
                opened=heard,
                work=partial(ours.drain, batch=BATCH, resumed=resumed),
                before=partial(put_back, contacts),
            )
            for name, resumed in ways.items()
        ],
        laps=LAPS,
    )
    for measured in ran:
        assert {lap.units for lap in measured.laps} == {size}
        section.add(
            what=measured.name, size=sized(size), unit="contacts/s", laps=measured.rates, peak_mb=measured.peak_mb
        )
        for fifth in (0, 4):
            section.add(
                what=f"choice, {'first' if fifth == 0 else 'last'} fifth, {measured.name}",
                size=sized(size),
                unit="ms",
                laps=[1000 * _of_fifth(lap, fifth) for lap in measured.laps],
                higher_is_better=False,
            )
    section.judge(
        yardstick="P4",
        what="time of a choice, last fifth of a drain against the first",
        value=statistics.median(_of_fifth(lap, 4) / _of_fifth(lap, 0) for lap in ran[0].laps),
        bar=1.5,
        stretch=1.1,
        higher_is_better=False,
    )
    section.demand()


def _of_fifth(lap: Lap, fifth: int) -> float:
    """The median choice in one fifth of a drain, in seconds."""
    chosen: list[float] = lap.noted["chosen"]
    edges = [round(part * len(chosen) / 5) for part in range(6)]
    start, end = list(pairwise(edges))[fifth]
    return statistics.median(chosen[start:end])
