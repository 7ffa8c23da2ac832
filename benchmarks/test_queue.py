"""P3, P4: choosing candidates reads the index alone, and stays as quick at the end of a long queue as at its head."""

import statistics
from functools import partial
from itertools import pairwise
from typing import Any

from pymongo import monitoring
from pymongo.database import Database

from benchmarks import ours
from benchmarks.conftest import Notebook
from benchmarks.lists import make, opened, put_back
from benchmarks.measuring import Contestant, Lap, race
from benchmarks.page import sized
from benchmarks.sizes import BATCH, CAMPAIGNS, EARLY, LAPS
from dialer.adapters.mongo import Document

EXPLAIN_TEXT = f"""
What the database examines to choose {sized(BATCH)} candidates, by its own `explain` of the very command that the
product sends, with {sized(EARLY)} contacts of a higher priority that are not due yet, early in a campaign and after a
fifth of it has been claimed. Keys beyond those returned are the steps over a priority in which nobody is due.
"""
DRAIN_TEXT = """
A whole campaign is claimed batch by batch, with the database's usual window of five minutes in which deleted keys stay
in the index's pages. A batch that starts behind the one before never meets them; one that starts at the front walks
past all of them, and no count of examined keys shows it.
"""


def test_what_the_choice_examines(database: Database[Document], mongod: str, results: Notebook) -> None:
    section = results.section("explain", "What a choice of candidates examines", EXPLAIN_TEXT)
    for size in (CAMPAIGNS[0], CAMPAIGNS[-1]):
        make(database["explained"], size, early=EARLY)
        commands = _commands_of_a_tick(mongod, database.name, "explained", batches=size // BATCH // 5 + 1)
        for when, command in (("first", commands[0]), ("behind a fifth", commands[-1])):
            found = database.command("explain", command, verbosity="executionStats")["executionStats"]
            keys, documents, returned = (
                found[name] for name in ("totalKeysExamined", "totalDocsExamined", "nReturned")
            )
            steps = f"{keys} keys and {documents} documents examined for {returned} returned"
            section.add(
                what=f"keys examined per candidate, {when} batch",
                size=sized(size),
                unit="keys",
                laps=[keys / returned],
                higher_is_better=False,
                note=steps,
            )
            assert documents == 0
            assert returned == BATCH
            section.judge(
                yardstick="P3",
                what=f"keys examined per candidate, {when} batch, {sized(size)}",
                value=keys / returned,
                bar=1.01,
                higher_is_better=False,
                unit="",
            )
    section.demand()


def _commands_of_a_tick(uri: str, name: str, collection: str, *, batches: int) -> list[dict[str, Any]]:
    """The choices that the product sends, as they went over the wire, without what belongs to the session."""
    ear = _Ear()
    monitoring.register(ear)
    contacts = opened(uri, name)[collection]
    ours.claim(contacts, batches=batches, batch=BATCH)
    contacts.database.client.close()
    about = {"lsid", "$db", "$clusterTime", "$readPreference", "txnNumber", "maxTimeMS"}
    return [{key: value for key, value in command.items() if key not in about} for command in ear.finds]


class _Ear(monitoring.CommandListener):
    def __init__(self) -> None:
        self.finds: list[dict[str, Any]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name == "find" and event.command["find"] == "explained":
            self.finds.append(dict(event.command))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        return

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        return


def test_a_full_drain(database: Database[Document], mongod: str, results: Notebook) -> None:
    size = CAMPAIGNS[1]
    section = results.section("drain", f"Draining {sized(size)} contacts", DRAIN_TEXT)
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
