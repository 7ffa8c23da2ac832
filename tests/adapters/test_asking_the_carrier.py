"""Asking the carrier: a whole answer or Unavailable. From half an answer nothing is concluded."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dialer.adapters.carrier import TwilioWitness
from dialer.carrier_answers import Placed
from dialer.errors import Unavailable
from dialer.model import CallReport
from dialer.ports import CallRequest
from local.carrier.control import Carrier, running
from tests.adapters.calling import ACCOUNT, TOKEN, a_request, dialer, witness
from tests.adapters.http_wire import Cut, Reply, Silence, WireServer
from tests.builders import FROM_NUMBER, a_phone, a_sid, now
from tests.carrier.receiver import Receiver

SCALE = 0.002
NOBODY = "CA" + "0" * 32


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carrier]:
    state = tmp_path_factory.mktemp("carrier")
    with running(state, account_sid=ACCOUNT, token=TOKEN, time_scale=SCALE) as carrier:
        yield carrier


@pytest.fixture
def carrier(simulator: Carrier) -> Iterator[Carrier]:
    yield simulator
    simulator.set_fates()
    simulator.set_faults()


@pytest.fixture
def asking(carrier: Carrier) -> Iterator[TwilioWitness]:
    with witness(carrier.url) as one:
        yield one


def placed(carrier: Carrier, request: CallRequest, *, voice_url: str = "http://127.0.0.1:9") -> str:
    answer = dialer(carrier.url, timeout_s=5, voice_url=voice_url).place(request)
    assert isinstance(answer, Placed)
    return answer.sid


def test_every_call_between_two_numbers_is_listed_and_no_other(carrier: Carrier, asking: TwilioWitness) -> None:
    request, before = a_request(), now()
    sids = [placed(carrier, request) for _ in range(3)]
    placed(carrier, a_request())
    placed(carrier, a_request(to=request.to, from_number="+12015550198"))
    listed = asking.calls_to(request.to, from_number=FROM_NUMBER)
    assert sorted(call.sid for call in listed) == sorted(sids)
    for call in listed:
        assert (call.to, call.from_number) == (request.to, FROM_NUMBER)
        assert (before - call.created_at).total_seconds() < 1.5
        assert call.created_at.tzinfo is not None
    assert asking.calls_to(a_phone(), from_number=FROM_NUMBER) == []


def test_a_list_of_many_pages_is_read_to_its_end(carrier: Carrier, asking: TwilioWitness) -> None:
    """Half pages, each with the rest on the next."""
    request = a_request()
    sids = [placed(carrier, request) for _ in range(5)]
    carrier.set_faults(requests=[{"kind": "incomplete", "op": "list", "match": request.to, "nth": [1, 2]}])
    listed = asking.calls_to(request.to, from_number=FROM_NUMBER)
    assert sorted(call.sid for call in listed) == sorted(sids)


def test_a_list_that_fails_on_a_later_page_is_no_list(carrier: Carrier, asking: TwilioWitness) -> None:
    request = a_request()
    for _ in range(4):
        placed(carrier, request)
    half = {"kind": "incomplete", "op": "list", "match": request.to, "nth": [1]}
    carrier.set_faults(requests=[half, {"kind": "500", "op": "list", "match": request.to, "nth": [2]}])
    with pytest.raises(Unavailable):
        asking.calls_to(request.to, from_number=FROM_NUMBER)


def test_calls_that_wait_in_the_carrier_s_queue_are_listed_and_can_be_cancelled(tmp_path: Path) -> None:
    """They have no start yet: any filter on it would hide them."""
    with running(tmp_path, account_sid=ACCOUNT, token=TOKEN, cps=0.2) as carrier, witness(carrier.url) as asking:
        request = a_request()
        placed(carrier, a_request())
        waiting = placed(carrier, request)
        (call,) = asking.calls_to(request.to, from_number=FROM_NUMBER)
        assert (call.sid, call.status) == (waiting, "queued")
        assert asking.report(waiting) == CallReport(sid=waiting, status="queued")
        asking.cancel(waiting)
        assert asking.report(waiting) == CallReport(sid=waiting, status="canceled")


@pytest.mark.parametrize(
    ("fate", "status", "answered_by"),
    [
        ("human", "completed", "human"),
        ("machine", "completed", "machine_start"),
        ("busy", "busy", ""),
        ("no-answer", "no-answer", ""),
        ("failed", "failed", ""),
    ],
)
def test_a_call_s_end_is_reported(
    carrier: Carrier, asking: TwilioWitness, fate: str, status: str, answered_by: str
) -> None:
    receiver = Receiver(answers={"/answer": "<Response><Pause length='1'/></Response>"})
    request = a_request(detect_machine=True)
    carrier.set_fates({request.to: fate})
    sid = placed(carrier, request, voice_url=receiver.url)
    deadline = time.monotonic() + 10
    while (report := asking.report(sid)) and report.status != status and time.monotonic() < deadline:
        time.sleep(0.05)
    carrier.wait_idle()
    receiver.close()
    assert report is not None
    assert (report.sid, report.status, report.answered_by) == (sid, status, answered_by)
    was_on = status == "completed"
    assert (report.duration is not None, report.price is not None) == (was_on, was_on)
    assert [call.status for call in asking.calls_to(request.to, from_number=FROM_NUMBER)] == [status]


def test_a_call_that_the_carrier_does_not_know_is_none(asking: TwilioWitness) -> None:
    assert asking.report(NOBODY) is None
    with pytest.raises(Unavailable):
        asking.cancel(NOBODY)
    with pytest.raises(Unavailable):
        asking.mentions(NOBODY, "contact-attempt")


def test_the_request_log_tells_whose_call_it_is_once_it_is_there(tmp_path: Path) -> None:
    receiver = Receiver()
    options = {"time_scale": SCALE, "events_lag": 0.5 / SCALE}
    with running(tmp_path, account_sid=ACCOUNT, token=TOKEN, **options) as carrier, witness(carrier.url) as asking:
        sid = placed(carrier, a_request(), voice_url=receiver.url)
        assert asking.mentions(sid, "contact-attempt") is None
        carrier.wait_idle()
        deadline = time.monotonic() + 10
        while (known := asking.mentions(sid, "contact-attempt")) is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert known is True
        assert asking.mentions(sid, "contact-another") is False
    receiver.close()


QUESTIONS: dict[str, Callable[[TwilioWitness, str], Any]] = {
    "list": lambda asking, phone: asking.calls_to(phone, from_number=FROM_NUMBER),
    "fetch": lambda asking, sid: asking.report(sid),
    "events": lambda asking, sid: asking.mentions(sid, "contact-attempt"),
    "update": lambda asking, sid: asking.cancel(sid),
}


FAULTS = ("500", "503", "html_502", "429", "reset", "hang", "cut", "slow", "truncated")


@pytest.mark.parametrize(
    ("op", "fault"),
    [
        *((op, fault) for op in ("list", "fetch", "events") for fault in FAULTS),
        ("fetch", "empty"),
        ("events", "empty"),  # an empty list of calls is a whole answer: only the horizon can tell
    ],
)
def test_a_fault_on_reading_is_unavailable(carrier: Carrier, op: str, fault: str) -> None:
    request = a_request()
    sid = placed(carrier, request)
    carrier.set_faults(requests=[{"kind": fault, "op": op, "match": request.to, "seconds": 0.6}])
    with witness(carrier.url, timeout_s=0.3) as asking, pytest.raises(Unavailable):
        QUESTIONS[op](asking, sid if op != "list" else request.to)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    "answer",
    [
        *(
            Reply(status=200, body=body)
            for body in (
                b"",
                b"null",
                b"[]",
                b'"text"',
                b"7",
                b"<html>",
                b'{"calls": [{"sid": "CA1"',
                b"\xff",
            )
        ),
        Reply(status=301, headers={"Location": "/elsewhere"}),
        Reply(status=401, body=b"{}"),
        Cut(),
        Silence(),
    ],
    ids=str,
)
def test_an_odd_answer_is_unavailable(question: str, answer: Reply | Cut | Silence) -> None:
    with WireServer(lambda _: answer) as server, witness(server.url) as asking, pytest.raises(Unavailable):
        QUESTIONS[question](asking, NOBODY)


@pytest.mark.parametrize(
    ("question", "body"),
    [
        ("list", b"{}"),
        ("list", b'{"calls": null}'),
        ("list", b'{"calls": [null]}'),
        ("list", b'{"calls": [{}]}'),
        ("list", b'{"calls": ["CA1"]}'),
        ("list", b'{"calls": [{"sid": "CA1"}]}'),
        ("list", b'{"calls": [{"sid": "CA1", "date_created": "soon"}]}'),
        ("list", b'{"calls": [{"date_created": "Mon, 02 Mar 2026 12:00:00 +0000"}]}'),
        ("list", b'{"calls": 3}'),
        ("fetch", b"{}"),
        ("fetch", b'{"sid": "CA1", "status": null}'),
        ("fetch", b'{"sid": "CA1", "status": ""}'),
        ("events", b"{}"),
        ("events", b'{"events": null}'),
        ("events", b'{"events": [null]}'),
        ("events", b'{"events": [{"request": "text"}]}'),
    ],
    ids=str,
)
def test_a_record_without_what_matters_is_unavailable(question: str, body: bytes) -> None:
    reply = Reply(status=200, body=body)
    with WireServer(lambda _: reply) as server, witness(server.url) as asking, pytest.raises(Unavailable):
        QUESTIONS[question](asking, NOBODY)


def test_an_event_without_a_url_mentions_nobody() -> None:
    reply = Reply(status=200, body=b'{"events": [{"request": {}}, {"request": null}]}')
    with WireServer(lambda _: reply) as server, witness(server.url) as asking:
        assert asking.mentions(a_sid(), "contact-attempt") is False


@pytest.mark.parametrize("question", QUESTIONS)
def test_silence_ends_at_the_time_out(question: str) -> None:
    with WireServer(lambda _: Silence()) as server, witness(server.url, timeout_s=0.3) as asking:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            QUESTIONS[question](asking, NOBODY)
        assert time.monotonic() - began < 1.5


def test_the_list_is_asked_for_without_a_filter_on_start_or_status() -> None:
    with WireServer(lambda _: Reply(body=b'{"calls": []}')) as server, witness(server.url) as asking:
        asking.calls_to("+12015550100", from_number=FROM_NUMBER)
    (asked,) = server.asked
    assert asked.path.partition("?")[2].split("&") == [
        "To=%2B12015550100",
        "From=%2B12015550199",
        "PageSize=1000",
    ]
