"""Functions whose clocks are minutes off, ahead or behind: the database's clock says who may be dialed.

Five minutes are the most there can be: whoever is off by more has requests that AWS no longer takes, and dials nobody.
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.journeys.conftest import Numbers
from tests.journeys.journey import HUMAN, Journey, until

SKEWED = str(Path(__file__).parent / "skewed")
NEARLY_FIVE_MINUTES = 270
REMEMBERED_S = 2 * 24 * 3600  # by the call function's own clock, how long an attempt is remembered


@pytest.mark.parametrize("off", [NEARLY_FIVE_MINUTES, -NEARLY_FIVE_MINUTES])
def test_with_wrong_clocks_nobody_is_dialed_who_may_not_be_and_everybody_who_may(
    journey: Journey, numbers: Numbers, off: int
) -> None:
    """Tick and voice are off to one side, call and reconcile to the other; every bound here is nearer than that."""
    before, after, odd, busy, *others = numbers(6)
    journey.fates({busy: ["busy", HUMAN]})
    with _clocks(journey, {"Tick": off, "Voice": off, "Call": -off, "Reconcile": -off}):
        opening, closed = (
            journey.campaign([person], hours=_hours(opens=opens, closes=closes))
            for person, opens, closes in ((before, 2, 60), (after, -60, -1))
        )
        with journey.messages_kept():
            retries = {"max_attempts": 3, "delays_s": {"busy": 120}}
            opened = journey.campaign([odd, busy, *others], hours=_hours(opens=-2, closes=3), retry=retries)
            messages = journey.take_messages(opened, count=4)
            journey.reconcile()
            assert set(journey.states(opened).values()) == {"claimed"}
        about_odd = journey.contacts(opened)[odd]["contact_id"]
        journey.send_messages([_out_of_time(one, off) if about_odd in one else one for one in messages])
        until(lambda: _called(journey) >= {busy, *others}, what=lambda: journey.show(opened))
        journey.drain()
        journey.carrier.wait_idle()
        assert _off_by(journey) == pytest.approx(-off, abs=60)
        for campaign in (opening, closed):
            assert journey.tick(campaign)["outcome"] == "closed"
        journey.tick(opened)
        journey.reconcile()
        journey.drain()
        journey.carrier.wait_idle()
        found = journey.contacts(opened)
    assert _called(journey) == {busy, *others} | ({odd} if off > 0 else set())
    assert {found[person]["state"] for person in others} == {"done"}
    assert (found[busy]["state"], found[busy]["used"]) == ("pending", 1)
    assert len(journey.requests()) == len(_called(journey))
    assert journey.verdict(opening, closed, opened)["duplicates"] == 0


def _called(journey: Journey) -> set[str]:
    return {request["to"] for request in journey.requests()}


def _out_of_time(message: str, off: int) -> str:
    """Too late by one minute for a function that is behind, or too early by two for one that is ahead."""
    slot, end = (-300, -60) if off > 0 else (120, 240)
    now = datetime.now(UTC)
    moments = {"slot_at": now + timedelta(seconds=slot), "not_after": now + timedelta(seconds=end)}
    return json.dumps(json.loads(message) | {name: moment.isoformat() for name, moment in moments.items()})


def _hours(*, opens: int, closes: int) -> dict[str, str]:
    """A window in minutes from now, in a zone where it is about noon, so that it lies within one day."""
    now = datetime.now(UTC)
    east = 12 - now.hour
    noonish = now + timedelta(hours=east)
    times = [f"{noonish + timedelta(minutes=minutes):%H:%M}" for minutes in (opens, closes)]
    return {"zone": f"Etc/GMT{-east:+}" if east else "UTC", "opens": times[0], "closes": times[1]}


def _off_by(journey: Journey) -> float:
    """How far the call function's clock is off, from when it means to forget the attempts that it has remembered."""
    items = journey.world.client("dynamodb").scan(TableName=journey.world.tables["IdempotencyTable"])["Items"]
    return max(float(item["expiration"]["N"]) for item in items) - REMEMBERED_S - time.time()


@contextmanager
def _clocks(journey: Journey, ahead: Mapping[str, int]) -> Iterator[None]:
    """Each of these functions runs on a machine whose clock is ahead by so many seconds."""
    journey.forget_idempotency()
    _set_clocks(journey, ahead, SKEWED)
    try:
        yield
    finally:
        _set_clocks(journey, dict.fromkeys(ahead, 0), "")


def _set_clocks(journey: Journey, ahead: Mapping[str, int], path: str) -> None:
    for function, seconds in ahead.items():
        journey.world.configure(f"{function}Function", PYTHONPATH=path, CLOCK_AHEAD_SECONDS=str(seconds))
