"""An audit of a campaign finds whatever was planted, on the carrier's side or on ours, and nothing else."""

import json
import subprocess
import sys
import urllib.parse
import urllib.request
from base64 import b64encode
from typing import Any

from local.environments import ROOT
from local.processes import plain_environment
from tests.journeys.conftest import Numbers
from tests.journeys.journey import HUMAN, Journey, until

OF_ITS_OWN = "+13105550198"  # so that the carrier's log has nobody else's calls from it
NOTHING = {"duplicates": 0, "orphans": 0, "missing": 0, "mismatched": 0}


def test_an_audit_finds_what_was_planted_and_nothing_else(journey: Journey, numbers: Numbers) -> None:
    twice, removed, longer, dearer, retried, *others = numbers(8)
    journey.fates({retried: ["busy", HUMAN]})
    campaign = journey.campaign([twice, removed, longer, dearer, retried, *others], from_numbers=[OF_ITS_OWN])
    journey.finish(campaign)
    clean = journey.audit(campaign)
    assert (clean["counts"], clean["calls"], clean["attempts"]) == (NOTHING, 9, 9)
    sids = {call["to"]: call["sid"] for call in journey.carrier.calls() if call["from"] == OF_ITS_OWN}

    (request,) = journey.requests(twice)
    second = _call(journey, twice, about=f"/voice/{request['contact_id']}/{request['attempt_id']}")
    stranger = _call(journey, numbers(9)[8], about="/elsewhere")
    _ask_carrier(journey, "DELETE", f"/{sids[removed]}.json")
    journey.rewrite_history(campaign, longer, duration_s=4711)
    journey.rewrite_history(campaign, dearer, price="-47.11")
    journey.carrier.wait_idle()
    planted = {
        "duplicates": [second],
        "orphans": [stranger],
        "missing": [sids[removed]],
        "mismatched": sorted([sids[longer], sids[dearer]]),
    }
    until(lambda: _named(journey.audit(campaign)) == planted, what=lambda: journey.audit(campaign), every=0.2)
    assert _at_a_terminal(journey, campaign) == 1


def _named(report: dict[str, Any]) -> dict[str, list[str]]:
    return {kind: sorted(one["sid"] for one in first) for kind, first in report["first"].items()}


def _at_a_terminal(journey: Journey, campaign: str) -> int:
    """The exit code of the command."""
    world = ["--world", str(journey.world.run.description)]
    command = [sys.executable, "-m", "local", "campaign", "audit", campaign, *world]
    environment = plain_environment(PYTHONPATH=f"{ROOT / 'layers' / 'dialer'}:{ROOT}")
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False).returncode


def _call(journey: Journey, number: str, *, about: str) -> str:
    """Somebody asks the carrier for a call from the campaign's number, past the dialer."""
    url = f"{journey.world.voice_url}{about}"
    fields = {"To": number, "From": OF_ITS_OWN, "Url": f"{url}/answer", "StatusCallback": f"{url}/status"}
    sid: str = json.loads(_ask_carrier(journey, "POST", ".json", fields))["sid"]
    return sid


def _ask_carrier(journey: Journey, method: str, path: str, fields: dict[str, str] | None = None) -> bytes:
    world = journey.world
    account = world.wish.account_sid
    asked = urllib.request.Request(
        f"{world.carrier_url}/2010-04-01/Accounts/{account}/Calls{path}",
        data=urllib.parse.urlencode(fields).encode() if fields else None,
        method=method,
    )
    asked.add_header("Authorization", "Basic " + b64encode(f"{account}:{world.auth_token}".encode()).decode())
    with urllib.request.urlopen(asked, timeout=20) as reply:
        answer: bytes = reply.read()
        return answer
