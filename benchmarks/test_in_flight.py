"""P6: how many lines are in use is counted before every tick and at every dial: bounded, whatever is in flight."""

from functools import partial

from pymongo.database import Database

from benchmarks import ours
from benchmarks.conftest import Notebook
from benchmarks.figures import Section
from benchmarks.lists import CAMPAIGN, Contacts, at_rest, make
from benchmarks.measuring import Contestant, Lap, Watch, race
from benchmarks.page import sized
from benchmarks.sizes import LAPS, QUICK
from dialer.adapters.claims import MongoClaims
from dialer.adapters.mongo import Document

SIZES = (200, 1_000) if QUICK else (1_000, 100_000)
LIMIT = 1_000
COUNT, FIND = "count_booked (ours)", "find_one by _id"
CALLS = 50 if QUICK else 500
TEXT = f"""
`count_booked` counts keys up to the campaign's limit, here {sized(LIMIT)} lines, and no further: it cannot drift as a
counter can, and costs the same whatever is in flight. Its rival is the cheapest thing a database can be asked: one
document by its id. The last rows are the worst that can happen: within the last minutes as many again were claimed and
done, and their deleted keys are still in the index's pages.
"""


def test_counting_what_is_in_flight(database: Database[Document], mongod: str, results: Notebook) -> None:
    section = results.section("in-flight", "Counting lines in use", TEXT)
    took: dict[tuple[str, str], float] = {}
    for size in SIZES:
        contacts = make(database["flying"], size, early=size)
        contacts.update_many({"priority": 0}, {"$set": {"state": "placed"}, "$unset": {"due_at": ""}})
        at_rest(database)
        _race(section, database, mongod, f"{sized(size)} in flight", took)
        section.judge(
            yardstick="P6",
            what=f"count against one find_one, {sized(size)} in flight",
            value=took[COUNT, f"{sized(size)} in flight"] / took[FIND, f"{sized(size)} in flight"],
            bar=3,
            higher_is_better=False,
        )
    few, many = (took[COUNT, f"{sized(size)} in flight"] for size in SIZES)
    section.judge(
        yardstick="P6", what="count with many in flight against few", value=many / few, bar=1.5, higher_is_better=False
    )
    for state in ("claimed", "done"):
        database["flying"].update_many({"priority": 9}, {"$set": {"state": state}, "$unset": {"due_at": ""}})
    _race(section, database, mongod, f"the same, {sized(SIZES[-1])} more just done", took)
    section.demand()


def _race(
    section: Section, database: Database[Document], uri: str, size: str, took: dict[tuple[str, str], float]
) -> None:
    opened = ours.opener(database, uri, "flying")
    both = [
        Contestant(name=COUNT, opened=opened, work=_count),
        Contestant(name=FIND, opened=opened, work=partial(_find, f"65a1f0c4{10**15}")),
    ]
    for measured in race(both, laps=LAPS):
        row = section.add(
            what=measured.name,
            size=size,
            unit="ms",
            laps=[1000 * lap.seconds / lap.units for lap in measured.laps],
            higher_is_better=False,
            peak_mb=measured.peak_mb,
        )
        took[measured.name, size] = row.median


def _count(contacts: Contacts) -> Lap:
    claims = MongoClaims(contacts)
    with Watch() as watch:
        for _ in range(CALLS):
            assert 0 < claims.count_booked(CAMPAIGN, limit=LIMIT) <= LIMIT
            watch.units += 1
    return watch.lap()


def _find(contact_id: str, contacts: Contacts) -> Lap:
    with Watch() as watch:
        for _ in range(CALLS):
            assert contacts.find_one({"_id": contact_id}, {"_id": 1})
            watch.units += 1
    return watch.lap()
