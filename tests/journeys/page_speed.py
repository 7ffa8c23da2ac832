"""How long somebody with an empty browser waits for the page: `make page-speed`. It measures, and demands nothing."""

import os
import signal
import statistics
from collections.abc import Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import Browser

from local.world import World
from tests.journeys.browser import chromium, visit
from tests.journeys.journey import FROM, Journey
from tests.journeys.office import Office

VIEWS, BEGINNINGS = 15, 5
DRAWN = """() => new Promise((drawn) => {
    const look = () => document.querySelector(SELECTOR) ? drawn(performance.now()) : requestAnimationFrame(look);
    look();
})"""
SIGN_IN = "sessionStorage.setItem('dialer-token', '{token}')"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.mark.timeout(900)
@pytest.mark.parametrize("begins", [False, True])
def test_first_view(world: World, journey: Journey, browser: Browser, begins: bool) -> None:
    """From the first request to the campaigns on the screen, or to the place where a token is asked for."""
    office = Office(url=world.api_url, token=world.operator_token)
    form = {"name": "Reminders", "from_numbers": [FROM], "call": {"say": "Hello."}}
    campaigns = [office.do("POST", "/campaigns", {**form, "any_hour_because": "a measurement"})["id"] for _ in range(5)]
    for selector, token in (("[name=token]", ""), (".campaigns li", world.operator_token)):
        waits = []
        for _ in range(BEGINNINGS if begins else VIEWS):
            if begins:
                end_of(world)
            waits.append(first_view(browser, world.api_url, selector, token))
        print(
            f"\n{'the list of campaigns' if token else 'the page that asks for a token'}, "
            f"{'from a function that begins' if begins else 'from a warm function'}: "
            f"median {statistics.median(waits):.0f} ms, slowest of {len(waits)} {max(waits):.0f} ms"
        )
    assert len(campaigns) == 5


def end_of(world: World) -> None:
    """The next request finds no process that has begun."""
    for pid in world.worker_pids("ApiFunction"):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def first_view(browser: Browser, url: str, selector: str, token: str) -> float:
    """In milliseconds, by the browser's own clock; nothing is in its cache."""
    visitor = visit(browser, url)
    if token:
        visitor.context.add_init_script(SIGN_IN.format(token=token))
    visitor.page.goto(url, wait_until="commit")
    waited = visitor.page.evaluate(DRAWN.replace("SELECTOR", repr(selector)))
    visitor.context.close()
    return float(waited)
