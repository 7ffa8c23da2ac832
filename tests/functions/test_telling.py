"""What the functions tell the outside: metrics in their log, events on the bus; and that neither can cost a call."""

import json
import os
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest

from dialer import wiring
from dialer.lifecycle import State
from dialer.model import CampaignState, Contact, attempt_of
from tests.adapters.raw_server import RawServer, reply
from tests.builders import a_campaign, a_contact, a_message, created, now, stored
from tests.functions.conftest import Stack
from tests.functions.events import batch, event, webhook
from tests.functions.test_abandonment import a_desk, abandon


def metrics(printed: str) -> dict[str, Any]:
    """All numbers that were printed for CloudWatch."""
    lines = [json.loads(line) for line in printed.splitlines() if '"_aws"' in line]
    return {
        metric["Name"]: line[metric["Name"]][0]
        for line in lines
        for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    }


@pytest.fixture
def told(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack with a name and a bus, as a deployed one has."""
    boto3.client("events").create_event_bus(Name="told")
    monkeypatch.setenv("STACK", "told")
    monkeypatch.setenv("EVENT_BUS", "told")
    return stack


@pytest.fixture(autouse=True)
def _no_bus_is_left(aws: Any) -> Any:
    yield
    with pytest.MonkeyPatch.context():
        for bus in boto3.client("events").list_event_buses()["EventBuses"]:
            if bus["Name"] != "default":
                boto3.client("events").delete_event_bus(Name=bus["Name"])


def test_a_dial_is_counted(told: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    contact = stored(told.database, a_contact(created(told.database, a_campaign()), state=State.CLAIMED))
    told.invoke("call", batch(a_message(contact)))
    sent = metrics(capsys.readouterr().out)
    assert (sent["Dialed"], sent["Placed"]) == (1, 1)
    assert sent["SlotLag"] >= 1000  # its slot was a second ago


def test_without_the_name_of_a_stack_nothing_is_counted(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.invoke("tick", {"scheduled_at": "2026-03-02T12:00:00Z"})
    assert capsys.readouterr().out == ""


def test_the_schedules_tick_counts_even_when_there_is_nothing_to_do(
    told: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    told.invoke("tick", {"scheduled_at": "2026-03-02T12:00:00Z"})
    assert metrics(capsys.readouterr().out)["Ticks"] == 1


def test_a_stranger_at_the_door_is_counted(told: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    told.invoke("voice", event("voice_unsigned"))
    assert metrics(capsys.readouterr().out) == {"RefusedWebhooks": 1}


def test_a_pause_by_the_dialer_itself_is_counted(told: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    contact = stored(told.database, a_contact(created(told.database, a_campaign()), state=State.CLAIMED))
    told.carrier.set_fates({contact.phone: {"kind": "refuse", "code": 20003}})
    told.invoke("call", batch(a_message(contact)))
    sent = metrics(capsys.readouterr().out)
    assert (sent["OurFault"], sent["Paused"]) == (1, 1)


def test_a_pause_because_transfers_find_nobody_is_told_once(told: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    campaign = a_desk(told)
    abandon(told, campaign, 4)
    assert "Paused" not in metrics(capsys.readouterr().out)
    abandon(told, campaign, 2)  # the second one ends in a campaign that is paused already
    assert metrics(capsys.readouterr().out)["Paused"] == 1


def test_reconcile_feels_the_pulse(told: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stored(told.database, a_contact(created(told.database, a_campaign()), state=State.HELD))
    told.invoke("reconcile", {})
    sent = metrics(capsys.readouterr().out)
    assert (sent["Held"], sent["Uncertain"], sent["OldestUncertainAge"]) == (1, 0, 0)


@pytest.mark.parametrize("bus", ["nowhere", "-no name-"])
def test_a_bus_that_takes_nothing_costs_no_call_and_is_mentioned(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, bus: str
) -> None:
    monkeypatch.setenv("EVENT_BUS", bus)
    campaign = created(stack.database, a_campaign())
    contact = stored(stack.database, a_contact(campaign, state=State.CLAIMED))
    stack.carrier.set_fates({contact.phone: {"kind": "refuse", "code": 21211}})
    assert stack.invoke("call", batch(a_message(contact))) == {"batchItemFailures": []}
    assert stack.contact(contact).state is State.FAILED
    (line,) = [line for line in stack.log if line["message"] == "announcements were not taken"]
    assert line["count"] >= 1


def test_a_webhook_is_answered_whatever_becomes_of_its_event(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_BUS", "nowhere")
    contact = stored(stack.database, a_contact(created(stack.database, a_campaign()), state=State.PLACED))
    reply = stack.invoke("voice", webhook("voice_status_completed", contact, sid=attempt_of(contact).sid))
    assert reply["statusCode"] == 204
    assert stack.contact(contact).state is State.DONE


def test_a_finished_campaign_is_announced_by_the_tick_that_finds_nothing(told: Stack) -> None:
    campaign = created(told.database, a_campaign())
    told.invoke("tick", {"campaign_id": campaign.id})
    assert told.campaign(campaign).state is CampaignState.RUNNING
    assert told.database["campaigns"].count_documents({"_id": campaign.id, "finished_at": {"$exists": True}}) == 1
    assert wiring.announcer().noted("CampaignFinished") == 0  # it has been sent


def _drip(connection: socket.socket) -> None:
    """A byte before each timeout of a socket: no answer ever comes, and no timeout strikes."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(20):
        connection.sendall(b"{")
        time.sleep(0.4)


def _say_nothing(connection: socket.socket) -> None:
    connection.recv(1)


BUSES: dict[str, Callable[[socket.socket], None]] = {
    "silent": _say_nothing,
    "dripping": _drip,
    "senseless": lambda connection: reply(connection, b"{}", status="200 OK"),
    "failing": lambda connection: reply(connection, b"{}", status="500 Internal Server Error"),
    "refusing": lambda connection: reply(
        connection, b'{"__type":"AccessDeniedException","message":"no"}', status="400 Bad Request"
    ),
}


def a_call(stack: Stack) -> Contact:
    return stored(stack.database, a_contact(created(stack.database, a_campaign()), state=State.PLACED))


def _dial_a_wrong_number(stack: Stack) -> None:
    contact = stored(stack.database, a_contact(created(stack.database, a_campaign()), state=State.CLAIMED))
    stack.carrier.set_fates({contact.phone: {"kind": "refuse", "code": 21211}})
    assert stack.invoke("call", batch(a_message(contact))) == {"batchItemFailures": []}
    assert stack.contact(contact).state is State.FAILED


def _answer_a_second_call(stack: Stack) -> None:
    """It is told to hang up: whoever answered waits for that."""
    contact = a_call(stack)
    answered = stack.invoke("voice", webhook("voice_answer", contact, sid="CA" + "0" * 32))
    assert (answered["statusCode"], "<Hangup" in answered["body"]) == (200, True)


def _give_a_held_contact_up(stack: Stack) -> None:
    contact = a_contact(created(stack.database, a_campaign()), state=State.HELD)
    over = replace(attempt_of(contact), until=now() - timedelta(seconds=1))
    stored(stack.database, replace(contact, attempt=over))
    assert stack.invoke("reconcile", {})["settled"] == 1
    assert stack.contact(contact).state is State.FAILED


def _finish_a_campaign(stack: Stack) -> None:
    campaign = created(stack.database, a_campaign())
    (ticked,) = stack.invoke("tick", {"campaign_id": campaign.id})["campaigns"]
    assert ticked["outcome"] == "nobody due"


WORKS: dict[str, Callable[[Stack], None]] = {
    "call": _dial_a_wrong_number,
    "voice": _answer_a_second_call,
    "reconcile": _give_a_held_contact_up,
    "tick": _finish_a_campaign,
}


@pytest.mark.parametrize("bus", BUSES)
@pytest.mark.parametrize("function", WORKS)
def test_no_bus_however_broken_costs_more_than_two_seconds_or_an_answer(
    told: Stack, monkeypatch: pytest.MonkeyPatch, function: str, bus: str
) -> None:
    with RawServer(BUSES[bus]) as broken:
        monkeypatch.setenv("AWS_ENDPOINT_URL_EVENTBRIDGE", broken.url)
        for _ in range(2):  # a container's first invocation, and the next
            began = time.monotonic()
            WORKS[function](told)
            assert time.monotonic() - began < 4  # two of them the bus's; the rest is the function's own work
        assert broken.requests >= 2
    lost = [line["count"] for line in told.log if line["message"] == "announcements were not taken"]
    assert len(lost) == 2


@pytest.mark.parametrize("function", WORKS)
def test_a_log_that_takes_no_metric_costs_no_answer(
    told: Stack, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    """Its reader is gone: every line that is printed is refused by the system."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", buffering=1) as gone:
        monkeypatch.setattr(sys, "stdout", gone)
        try:
            WORKS[function](told)
        finally:
            monkeypatch.undo()
            told.carrier.wait_idle()
            _forget(gone)


def _forget(gone: Any) -> None:
    """What could not be written must not be tried again when the file is closed."""
    with open(os.devnull, "w") as devnull:  # noqa: PTH123
        os.dup2(devnull.fileno(), gone.fileno())
