"""What all benchmarks share: one mongod with room, one MiniStack, and the results they leave behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from benchmarks import page
from benchmarks.figures import (
    COMMITTED,
    QUICK_ONES,
    Results,
    Section,
    merged,
    read,
    slower,
    this_machine,
    write,
)
from benchmarks.lists import Contacts, make, opened
from benchmarks.publishing import published
from benchmarks.sizes import EARLY, HUGE, QUICK
from benchmarks.ticking import Place, set_up
from dialer.adapters.mongo import Document
from local import runs
from local.environments import ROOT
from local.ministack import start_ministack
from local.mongod import start_mongod

CACHE_GB = 4.0
DATABASE = "benchmarks"


@pytest.fixture(scope="session")
def run() -> Iterator[runs.Run]:
    begun = runs.begin()
    yield begun
    begun.remove()


@pytest.fixture(scope="session")
def mongod(run: runs.Run, results: "Notebook") -> Iterator[str]:
    """Its URI. A server of our own, at its usual settings but for the size of its cache."""
    started = start_mongod(run, cache_gb=CACHE_GB)
    with MongoClient[Document](started.uri) as client:
        results.mongod_version = client.server_info()["version"]
    yield started.uri
    if started.part is not None:
        started.part.stop()


@pytest.fixture(scope="session")
def ministack(run: runs.Run) -> Iterator[str]:
    started = start_ministack(run, auth=False)
    yield started.url
    started.part.stop()


@pytest.fixture
def database(mongod: str) -> Iterator[Database[Document]]:
    """Empty, and dropped afterwards."""
    made = opened(mongod, DATABASE)
    yield made
    made.client.drop_database(DATABASE)
    made.client.close()


@pytest.fixture(scope="session")
def huge(mongod: str) -> Iterator[Contacts]:
    """The longest list, made once: that takes minutes and several gigabytes."""
    made = opened(mongod, f"{DATABASE}_huge")
    yield make(made["contacts"], HUGE, early=EARLY)
    made.client.drop_database(made)
    made.client.close()


@pytest.fixture
def place(database: Database[Document], mongod: str, ministack: str) -> Place:
    return set_up(Place(uri=mongod, database=database.name, aws=ministack))


class Notebook:
    """The sections that this run has measured."""

    def __init__(self) -> None:
        self.sections: list[Section] = []
        self.mongod_version = ""

    def section(self, key: str, title: str, text: str) -> Section:
        self.sections.append(Section(key=key, title=title, text=" ".join(text.split())))
        return self.sections[-1]


@pytest.fixture(scope="session")
def results(request: pytest.FixtureRequest) -> Iterator[Notebook]:
    """Printed, compared with what is kept, then kept; a full run also writes the page and its picture."""
    notebook = Notebook()
    yield notebook
    kept = QUICK_ONES if QUICK else COMMITTED
    before = read(kept)
    measured = [one for one in notebook.sections if one.rows]  # what broke off has measured nothing
    after = merged(before, measured, this_machine(notebook.mongod_version or before.machine.get("mongod", "?")))
    write(kept, after)
    if not QUICK:
        for path, text in published(after).items():
            path.write_text(text)
    request.config.stash[_SAID] = _said(measured, before, kept)


_SAID = pytest.StashKey[str]()


def _said(measured: list[Section], before: Results, kept: Path) -> str:
    told = [page.section(section) for section in measured]
    worse = slower(before, Results(sections={one.key: one for one in measured}))
    if not before.sections:
        told.append("Nothing was measured before.")
    else:
        told.append("Slower than before, by more than the spread:" if worse else "Nothing is slower than before.")
    return "\n".join([*told, *(f"  {line}" for line in worse), f"Kept in {kept.relative_to(ROOT)}."])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if _SAID in config.stash:
        terminalreporter.write_line(config.stash[_SAID])
