"""P13, refill: how much of the time ten lines are in use, by the carrier's own ledger, while people wait."""

import time
from collections.abc import Iterator, Sequence
from itertools import count

import pytest

from benchmarks.conftest import Notebook
from benchmarks.sizes import QUICK
from benchmarks.worlds import drafted, fictional, world_at_work
from dialer import wiring
from dialer.lifecycle import State
from local.carrier.control import Carrier
from local.world import World

LINES, TALK_S = 10, 20
LAPS = 1 if QUICK else 3
WINDOW_S = 45 if QUICK else 120
FIRST_CALLS_S = 2 * TALK_S  # until the lines no longer begin and end together
CONTACTS = 2 * LINES * (FIRST_CALLS_S + WINDOW_S) // TALK_S
FORM = {
    "name": "Busy lines",
    "any_hour_because": "a measurement: the people are made up",
    "from_numbers": ["+13105550199"],
    "call": {"twiml": f'<Response><Pause length="{TALK_S}"/></Response>', "talk_limit_s": 60},
    "pacing": {"call_delay_s": 0.001, "max_concurrent": LINES},
    "retry": {"max_attempts": 1},
}
_lists = count()
TEXT = f"""
One campaign with {LINES} lines on the local world, no call delay, and people who answer at once and stay for {TALK_S}
seconds. The time of every line is counted from the carrier's acceptance of a call to its end, over {WINDOW_S} seconds
that begin {FIRST_CALLS_S} seconds after the start. What is missing is the way from one call's end to the next request:
webhook, refill hint, tick, call message, call function.
"""


@pytest.fixture
def world() -> Iterator[World]:
    with world_at_work() as up:
        yield up


def test_lines_are_busy_while_people_are_left_to_call(world: World, results: Notebook) -> None:
    section = results.section("busy-lines", "Busy lines", TEXT)
    carrier = Carrier(world.carrier_url)
    carrier.set_fates(mix=[{"weight": 1, "kind": "human", "ring": 0, "talk": 10 * TALK_S}], seed=1)
    laps = [_busy_share(carrier) for _ in range(LAPS)]
    row = section.add(what="lines busy", size=f"{LINES} lines, calls of {TALK_S} s", unit="share", laps=laps)
    section.judge(yardstick="P13", what="share of the time that a line is busy", value=row.median, bar=0.9, unit="")
    section.demand()


def _busy_share(carrier: Carrier) -> float:
    """One campaign from its start to the window's end; it is stopped before its list runs out."""
    before = carrier.state()["ledger"]
    campaign_id = drafted(FORM, fictional(CONTACTS, first=next(_lists) * CONTACTS))  # other people for every lap
    wiring.campaign_office().ask(campaign_id, "start")
    begins = time.time() + FIRST_CALLS_S
    time.sleep(FIRST_CALLS_S + WINDOW_S)
    wiring.campaign_office().ask(campaign_id, "stop")
    carrier.wait_idle(seconds=3 * TALK_S)
    left = wiring.views().progress(campaign_id).counts.get(State.PENDING, 0)
    assert left > LINES, "the list ran out"
    spans = _spans(carrier.ledger(after=before))
    assert _most_at_once(spans) <= LINES
    ends = begins + WINDOW_S
    busy = sum(max(0.0, min(ended, ends) - max(began, begins)) for began, ended in spans)
    return busy / (LINES * WINDOW_S)


def _spans(ledger: Sequence[dict[str, object]]) -> list[tuple[float, float]]:
    """From when to when each call was alive at the carrier."""
    calls: dict[object, list[float]] = {}
    for record in ledger:
        if record["kind"] == "call":
            calls.setdefault(record["sid"], []).append(float(str(record["at"])))
    return [(moments[0], moments[-1]) for moments in calls.values()]


def _most_at_once(spans: Sequence[tuple[float, float]]) -> int:
    steps = sorted([(began, 1) for began, _ in spans] + [(ended, -1) for _, ended in spans])
    alive = most = 0
    for _, step in steps:
        alive += step
        most = max(most, alive)
    return most
