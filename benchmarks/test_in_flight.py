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
CALLS = 50 if QUICK else 100
SHORT_LAPS = 5 * LAPS
TEXT = f"""
`count_booked` counts keys up to the campaign's limit, here {sized(LIMIT)} lines, and no further: it cannot drift as a
counter can, and costs the same whatever is in flight. Its rival is the cheapest thing a database can be asked: one
document by its id. The last rows are the worst that can happen: within the last minutes as many again were claimed and
done, and their deleted keys are still in the index's pages.
"""


def test_counting_what_is_in_flight(database: Database[Document], mongod: str, results: Notebook) -> None:
    section = results.section("in-flight", "Counting lines in use", TEXT)
    campaigns = {f"{sized(size)} in flight": f"flying_{size}" for size in SIZES}
    for size, name in zip(SIZES, campaigns.values(), strict=True):
        contacts = make(database[name], size, early=size)
        contacts.update_many({"priority": 0}, {"$set": {"state": "placed"}, "$unset": {"due_at": ""}})
    at_rest(database)
    took = _race(section, database, mongod, campaigns)
    for label in campaigns:
        section.judge(
            yardstick="P6",
            what=f"count against one find_one, {label}",
            value=took[COUNT, label] / took[FIND, label],
            bar=3,
            higher_is_better=False,
        )
    few, many = (took[COUNT, label] for label in campaigns)
    section.judge(
        yardstick="P6", what="count with many in flight against few", value=many / few, bar=1.5, higher_is_better=False
    )
    most = campaigns.popitem()[1]
    for state in ("claimed", "done"):
        database[most].update_many({"priority": 9}, {"$set": {"state": state}, "$unset": {"due_at": ""}})
    _race(section, database, mongod, {f"the same, {sized(SIZES[-1])} more just done": most})
    section.demand()


def _race(
    section: Section, database: Database[Document], uri: str, campaigns: dict[str, str]
) -> dict[tuple[str, str], float]:
    """The medians, by contestant and label. All of them run at once, lap after short lap: a core's speed wanders."""
    runners = {
        (what, label): Contestant(name=f"{what}, {label}", opened=ours.opener(database, uri, name), work=work)
        for label, name in campaigns.items()
        for what, work in ((COUNT, _count), (FIND, partial(_find, f"65a1f0c4{10**15}")))
    }
    took = {}
    for (what, label), measured in zip(runners, race(list(runners.values()), laps=SHORT_LAPS), strict=True):
        row = section.add(
            what=what,
            size=label,
            unit="ms",
            laps=[1000 * lap.seconds / lap.units for lap in measured.laps],
            higher_is_better=False,
            peak_mb=measured.peak_mb,
        )
        took[what, label] = row.median
    return took


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
