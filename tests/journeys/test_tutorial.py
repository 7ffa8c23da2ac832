"""The tutorial, as a reader goes through it: every command of it runs, and prints what it says."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.environments import ROOT
from local.world import World
from tests.journeys.journey import Journey

TUTORIAL = ROOT / "docs" / "tutorial.md"
_BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_BETWEEN = "-- end of a block --"


@dataclass(frozen=True, kw_only=True)
class Step:
    """Commands, and the lines that they print among others."""

    commands: str
    printed: tuple[str, ...]


def steps() -> Iterator[Step]:
    blocks = _BLOCK.findall(TUTORIAL.read_text())
    for (kind, commands), (following, printed) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        if kind == "sh":
            yield Step(commands=commands, printed=tuple(printed.splitlines()) if following == "text" else ())


@contextmanager
def minutes_pass(journey: Journey) -> Iterator[None]:
    """The schedule's ticks, which sleep in this world."""
    over, minute = threading.Event(), json.loads((ROOT / "events" / "tick_schedule.json").read_text())

    def tick() -> None:
        while not over.wait(0.5):
            journey.world.invoke("TickFunction", minute)

    ticking = threading.Thread(target=tick)
    ticking.start()
    try:
        yield
    finally:
        over.set()
        ticking.join()


def test_every_command_of_the_tutorial_prints_what_it_says(journey: Journey, world: World, tmp_path: Path) -> None:
    written = list(steps())
    script = "".join(f"{step.commands}\necho '{_BETWEEN}'\n" for step in written)
    with minutes_pass(journey):
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path, env=reader(world, tmp_path), capture_output=True, text=True, timeout=200, check=False,
        )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for step, printed in zip(written, ran.stdout.split(_BETWEEN), strict=False):
        assert in_order(step.printed, printed), f"{step.printed}\nis not what this printed:\n{printed}"


def reader(world: World, home: Path) -> dict[str, str]:
    """Somebody at a terminal, in whose path the development environment is."""
    tools = Path(sys.executable).parent
    return {
        "HOME": str(home),
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'dialer'}",
        "LANG": "C.UTF-8",
        "COLUMNS": "200",
        "DIALER_API_URL": world.api_url,
        "DIALER_TOKEN": world.operator_token,
        "DIALER_WORLD": str(world.run.description),
    }


def in_order(expected: tuple[str, ...], printed: str) -> bool:
    """Whether these lines stand in what was printed, in this order; `…` is anything."""
    patterns = (".*?".join(map(re.escape, line.split("…"))) for line in expected)
    return re.search(".*?".join(patterns), printed, re.DOTALL) is not None
