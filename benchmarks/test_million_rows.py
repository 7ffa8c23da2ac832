"""A million rows end to end: uploaded to the store, read by the deployed function in as many runs as it needs."""

import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.conftest import Notebook
from benchmarks.measuring import peak_mb_of
from benchmarks.page import sized
from benchmarks.sizes import QUICK
from benchmarks.test_intake import Sheet
from benchmarks.worlds import world_at_work
from dialer import wiring
from dialer.campaign_form import checked
from dialer.list_records import Counts, ListState, UploadedList
from local.world import World

ROWS = 20_000 if QUICK else 1_000_000
REJECTED = 1000  # every so many rows one is no number
SHORT_RUNS = {"IntakeTimeoutSeconds": "30", "IntakeVisibilitySeconds": "40"}
LONGEST_S = 600
MOST_MB = 256
FORM = {
    "name": "A million",
    "from_numbers": ["+13105550199"],
    "call": {"say": "Hello {name}."},
    "any_hour_because": "a measurement: nobody is called",
}
TEXT = f"""
{sized(ROWS)} rows, one in {REJECTED:,} of them no number, on the local world: put into the store with the form that a
sender gets, told to the queue by the store, and read by the deployed function, which is given 30 seconds for a run and
so has to go on in another one again and again. Mongod, MiniStack and the function share two cores. Memory is the most
that a process of the function ever had.
"""


@pytest.fixture
def world() -> Iterator[World]:
    with world_at_work(parameters=SHORT_RUNS) as up:
        yield up


def test_a_million_rows(world: World, results: Notebook, tmp_path: Path) -> None:
    section = results.section("million-rows", "A million rows, end to end", TEXT)
    campaign = wiring.campaign_office().create(**checked(FORM))
    sheet = tmp_path / "list.csv"
    size = _write(sheet)
    began = time.monotonic()
    listed = _upload(campaign.id, sheet)
    uploaded = time.monotonic()
    read, runs, peak = _read(world, listed.id)
    ended = time.monotonic()
    rejected = ROWS // REJECTED
    assert (read.state, read.counts) == (ListState.READ, Counts(rows=ROWS, added=ROWS - rejected, rejected=rejected))
    assert wiring._database()["contacts"].count_documents({"campaign_id": campaign.id}) == ROWS - rejected
    rows = sized(ROWS)
    section.add(what="uploaded", size=rows, unit="MB/s", laps=[size / 1e6 / (uploaded - began)])
    section.add(what="brought in", size=rows, unit="rows/s", laps=[ROWS / (ended - uploaded)])
    section.add(what="runs", size=rows, unit="runs", laps=[float(runs)], higher_is_better=False)
    section.add(what="peak memory of the function", size=rows, unit="MB", laps=[peak], higher_is_better=False)
    section.judge(
        yardstick="P10", what=f"memory for {rows} rows", value=peak, bar=MOST_MB, higher_is_better=False, unit="MB"
    )
    section.demand()


def _write(sheet: Path) -> int:
    rows, written = Sheet(ROWS - ROWS // REJECTED), 0
    with sheet.open("wb") as file:
        while block := rows.read(1 << 20):
            written += file.write(block)
        written += file.write(b"911,A,Nobody,never\n" * (ROWS // REJECTED))
    return written


def _upload(campaign_id: str, sheet: Path) -> UploadedList:
    """As a browser does: one form, the file at its end."""
    listed, form = wiring.list_desk().begin_upload(campaign_id, name="a million")
    boundary = "----a-list"
    fields = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in form.fields.items()
    )
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="list.csv"'
    file = f"{head}\r\nContent-Type: text/csv\r\n\r\n"
    body = fields.encode() + file.encode() + sheet.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    asked = urllib.request.Request(
        form.url, data=body, headers={"Content-Type": f"multipart/form-data; boundary={boundary}"}
    )
    with urllib.request.urlopen(asked, timeout=120) as answer:
        assert answer.status in {200, 204}
    return listed


def _read(world: World, list_id: str) -> tuple[UploadedList, int, float]:
    """The list at its end, how many runs it took, and the most memory of any."""
    owners: set[str] = set()
    peak, late = 0.0, time.monotonic() + LONGEST_S
    while time.monotonic() < late:
        document: dict[str, Any] = wiring._database()["lists"].find_one({"_id": list_id}) or {}
        owners |= {document["owner"]} if "owner" in document else set()
        peak = max([peak, *map(peak_mb_of, world.worker_pids("IntakeFunction"))])
        if document.get("state") in {ListState.READ, ListState.REFUSED}:
            return wiring.list_desk().report(list_id), len(owners), peak
        time.sleep(0.2)
    raise AssertionError("the list is not read in time")
