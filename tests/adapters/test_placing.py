"""Placing a call: whatever goes wrong, at most one request leaves, and the answer claims no more than is known."""

import json
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from dialer.carrier_answers import KNOWN_CODES, Answer, NotPlaced, OurFault, Placed, Refused, Unsure
from local.carrier.control import Carrier, running
from local.processes import free_port
from tests.adapters.calling import ACCOUNT, TIMEOUT_S, TOKEN, a_request, dialer
from tests.adapters.http_wire import Cut, Reply, Silence, WireServer
from tests.adapters.raw_server import RawServer, break_the_record_layer, make_certificate, reply
from tests.builders import FROM_NUMBER, a_phone

REGION_CODES = (13227, 21215)
NUMBER_CODES = (13223, 13224, 13225, 13226, 21202, 21211, 21214, 21216, 21217)
PASSING_CODES = (10004, 20429)
ACCOUNT_CODES = (
    *(10001, 10002, 10005, 20003, 20005, 20006, 20008, 20403, 21203, 21205, 21206, 21207, 21208, 21209),
    *(21210, 21212, 21213, 21218, 21219, 21609, 21626, 573005),
)
UNKNOWN_CODES = (15002, 20001, 20404, 20500, 20503, 21201, 21220, 99999)


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carrier]:
    with running(tmp_path_factory.mktemp("carrier"), account_sid=ACCOUNT, token=TOKEN, time_scale=0.002) as carrier:
        yield carrier


@pytest.fixture
def carrier(simulator: Carrier) -> Iterator[Carrier]:
    yield simulator
    simulator.set_fates()
    simulator.set_faults()


def creates(carrier: Carrier, phone: str) -> list[dict[str, Any]]:
    """Every request to call this number that reached the carrier, by its ledger."""
    return [
        record
        for record in carrier.ledger()
        if record["kind"] == "request" and record["op"] == "create" and record["to"] == phone
    ]


def calls(carrier: Carrier, phone: str) -> list[dict[str, Any]]:
    return [call for call in carrier.calls() if call["to"] == phone]


def test_a_placed_call_is_known_by_the_carrier_s_id(carrier: Carrier) -> None:
    request = a_request()
    answer = dialer(carrier.url).place(request)
    (call,) = calls(carrier, request.to)
    assert answer == Placed(sid=call["sid"], status="queued")
    assert call["from"] == FROM_NUMBER


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        *(('"1500"', 1.5), ('"0"', 0), ("2500", 2.5), ('"86400000"', 86_400), ("null", 0), ('""', 0), ('"soon"', 0)),
        *(('"-1"', 0), ('"1e9"', 0), ("1.5", 0), ("true", 0), ("[]", 0), (f'"{"9" * 5000}"', 0), ("9" * 300, 0)),
    ],
)
def test_a_placed_call_says_how_long_it_waits_at_the_carrier_and_nonsense_is_no_wait(said: str, seconds: float) -> None:
    body = f'{{"sid": "CA1", "status": "queued", "queue_time": {said}}}'.encode()
    with WireServer(lambda _: Reply(status=201, body=body)) as server:
        answer = dialer(server.url).place(a_request())
    assert answer == Placed(sid="CA1", status="queued", queue_time=timedelta(seconds=seconds))


def test_a_connection_that_took_too_long_to_make_carries_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server's answer is under no timeout of a socket: by then a pause may have been confirmed."""
    ask = socket.getaddrinfo

    def slowly(*args: Any, **named: Any) -> Any:
        time.sleep(2 * TIMEOUT_S)
        return ask(*args, **named)

    with WireServer(lambda _: Reply(status=201, body=b'{"sid": "CA1", "status": "queued"}')) as server:
        monkeypatch.setattr(socket, "getaddrinfo", slowly)
        assert dialer(server.url).place(a_request()) == NotPlaced(reason="no connection in time")
        monkeypatch.undo()
        assert server.asked == []
        assert isinstance(dialer(server.url).place(a_request()), Placed)


def test_both_urls_carry_the_ids_and_ask_for_retries(carrier: Carrier) -> None:
    request = a_request(contact_id="6b05", attempt_id="6b05-c0ffee")
    dialer(carrier.url, voice_url="https://voice.example").place(request)
    (record,) = creates(carrier, request.to)
    assert (record["contact_id"], record["attempt_id"], record["torn"]) == ("6b05", "6b05-c0ffee", False)


def test_the_request_says_all_that_the_plan_says_and_nothing_else() -> None:
    request = a_request(ring_timeout=timedelta(seconds=25), talk_limit=timedelta(seconds=90), detect_machine=True)
    with WireServer(lambda _: Reply(status=201, body=b'{"sid": "CA1", "status": "queued"}')) as server:
        assert dialer(server.url, voice_url="https://voice.example").place(request) == Placed(
            sid="CA1", status="queued"
        )
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json")
    assert parse_qs(asked.body.decode()) == {
        "To": [request.to],
        "From": [FROM_NUMBER],
        "Url": ["https://voice.example/voice/contact/contact-attempt/answer#rc=5&rp=all"],
        "StatusCallback": ["https://voice.example/voice/contact/contact-attempt/status#rc=5&rp=all"],
        "StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
        "Timeout": ["25"],
        "TimeLimit": ["90"],
        "MachineDetection": ["Enable"],
        "AsyncAmd": ["true"],
        "AsyncAmdStatusCallback": ["https://voice.example/voice/contact/contact-attempt/amd#rc=5&rp=all"],
        "AsyncAmdStatusCallbackMethod": ["POST"],
    }


@pytest.mark.parametrize(("beep", "kind"), [(False, "Enable"), (True, "DetectMessageEnd")])
@pytest.mark.parametrize("first", [False, True])
def test_detection_goes_on_beside_the_call_unless_it_must_come_first(first: bool, beep: bool, kind: str) -> None:
    with WireServer(lambda _: Reply(status=201, body=b'{"sid": "CA1"}')) as server:
        dialer(server.url).place(a_request(detect_machine=True, detect_first=first, await_beep=beep))
    asked = parse_qs(server.asked[0].body.decode())
    assert asked["MachineDetection"] == [kind]
    assert ("AsyncAmd" in asked, "AsyncAmdStatusCallback" in asked) == (not first, not first)


def test_machines_are_detected_only_where_asked_for() -> None:
    with WireServer(lambda _: Reply(status=201, body=b'{"sid": "CA1"}')) as server:
        dialer(server.url).place(a_request())
    assert b"MachineDetection" not in server.asked[0].body


# every fault of a request


@pytest.mark.parametrize(
    ("fault", "expected", "called"),
    [
        ("accepted_then_cut", Unsure, 1),
        ("accepted_slow", Unsure, 1),
        ("accepted_empty", Unsure, 1),
        ("accepted_truncated", Unsure, 1),
        ("accepted_html_502", Unsure, 1),
        ("accepted_500", Unsure, 1),
        ("html_502", Unsure, 0),
        ("500_before", Unsure, 0),
        ("503_before", Unsure, 0),
        ("reset", Unsure, 0),
        ("hang", Unsure, 0),
        ("429", NotPlaced, 0),
    ],
)
def test_a_fault_is_one_request_and_an_honest_answer(
    carrier: Carrier, fault: str, expected: type[Answer], called: int
) -> None:
    request = a_request()
    carrier.set_faults(requests=[{"kind": fault, "match": request.to, "seconds": 1}])
    answer = dialer(carrier.url).place(request)
    assert isinstance(answer, expected)
    assert len(calls(carrier, request.to)) == called
    time.sleep(0.05)
    (record,) = creates(carrier, request.to)
    assert record["fault"] == fault


def test_a_fault_that_would_pass_at_a_second_try_gets_none(carrier: Carrier) -> None:
    for fault in ("reset", "500_before", "429", "html_502"):
        request = a_request()
        carrier.set_faults(requests=[{"kind": fault, "match": request.to, "limit": 1}])
        assert not isinstance(dialer(carrier.url).place(request), Placed)
        assert len(creates(carrier, request.to)) == 1


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (NUMBER_CODES, Refused),
        (REGION_CODES, OurFault),
        (ACCOUNT_CODES, OurFault),
        (PASSING_CODES, NotPlaced),
        (UNKNOWN_CODES, Unsure),
    ],
)
def test_an_error_body_means_what_the_table_says(
    carrier: Carrier, codes: tuple[int, ...], expected: type[Answer]
) -> None:
    requests = {code: a_request() for code in codes}
    carrier.set_fates(
        {request.to: {"kind": "refuse", "code": code, "status": 400} for code, request in requests.items()}
    )
    for code, request in requests.items():
        answer = dialer(carrier.url).place(request)
        assert isinstance(answer, expected), code
        assert not isinstance(answer, Placed)
        assert str(code) in answer.reason
        assert isinstance(answer, OurFault) is (expected is OurFault)
        assert not isinstance(answer, OurFault) or answer.region_only is (code in REGION_CODES)
        assert len(creates(carrier, request.to)) == 1
        assert calls(carrier, request.to) == []


def test_these_lists_are_the_whole_table() -> None:
    assert {*NUMBER_CODES, *REGION_CODES, *ACCOUNT_CODES, *PASSING_CODES} == KNOWN_CODES


@pytest.mark.parametrize("code", sorted(KNOWN_CODES))
def test_no_code_is_a_no_when_it_comes_with_a_server_error(code: int) -> None:
    """A proxy in front of the carrier may have let the request through before it failed."""
    body = json.dumps({"code": code, "message": "", "status": 500}).encode()
    with WireServer(lambda _: Reply(status=500, body=body)) as server:
        assert isinstance(dialer(server.url).place(a_request()), Unsure)
    assert len(server.asked) == 1


def test_wrong_credentials_are_our_fault(carrier: Carrier) -> None:
    answer = dialer(carrier.url, token="wrong").place(a_request())
    assert isinstance(answer, OurFault)
    assert "wrong" not in answer.reason
    assert not answer.region_only


def test_too_many_requests_a_second_were_not_placed(tmp_path: Path) -> None:
    with running(tmp_path, account_sid=ACCOUNT, token=TOKEN, rate_limit=1, time_scale=0.002) as carrier:
        answers = [dialer(carrier.url).place(a_request()) for _ in range(4)]
        assert isinstance(answers[0], Placed)
        refused = [answer for answer in answers if isinstance(answer, NotPlaced)]
        assert refused
        assert len(carrier.calls()) == 4 - len(refused)


PROBLEM = {"Content-Type": "application/problem+json"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Reply(status=201, body=b""), Unsure),
        (Reply(status=201, body=b"{}"), Unsure),
        (Reply(status=201, body=b"null"), Unsure),
        (Reply(status=201, body=b"[]"), Unsure),
        (Reply(status=201, body=b'"CA1"'), Unsure),
        (Reply(status=201, body=b'{"sid": null}'), Unsure),
        (Reply(status=201, body=b'{"sid": ""}'), Unsure),
        (Reply(status=201, body=b'{"sid": "CA1"'), Unsure),
        (Reply(status=201, body=b"\xff\xfe"), Unsure),
        (Reply(status=204), Unsure),
        (Reply(status=200, body=b"<html>"), Unsure),
        (Reply(status=301, headers={"Location": "/elsewhere"}), Unsure),
        (Reply(status=307, headers={"Location": "/elsewhere"}), Unsure),
        (Reply(status=308, headers={"Location": "/elsewhere"}), Unsure),
        (Reply(status=400), Unsure),
        (Reply(status=400, body=b'{"code": "21211"}'), Unsure),
        (Reply(status=400, body=b'{"code": 21211}'), Refused),
        (Reply(status=403, body=b"<html>"), Unsure),
        (Reply(status=404, body=b"{}"), Unsure),
        (Reply(status=408, body=b"{}"), Unsure),
        (Reply(status=409, body=b"{}"), Unsure),
        (Reply(status=401, body=b"<html>"), OurFault),
        (Reply(status=429, body=b"<html>"), NotPlaced),
        (Reply(status=429, body=b'{"code": 15001}'), NotPlaced),
        (Reply(status=500, body=b"null"), Unsure),
        (Reply(status=502, body=b"<html>"), Unsure),
        (Reply(status=503, body=b'{"code": 20503}'), Unsure),
        (Reply(status=504), Unsure),
        (Reply(status=400, headers=PROBLEM, body=b'{"code": 21211, "title": "x", "status": 400}'), Refused),
        (Reply(status=500, headers=PROBLEM, body=b'{"code": 21211, "title": "x", "status": 500}'), Unsure),
        (Reply(status=503, headers=PROBLEM, body=b'{"type": "t", "title": "x", "status": 429, "code": 20429}'), Unsure),
        (
            Reply(status=400, headers=PROBLEM, body=b'{"type": "t", "title": "x", "status": "400", "code": 21211}'),
            Unsure,
        ),
        (Reply(status=400, headers=PROBLEM, body=b'{"type": "t", "title": "x", "status": 400, "code": [1]}'), Unsure),
        (Cut(), Unsure),
        (Silence(), Unsure),
    ],
    ids=str,
)
def test_a_reply_proves_no_more_than_it_says(answer: Reply | Cut | Silence, expected: type[Answer]) -> None:
    with WireServer(lambda _: answer) as server:
        assert isinstance(dialer(server.url).place(a_request()), expected)
    assert len(server.asked) == 1, "one request, never followed, never repeated"


# connections


def test_a_refused_connection_was_not_placed(carrier: Carrier) -> None:
    request = a_request()
    assert isinstance(dialer(f"http://127.0.0.1:{free_port()}").place(request), NotPlaced)
    carrier.refuse(0.3)
    assert isinstance(dialer(carrier.url).place(request), NotPlaced)
    deadline = time.monotonic() + 10
    while not isinstance(dialer(carrier.url).place(request), Placed) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(creates(carrier, request.to)) == 1


def test_a_name_that_does_not_resolve_was_not_placed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert isinstance(dialer("http://no-such-carrier.invalid").place(a_request()), NotPlaced)


def test_a_connection_that_is_not_made_in_time_was_not_placed() -> None:
    """A listener whose queue is full: the first packets are dropped, and nothing can have been read."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        began = time.monotonic()
        answer = dialer(f"http://127.0.0.1:{port}", timeout_s=20).place(a_request())
        spent = time.monotonic() - began
        for filler in fillers:
            filler.close()
    assert isinstance(answer, NotPlaced)
    assert spent < 2


def test_silence_ends_at_the_time_out() -> None:
    with WireServer(lambda _: Silence()) as server:
        began = time.monotonic()
        assert isinstance(dialer(server.url, timeout_s=0.3).place(a_request()), Unsure)
        assert 0.3 <= time.monotonic() - began < 1.5


def test_every_request_opens_a_connection_of_its_own() -> None:
    """A kept one may have died while the function was frozen."""

    def placed(connection: socket.socket) -> None:
        reply(connection, b'{"sid": "CA1", "status": "queued"}')
        connection.recv(1)  # it would stay open

    with RawServer(placed) as server:
        one = dialer(server.url)
        assert [type(one.place(a_request())) for _ in range(3)] == [Placed] * 3
        assert (server.connections, server.requests) == (3, 3)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"))


def test_tls_that_breaks_after_the_request_is_doubt_and_one_request(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with RawServer(break_the_record_layer, certificate=certificate) as server:
        assert isinstance(dialer(server.url).place(a_request()), Unsure)
    assert (server.connections, server.requests) == (1, 1)


def test_a_client_that_retries_would_have_called_four_times(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the client's own retries, which ours leaves off, send the same request again and again."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with RawServer(break_the_record_layer, certificate=certificate) as server:
        http = TwilioHttpClient(timeout=1, max_retries=3)
        twilio = Client(ACCOUNT, TOKEN, http_client=http)
        twilio.api.base_url = server.url
        with pytest.raises(OSError, match="SSL"):
            twilio.calls.create(to=a_phone(), from_=FROM_NUMBER, url="https://voice.example")
        http.session.close()
    assert server.requests == 4


def test_a_carrier_that_cannot_be_trusted_gets_no_request(certificate: Path) -> None:
    with RawServer(lambda _: None, certificate=certificate) as server:
        answer = dialer(server.url).place(a_request())
    assert isinstance(answer, Unsure | NotPlaced)
    assert server.requests == 0


def test_a_region_in_the_environment_does_not_bend_a_given_address(
    carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_REGION", "ie1")
    monkeypatch.setenv("TWILIO_EDGE", "dublin")
    assert isinstance(dialer(carrier.url).place(a_request()), Placed)
