"""Webhooks that are lost, doubled, reordered, late, early or forged change nothing that is true."""

import urllib.request
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.journeys.conftest import Numbers
from tests.journeys.journey import HUMAN, Journey, until

FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "lost", "event": "completed"},
    {"kind": "lost"},
    {"kind": "duplicate", "copies": 3},
    {"kind": "reorder", "event": ["initiated", "ringing", "answered"]},
    {"kind": "delay", "event": ["initiated", "answered"], "seconds": 1},
    {"kind": "delay", "event": "completed", "seconds": 1.5},
    {"kind": "early"},
    {"kind": "forged"},
)
TWICE_BUSY = ["busy", "busy", HUMAN]


def test_every_outcome_stays_exact_whatever_happens_to_its_webhooks(journey: Journey, numbers: Numbers) -> None:
    """Each fault meets an answer, two busy lines before an answer, and a phone that nobody takes."""
    people = numbers(24)
    answering, busy, silent = people[:8], people[8:16], people[16:]
    journey.fates({**dict.fromkeys(busy, TWICE_BUSY), **dict.fromkeys(silent, "no-answer")})
    journey.carrier.set_faults(
        callbacks=[
            {**fault, "match": list(struck)} for fault, *struck in zip(FAULTS, answering, busy, silent, strict=True)
        ]
    )
    campaign = journey.campaign(people, retry={"max_attempts": 3, "delays_s": {"busy": 1}})
    journey.finish(campaign)
    assert set(journey.struck()) == {str(fault["kind"]) for fault in FAULTS}
    found = journey.contacts(campaign)
    stories = {phone: (one["state"], [past["outcome"] for past in one["attempts"]]) for phone, one in found.items()}
    assert stories == {
        **dict.fromkeys(answering, ("done", ["answered"])),
        **dict.fromkeys(busy, ("done", ["busy", "busy", "answered"])),
        **dict.fromkeys(silent, ("failed", ["no-answer"])),
    }
    forged = [record for record in journey.ledger() if record["kind"] == "callback" and record["fault"] == "forged"]
    assert {record["status"] for record in forged} == {403}
    journey.assert_kept(campaign, requests=8 + 3 * 8 + 8)


@pytest.mark.parametrize("signature", ["", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="])
def test_a_stranger_who_knows_an_attempt_gets_a_quiet_no_and_moves_nobody(
    journey: Journey, numbers: Numbers, signature: str
) -> None:
    (person,) = numbers(1)
    journey.carrier.set_faults([{"kind": "reset", "op": "create"}])
    campaign = journey.campaign([person])
    until(lambda: journey.states(campaign) == {person: "uncertain"}, what=lambda: journey.show(campaign))
    before = journey.contacts(campaign)
    (request,) = journey.requests()
    about = f"{journey.world.voice_url}/voice/{request['contact_id']}/{request['attempt_id']}"
    for event, body in (
        ("status", b"CallSid=CA1&CallStatus=completed"),
        ("answer", b"CallSid=CA1&CallStatus=in-progress"),
        ("keypress", b"CallSid=CA1&Digits=9"),
        ("amd", b"CallSid=CA1&AnsweredBy=machine_start"),
    ):
        assert _status(f"{about}/{event}", body, signature) == 403
    assert journey.contacts(campaign) == before


def _status(url: str, body: bytes, signature: str) -> int:
    headers = {"X-Twilio-Signature": signature} if signature else {}
    with pytest.raises(HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(url, data=body, headers=headers), timeout=20)
    with refused.value as reply:
        assert reply.read() == b""
        return reply.code
