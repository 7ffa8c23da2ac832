"""Webhooks that are lost, doubled, reordered, late or forged change nothing that is true."""

import json
import urllib.request
from urllib.error import HTTPError

import pytest

from tests.journeys.conftest import Numbers
from tests.journeys.journey import HUMAN, Journey, until


def test_lost_doubled_reordered_late_and_forged_webhooks(journey: Journey, numbers: Numbers) -> None:
    journey.carrier.set_faults(
        callbacks=[
            {"kind": "forged", "event": "ringing", "every": 2},
            {"kind": "lost", "event": "completed", "every": 3},
            {"kind": "reorder", "event": "answered", "every": 2},
            {"kind": "duplicate", "event": "completed", "every": 2, "copies": 3},
            {"kind": "delay", "event": "initiated", "every": 2, "seconds": 1},
        ]
    )
    campaign = journey.campaign(numbers(18))
    journey.finish(campaign)
    journey.assert_kept(campaign)
    assert len(journey.requests()) == 18
    assert set(journey.states(campaign).values()) == {"done"}


def test_a_webhook_that_is_faster_than_the_reply(journey: Journey, numbers: Numbers) -> None:
    journey.carrier.set_faults(callbacks=[{"kind": "early", "event": "initiated", "every": 1}])
    campaign = journey.campaign(numbers(6))
    journey.finish(campaign)
    journey.assert_kept(campaign)


@pytest.mark.parametrize("signature", ["", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="])
def test_a_stranger_gets_a_quiet_no(journey: Journey, signature: str) -> None:
    request = urllib.request.Request(
        f"{journey.world.voice_url}/voice/0123456789abcdef01234567/0123456789abcdef01234567-0/status",
        data=b"CallSid=CA1&CallStatus=completed",
        headers={"X-Twilio-Signature": signature} if signature else {},
    )
    with pytest.raises(HTTPError) as refused:
        urllib.request.urlopen(request, timeout=20)
    with refused.value as reply:
        assert reply.status == 403
        assert json.dumps(reply.read().decode()) == '""'


def test_who_presses_nine_is_never_called_again_by_anybody(journey: Journey, numbers: Numbers) -> None:
    (person,) = numbers(1)
    journey.carrier.set_fates({person: {**HUMAN, "digits": ["9"]}})
    first = journey.campaign([person])
    journey.finish(first)
    second = journey.campaign([person])
    journey.finish(second)
    assert journey.states(second) == {person: "suppressed"}
    assert len(journey.requests(person)) == 1


def test_a_pause_stops_every_dial_and_a_resume_forgets_nobody(journey: Journey, numbers: Numbers) -> None:
    campaign = journey.campaign(numbers(20), max_concurrent=3, pacing={"call_delay_s": 0.2, "max_concurrent": 3})
    journey.tick(campaign)
    until(lambda: len(journey.requests()) >= 2, what="the first calls")
    journey.ask(campaign, "pause")
    journey.carrier.wait_idle()  # a request whose permit was older than the pause has arrived by now
    called = len(journey.requests())
    journey.tick(campaign)
    journey.carrier.wait_idle()
    assert len(journey.requests()) == called < 20
    journey.ask(campaign, "resume")
    journey.finish(campaign)
    journey.assert_kept(campaign)


def test_a_power_cut_of_the_database_loses_and_doubles_nothing(journey: Journey, numbers: Numbers) -> None:
    campaign = journey.campaign(numbers(16), max_concurrent=8)
    journey.tick(campaign)
    until(lambda: len(journey.requests()) >= 2, what="the first calls")
    journey.world.restart_mongod()
    journey.finish(campaign)
    verdict = journey.verdict(campaign)
    assert verdict["ok"], verdict
    assert verdict["duplicates"] == 0
