"""P3: what the database examines to choose candidates: as many keys as it returns, and no document."""

from typing import Any

from pymongo import monitoring
from pymongo.database import Database

from benchmarks import ours
from benchmarks.conftest import Notebook
from benchmarks.lists import make, opened
from benchmarks.page import sized
from benchmarks.sizes import BATCH, CAMPAIGNS, EARLY
from dialer.adapters.mongo import Document

TEXT = f"""
What the database examines to choose {sized(BATCH)} candidates, by its own `explain` of the very command that the
product sends, with {sized(EARLY)} contacts of a higher priority that are not due yet, early in a campaign and after a
fifth of it has been claimed. Keys beyond those returned are the steps over a priority in which nobody is due.
"""


def test_what_the_choice_examines(database: Database[Document], mongod: str, results: Notebook) -> None:
    section = results.section("explain", "What a choice of candidates examines", TEXT)
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
