"""P9: sending call messages: as few requests as the queue allows, and many of them at once."""

import json
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.request import urlopen

import pytest

from benchmarks import rivals
from benchmarks.conftest import Notebook
from benchmarks.measuring import Contestant, Lap, Watch, race
from benchmarks.page import sized
from benchmarks.sizes import LAPS, QUICK
from dialer.adapters.call_queue import SqsCallQueue
from local import runs
from local.environments import ROOT
from local.processes import plain_environment, start
from tests.adapters.aws import client, posts

DELAY_S = 0.01
MESSAGES = 500 if QUICK else 10_000
SINGLES = 100 if QUICK else 1_000  # the one-by-one sender is timed over fewer
TEXT = f"""
{sized(MESSAGES)} messages to a queue that answers every request after {DELAY_S * 1000:.0f} ms, as a queue in the same
region does. The rivals use one thread: one message per request (timed over {sized(SINGLES)}), and ten per request.
"""


@pytest.fixture
def far_queue(run: runs.Run) -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.slow_queue", str(DELAY_S)]
    environment = plain_environment(PYTHONPATH=f"{ROOT}:{ROOT / 'layers' / 'dialer'}")
    part = start("slow-queue", command, world=run.name, logs=run.logs, environment=environment)
    yield part.next_line(within=20)["url"]
    part.stop()


def test_fan_out(far_queue: str, results: Notebook) -> None:
    section = results.section("fan-out", f"Sending {sized(MESSAGES)} messages", TEXT)
    url = f"{far_queue}/123456789012/calls"
    asked: dict[str, list[int]] = {}
    counted = {"from": 0}

    def begin() -> None:
        counted["from"] = _asked(far_queue)

    def end(name: str, lap: Lap) -> None:
        asked.setdefault(name, []).append(_asked(far_queue) - counted["from"])

    works = {
        "ours, ten a request on a few threads": partial(_send, url=url),
        "one thread, ten a request": partial(rivals.send_in_batches, url=url, messages=MESSAGES),
        "one thread, one a request": partial(rivals.send_one_by_one, url=url, messages=SINGLES),
    }
    ran = race(
        [
            Contestant(
                name=name,
                opened=partial(client, "sqs", far_queue),
                work=work,
                before=begin,
                after=partial(end, name),
            )
            for name, work in works.items()
        ],
        laps=LAPS,
    )
    mine, batched, _ = ran
    for measured in ran:
        note = "" if measured is mine else f"ours is {mine.rate / measured.rate:.3g}×"
        section.add(what=measured.name, unit="messages/s", laps=measured.rates, peak_mb=measured.peak_mb, note=note)
    fewest = -(-MESSAGES // 10)
    section.judge(
        yardstick="P9",
        what="requests against the fewest possible",
        value=max(asked[mine.name]) / fewest,
        bar=1,
        higher_is_better=False,
    )
    section.judge(yardstick="P9", what="messages/s against one thread", value=mine.rate / batched.rate, bar=8)
    section.demand()


def _asked(far_queue: str) -> int:
    with urlopen(f"{far_queue}/asked", timeout=10) as reply:
        return int(json.load(reply)["asked"])


def _send(sqs: Any, *, url: str) -> Lap:
    queue = SqsCallQueue(lambda: sqs, posts=lambda: posts(sqs), call_queue_url=url)
    going = rivals.call_messages(MESSAGES)
    with Watch() as watch:
        sent = queue.send(going, delays=[0] * len(going))
    assert not sent.refused
    assert not sent.doubtful
    watch.units = len(going)
    return watch.lap()
