"""The process, its control API and its ledger keep their word."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from local.carrier.control import ROOT, Carrier, MisaskedError, running
from tests.carrier.conftest import FROM, SID, TOKEN, Connect, Dial, StartCarrier

COMMAND = [sys.executable, "-m", "local.carrier", "--account-sid", SID, "--auth-token", TOKEN]
MIX = {"human": 5, "machine": 2, "busy": 2, "no-answer": 1, "failed": 1}


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_one_line_tells_when_it_is_ready_and_a_signal_ends_it(tmp_path: Path, ending: signal.Signals) -> None:
    with subprocess.Popen([*COMMAND, "--state", str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        ready = json.loads(process.stdout.readline())
        assert ready["pid"] == process.pid
        assert ready["url"].startswith("http://127.0.0.1:")
        assert Carrier(ready["url"]).state()["active"] == 0
        os.kill(process.pid, ending)
        assert process.wait(timeout=5) == 0
        assert process.stdout.read() == ""


def test_it_ends_at_once_with_calls_and_requests_still_open(tmp_path: Path, connect: Connect, phone: str) -> None:
    with running(tmp_path, account_sid=SID, token=TOKEN) as carrier:
        for n in range(5):
            connect(carrier).calls.create(to=f"{phone}{n}", from_=FROM, twiml="<Response/>")
        carrier.set_faults(requests=[{"kind": "hang", "op": "list"}])
        waiting = socket.create_connection(("127.0.0.1", int(carrier.url.rsplit(":", 1)[1])))
        waiting.sendall(f"GET /2010-04-01/Accounts/{SID}/Calls.json HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        time.sleep(0.1)
        began = time.monotonic()
    waiting.close()
    assert time.monotonic() - began < 5


def test_a_new_start_keeps_the_old_ledger_under_another_name(tmp_path: Path, connect: Connect, phone: str) -> None:
    with running(tmp_path, account_sid=SID, token=TOKEN, time_scale=0.002) as first:
        connect(first).calls.create(to=phone, from_=FROM, twiml="<Response/>")
        first.wait_idle()
    with running(tmp_path, account_sid=SID, token=TOKEN) as second:
        assert [record["kind"] for record in second.ledger()] == ["opened", "fates"]
    old = next(tmp_path.glob("ledger-*.jsonl")).read_text().splitlines()
    assert any(json.loads(line)["kind"] == "call" for line in old)


def test_the_ledger_is_numbered_and_can_be_read_from_anywhere(
    carrier: StartCarrier, connect: Connect, dial: Dial, phone: str
) -> None:
    ours = carrier()
    before = ours.state()["ledger"]
    call = dial(connect(ours), phone, contact="contact%201", attempt="attempt-1")
    ours.wait_idle()
    records = ours.ledger(after=before)
    assert [record["n"] for record in records] == list(range(before + 1, before + 1 + len(records)))
    asked = next(record for record in records if record["kind"] == "request")
    assert asked["op"] == "create"
    assert (asked["to"], asked["from"], asked["sid"], asked["ip"]) == (phone, FROM, call.sid, "127.0.0.1")
    assert (asked["contact_id"], asked["attempt_id"]) == ("contact 1", "attempt-1")
    story = [record["status"] for record in records if record["kind"] == "call" and record["sid"] == call.sid]
    assert story == ["queued", "ringing", "in-progress", "completed"]
    assert len([record for record in records if record["kind"] == "callback"]) == 5


def test_the_attempt_is_read_from_any_url_and_from_twiml(carrier: StartCarrier, connect: Connect, phone: str) -> None:
    ours = carrier()
    twiml = '<Response><Gather action="https://x.test/stage/voice/c7/a7/keypress"/></Response>'
    sid = connect(ours).calls.create(to=phone, from_=FROM, twiml=twiml).sid
    (call,) = [call for call in ours.calls() if call["sid"] == sid]
    assert (call["contact_id"], call["attempt_id"]) == ("c7", "a7")


def test_state_counts_what_happened(carrier: StartCarrier, connect: Connect, dial: Dial, phone: str) -> None:
    ours = carrier(seed=3)
    client = connect(ours)
    dial(client, phone).fetch()
    state = ours.wait_idle()
    assert state["requests"] == {"create": 1, "fetch": 1}
    assert (state["accepted"], state["active"], state["queued"]) == (1, 0, 0)
    assert state["callbacks"] == {"made": 5, "pending": 0}


def history(tmp_path: Path, connect: Connect, *, seed: int, order: int) -> dict[tuple[str, int], str]:
    phones = [f"+1556111{n:04}" for n in range(20)][::order]
    with running(tmp_path / f"{seed}{order}", account_sid=SID, token=TOKEN, time_scale=0, seed=seed) as ours:
        ours.set_fates(mix=MIX)
        client = connect(ours)
        for _ in range(2):
            for phone in phones:
                client.calls.create(to=phone, from_=FROM, twiml="<Response/>")
        ours.wait_idle()
        calls = ours.calls()
    return {(phone, n): one["fate"] for phone in phones for n, one in enumerate(c for c in calls if c["to"] == phone)}


def test_the_same_seed_gives_the_same_history_in_any_order(tmp_path: Path, connect: Connect) -> None:
    first = history(tmp_path, connect, seed=1, order=1)
    assert history(tmp_path, connect, seed=1, order=-1) == first
    assert history(tmp_path, connect, seed=2, order=1) != first
    assert len(set(first.values())) > 2


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda c: c.set_fates({"+1": "asleep"}), "kind must be one of human, machine"),
        (lambda c: c.set_fates({"+1": []}), "must name at least one fate"),
        (lambda c: c.set_fates({"+1": "refuse"}), "must say with which code"),
        (lambda c: c.set_fates({"+1": {"kind": "busy", "rings": 3}}), "unknown name 'rings'"),
        (lambda c: c.set_fates(mix={"human": 0}), "must have a weight above 0"),
        (lambda c: c.set_fates(mix={"human": -1}), "must be a number of at least 0"),
        (lambda c: c.set_faults(requests=[{"kind": "lost"}]), "kind must be one of html_502"),
        (lambda c: c.set_faults(requests=[{"kind": "500", "op": "create"}]), "kind must be one of html_502"),
        (lambda c: c.set_faults(requests=[{"kind": "429", "nth": [0]}]), "at least 1"),
        (
            lambda c: c.set_faults(requests=[{"kind": "429", "nth": [1], "every": 2}]),
            "must choose one of nth and every",
        ),
        (lambda c: c.set_faults(requests=[{"kind": "429", "probability": 2}]), "must be from 0 to 1"),
        (lambda c: c.set_faults(callbacks=[{"kind": "lost", "event": "answer"}]), "must be one of initiated"),
        (lambda c: c.set_faults(callbacks=[{"kind": "lost", "op": "create"}]), "unknown name 'op'"),
        (lambda c: c.set_routes({"x": 1}), "must be a text"),
        (lambda c: c.refuse(-1), "must be a number of at least 0"),
        (lambda c: c.verdict([{"phone": "+1"}], {"max_attempts": 1}), "rows[0].campaign_id must be a text"),
        (lambda c: c.verdict([], {}), "policy.max_attempts must be a whole number"),
    ],
)
def test_what_is_malformed_is_refused_with_one_sentence(shared_carrier: Carrier, ask: Any, sentence: str) -> None:
    with pytest.raises(MisaskedError) as refused:
        ask(shared_carrier)
    assert sentence in str(refused.value)
