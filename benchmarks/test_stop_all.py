"""How long after `POST /stop-all` requests still reach the carrier, by its ledger, and when the caller is answered."""

import json
import random
import time
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from benchmarks.conftest import Notebook
from benchmarks.figures import Section
from benchmarks.page import number
from benchmarks.sizes import QUICK
from benchmarks.worlds import drafted, fictional, requested, world_at_work
from dialer import wiring
from dialer.lifecycle import State
from local.carrier.control import Carrier
from local.world import World

HALTS = 5 if QUICK else 120
UNDER_WAY = 6  # requests at the carrier since the campaign was resumed, before everything is halted again
STARTS_S = 60.0
WATCHED_S = 0.3
CONTACTS = 100 * HALTS
FORM = {
    "name": "Stopped",
    "any_hour_because": "a measurement: the people are made up",
    "from_numbers": ["+13105550199"],
    "call": {"twiml": '<Response><Pause length="1"/></Response>', "talk_limit_s": 60},
    "pacing": {"call_delay_s": 0.02, "max_concurrent": 40},
    "retry": {"max_attempts": 1},
}
TEXT = f"""
One campaign with 40 lines on the local world, as many calls a second as it manages, and calls of a second; once
{UNDER_WAY} requests have reached the carrier, and up to half a second later, an operator sends `POST /stop-all`. From
that moment on the carrier's ledger tells when the last request for a call came in: 0 where none did any more. The
answer is held back until none can come, for twice `DialGuardSeconds` (a second by default, and here). Then the campaign
is resumed and halted again, {HALTS} times in all. Demanded of every halt: no request comes after the answer, and no
answer before the moment that it names itself. Without the wait the first still held in a run here: the wait is for a
function that loses time between its last look and its request.
"""


@pytest.fixture
def world() -> Iterator[World]:
    with world_at_work() as up:
        yield up


def test_no_request_leaves_once_everything_is_halted(world: World, results: Notebook) -> None:
    section = results.section("stop-all", "Stopping everything", TEXT)
    carrier = Carrier(world.carrier_url)
    carrier.set_fates(mix=[{"weight": 1, "kind": "human", "ring": 0, "talk": 1}], seed=1)
    campaign_id = drafted(FORM, fictional(CONTACTS))
    chance, halts = random.Random(1), []
    for verb in ("start", *["resume"] * (HALTS - 1)):
        _ask(world, f"/campaigns/{campaign_id}/{verb}")
        _await_calls(carrier)
        time.sleep(chance.uniform(0, 0.5))
        halts.append(_halt(world, carrier))
    assert wiring.views().progress(campaign_id).counts.get(State.PENDING, 0) > UNDER_WAY, "the list ran out"
    _note(section, "until the last request reached the carrier", [last for last, _ in halts])
    _note(section, "until the caller was answered", [answered for _, answered in halts])
    silent = sum(last == 0 for last, _ in halts)
    section.remarks.append(f"No request came in any more after {silent} of the {len(halts)} halts had been sent.")


def _halt(world: World, carrier: Carrier) -> tuple[float, float]:
    """Seconds from the operator's request to the last of ours at the carrier, and to the answer."""
    before = carrier.state()["ledger"]
    sent = time.time()
    told = _ask(world, "/stop-all")
    answered = time.time()
    assert told["paused"]
    assert answered >= datetime.fromisoformat(told["no_request_after"]).timestamp()
    time.sleep(WATCHED_S)
    later = [moment for moment in requested(carrier, after=before) if moment > sent]
    assert not [moment for moment in later if moment > answered]
    return max(later, default=sent) - sent, answered - sent


def _note(section: Section, what: str, laps: list[float]) -> None:
    ordered = sorted(laps)
    p99 = ordered[-(-99 * len(ordered) // 100) - 1]
    section.add(what=what, unit="s", laps=laps, higher_is_better=False, note=f"p99 {number(p99)} s")


def _await_calls(carrier: Carrier) -> None:
    before, deadline = carrier.state()["ledger"], time.monotonic() + STARTS_S
    while len(requested(carrier, after=before)) < UNDER_WAY:
        assert time.monotonic() < deadline, "nobody is called"
        time.sleep(0.02)


def _ask(world: World, path: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {world.operator_token}"}
    with urllib.request.urlopen(urllib.request.Request(f"{world.api_url}{path}", b"", headers), timeout=60) as reply:
        told: dict[str, Any] = json.load(reply)
        return told
