"""docs/operations.md: its first campaign runs as it is written, and it speaks of every alarm there is."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.environments import ROOT
from local.world import World
from tests.journeys.desk import Desk
from tests.journeys.journey import Journey, until

pytestmark = pytest.mark.world
GUIDE = (ROOT / "docs" / "operations.md").read_text()
DEMO = ROOT / "local" / "demo"


def test_the_first_campaign_is_made_filled_and_started_as_the_guide_says(
    world: World, desk: Desk, tmp_path: Path
) -> None:
    (program,) = re.findall(r"```python\n(# first_campaign\.py\n.*?)```", GUIDE, re.DOTALL)
    (tmp_path / "first_campaign.py").write_text(program)
    rows = (DEMO / "contacts.csv").read_text().splitlines()[:6]
    (tmp_path / "contacts.csv").write_text("\n".join(rows))
    done = subprocess.run(
        [sys.executable, "first_campaign.py", str(DEMO / "campaign.json"), "contacts.csv"],
        cwd=tmp_path,
        env={**os.environ, "API": world.api_url, "TOKEN": world.operator_token},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "'added': 5" in done.stdout
    (campaign,) = re.findall(r"^running (\w+)$", done.stdout, re.MULTILINE)
    journey = Journey(world, desk)
    try:
        assert journey.show(campaign)["state"] == "running"
        until(lambda: len(journey.requests()) >= 5, what=lambda: journey.show(campaign)["counts"])  # by its own hint
    finally:
        journey.ask(campaign, "stop")
        journey.carrier.wait_idle(seconds=60)


def test_every_alarm_is_explained_and_every_command_names_what_there_is(world: World) -> None:
    alarms = world.stack.of_type("AWS::CloudWatch::Alarm").keys()
    assert [name for name in alarms if f"`{name}`" not in GUIDE] == []
    assert set(re.findall(r"OutputKey=='(\w+)'", GUIDE)) <= world.stack.outputs.keys()
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {name.split()[0] for name in re.findall(r"`make ([a-z -]+)`", GUIDE)} <= set(targets)
