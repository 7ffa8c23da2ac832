"""P5: eight claimers on one campaign: nobody twice, nobody lost, and what it costs them to be in each other's way."""

import statistics
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial

from pymongo.database import Database

from benchmarks import ours
from benchmarks.conftest import Notebook
from benchmarks.lists import Contacts, make, put_back
from benchmarks.measuring import Lap, own_process, peak_mb, worked
from benchmarks.page import sized
from benchmarks.sizes import BATCH, LAPS, QUICK
from dialer.adapters.mongo import Document

SIZE = 4_000 if QUICK else 40_000
CLAIMERS = 8
TEXT = f"""
The campaign's lock keeps two ticks apart, but no promise rests on it. Here there is no lock: {CLAIMERS} processes claim
{sized(SIZE)} contacts of one campaign at once, until nobody is due. What each says it won is compared with the others
and with the database.
"""


def test_eight_claimers(database: Database[Document], mongod: str, results: Notebook) -> None:
    section = results.section("contention", "Eight claimers at once", TEXT)
    contacts = make(database["contended"], SIZE)
    rates: dict[int, list[float]] = {1: [], CLAIMERS: []}
    doubles = lost = 0
    with ExitStack() as stack:
        homes = [
            stack.enter_context(own_process(ours.opener(database, mongod, contacts.name))) for _ in range(CLAIMERS)
        ]
        for _ in range(LAPS):
            for claimers, done in rates.items():
                put_back(contacts)
                laps = _at_once(homes[:claimers])
                won = Counter(contact_id for lap in laps for contact_id in lap.noted["won"])
                doubles += sum(times - 1 for times in won.values())
                lost += SIZE - len(won) + _not_claimed(contacts)
                done.append(SIZE / _span(laps))
        peak = max(home.submit(peak_mb).result(60) for home in homes)
    for claimers, done in rates.items():
        section.add(
            what="one claimer" if claimers == 1 else f"{claimers} claimers",
            size=sized(SIZE),
            unit="contacts/s",
            laps=done,
            peak_mb=peak,
        )
    section.remarks.append(f"In {LAPS} laps of each: {doubles} claimed twice, {lost} lost.")
    assert (doubles, lost) == (0, 0)
    section.judge(
        yardstick="P5",
        what="contacts claimed twice by eight claimers",
        value=doubles,
        bar=0,
        higher_is_better=False,
        unit="",
    )
    section.judge(
        yardstick="P5", what="contacts lost by eight claimers", value=lost, bar=0, higher_is_better=False, unit=""
    )
    section.judge(
        yardstick="P5",
        what="throughput of eight claimers against one",
        value=statistics.median(rates[CLAIMERS]) / statistics.median(rates[1]),
        bar=0.5,
        stretch=0.8,
    )
    section.demand()


def _at_once(homes: list[ProcessPoolExecutor]) -> list[Lap]:
    work = partial(ours.claim_until_nobody_is_due, batch=BATCH // 2)
    return [running.result(300) for running in [home.submit(worked, work) for home in homes]]


def _span(laps: list[Lap]) -> float:
    """From the first start to the last end, on the clock that all processes of a machine share."""
    began: list[float] = [lap.noted["began"] for lap in laps]
    return max(start + lap.seconds for start, lap in zip(began, laps, strict=True)) - min(began)


def _not_claimed(contacts: Contacts) -> int:
    return contacts.count_documents({"state": {"$ne": "claimed"}})
