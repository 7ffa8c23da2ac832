"""P12, the whole path: contacts settled a second on the local world, and where the time goes."""

import csv
import io
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.conftest import Notebook
from benchmarks.measuring import cpu_seconds, peak_mb_of
from benchmarks.page import sized
from benchmarks.sizes import QUICK
from benchmarks.worlds import fictional, world_at_work
from dialer import wiring
from dialer.campaign_form import checked
from local.carrier.control import Carrier
from local.processes import marked
from local.world import World

LAPS = 1 if QUICK else 5
CONTACTS = 40 if QUICK else 300
WARM_UP = (3, 10) if QUICK else (3, 10, 30, 100)  # few at first: a cold worker is slow, and each webhook starts one
CORES = 2
LONGEST_S = 240
BOUNDS = {"TickRate": "rate(5 seconds)"}
FORM = {
    "name": "Whole path",
    "from_numbers": ["+13105550199"],
    "call": {"say": "Hello {name}."},
    "pacing": {"call_delay_s": 0.001, "max_concurrent": 500},
    "any_hour_because": "a measurement: the people are made up",
    "retry": {"max_attempts": 1},
}
TEXT = f"""
{sized(CONTACTS)} contacts on the local world: the deployed functions, mongod, MiniStack and the simulated carrier,
whose calls take no time, all on the same {CORES} cores. From the operator's start to the last contact settled: tick,
queue, call function, the request to the carrier, its signed webhooks through the voice function, and the refills.
MiniStack runs every invocation itself, so this is a figure for the local world, and a floor for the product.
"""


@pytest.fixture
def world() -> Iterator[World]:
    with world_at_work(parameters=BOUNDS, time_scale=0.02) as up:
        yield up


def test_the_whole_path(world: World, results: Notebook) -> None:
    section = results.section("whole-path", "The whole path on the local world", TEXT)
    carrier = Carrier(world.carrier_url)
    carrier.set_fates(mix=[{"weight": 1, "kind": "human", "ring": 0, "talk": 0}], seed=1)
    for contacts in WARM_UP:
        _settled(_prepared(contacts), contacts)
    rates, spent, peaks = [], [], dict[str, float]()
    for _ in range(LAPS):
        campaign_id = _prepared(CONTACTS)
        before = _cpu(world)
        rates.append(CONTACTS / _settled(campaign_id, CONTACTS))
        carrier.wait_idle()
        spent.append({part: used - before.get(part, 0.0) for part, used in _cpu(world).items()})
        peaks = _higher(peaks, world)
    section.add(what="settled", size=sized(CONTACTS), unit="contacts/s", laps=rates)
    section.add(what="settled per core", size=sized(CONTACTS), unit="contacts/s", laps=[rate / CORES for rate in rates])
    for part in sorted(spent[0], key=lambda name: -statistics.median(lap.get(name, 0.0) for lap in spent)):
        section.add(
            what=f"processor time, {part}",
            unit="ms per contact",
            laps=[1000 * lap.get(part, 0.0) / CONTACTS for lap in spent],
            peak_mb=peaks.get(part),
            higher_is_better=False,
        )


def _prepared(contacts: int) -> str:
    """A campaign of its own for each lap, with the same people: numbers kept for fiction."""
    campaign = wiring.campaign_office().create(**checked(FORM))
    report = wiring.intake()(campaign.id, io.BytesIO(_people(contacts).encode()), region="US")
    assert report.added == contacts
    return campaign.id


def _settled(campaign_id: str, contacts: int) -> float:
    """From the operator's start to the last one settled, in seconds."""
    began = time.monotonic()
    wiring.campaign_office().ask(campaign_id, "start")
    while not (progress := wiring.views().progress(campaign_id)).completed:
        assert time.monotonic() < began + LONGEST_S, progress.counts
        time.sleep(0.1)
    took = time.monotonic() - began
    assert progress.counts == {"done": contacts}
    wiring.campaign_office().ask(campaign_id, "stop")
    return took


def _people(count: int) -> str:
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["phone", "name"])
    rows.writerows((phone, "Ada") for phone in fictional(count))
    return text.getvalue()


def _cpu(world: World) -> dict[str, float]:
    """Processor seconds by part, from the marks that all processes of a world carry."""
    used: dict[str, float] = {}
    for pid in marked(world.run.name):
        part = _part_of(pid)
        used[part] = used.get(part, 0.0) + cpu_seconds([pid])
    return used


def _higher(peaks: dict[str, float], world: World) -> dict[str, float]:
    """The most memory that any process of a part ever had."""
    higher = dict(peaks)
    for pid in marked(world.run.name):
        part = _part_of(pid)
        higher[part] = max(higher.get(part, 0.0), peak_mb_of(pid))
    return higher


_FUNCTIONS = ("Tick", "Call", "Voice", "Reconcile")
_PARTS = {"mongod": "mongod", "ministack_server": "MiniStack", "local.carrier": "carrier", "local.door": "voice door"}


def _part_of(pid: int) -> str:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
        environment = Path(f"/proc/{pid}/environ").read_text().split("\0")
    except OSError:
        return "ended"
    name = next((line.partition("=")[2] for line in environment if line.startswith("AWS_LAMBDA_FUNCTION_NAME=")), "")
    if name:
        return next(
            (f"{known} function" for known in ("Tick", "Call", "Voice", "Reconcile") if known in name), "functions"
        )
    return next((part for words, part in _PARTS.items() if words in command), "others")
