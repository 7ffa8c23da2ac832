"""Every way a request can go wrong, as the real client sees it, and whether there is a call."""

from typing import Any

import pytest
from requests import ConnectionError as NoConnection
from requests import ReadTimeout
from requests.exceptions import ChunkedEncodingError
from twilio.base.exceptions import TwilioException, TwilioRestException
from urllib3.exceptions import NewConnectionError, ProtocolError

from tests.carrier.conftest import Connect, Dial, StartCarrier


def failure(act: Any) -> Any:
    try:
        act()
    except Exception as error:  # noqa: BLE001 -- which one it is, is the question
        return error
    return None


@pytest.mark.parametrize(
    ("kind", "error", "code", "called"),
    [
        ("accepted_then_cut", NoConnection, None, 1),
        ("accepted_slow", ReadTimeout, None, 1),
        ("accepted_empty", type(None), None, 1),
        ("accepted_truncated", ChunkedEncodingError, None, 1),
        ("accepted_html_502", TwilioRestException, 502, 1),
        ("accepted_500", TwilioRestException, 20500, 1),
        ("html_502", TwilioRestException, 502, 0),
        ("500_before", TwilioRestException, 20500, 0),
        ("503_before", TwilioRestException, 20503, 0),
        ("429", TwilioRestException, 20429, 0),
        ("reset", NoConnection, None, 0),
        ("hang", ReadTimeout, None, 0),
    ],
)
def test_a_fault_on_create_looks_as_documented_and_leaves_a_call_or_none(
    carrier: StartCarrier,
    connect: Connect,
    dial: Dial,
    phone: str,
    kind: str,
    error: type,
    code: int | None,
    called: int,
) -> None:
    ours = carrier()
    ours.set_faults(requests=[{"kind": kind, "match": phone, "seconds": 0.6}])
    struck = ours.state()["strikes"].get(kind, 0)
    client = connect(ours, timeout=0.3)
    seen = failure(lambda: dial(client, phone))
    assert isinstance(seen, error)
    assert getattr(seen, "code", None) == code
    ours.set_faults()
    assert len([call for call in ours.calls() if call["to"] == phone]) == called
    assert ours.state()["strikes"][kind] == struck + 1
    record = next(record for record in ours.ledger()[::-1] if record["kind"] == "request" and record["to"] == phone)
    assert record["fault"] == kind
    assert (record["sid"] is not None) == bool(called)


def test_an_empty_reply_passes_for_success_without_a_sid(
    carrier: StartCarrier, connect: Connect, dial: Dial, phone: str
) -> None:
    ours = carrier()
    ours.set_faults(requests=[{"kind": "accepted_empty", "match": phone}])
    assert dial(connect(ours), phone).sid is None


@pytest.mark.parametrize("kind", ["accepted_then_cut", "reset"])
def test_a_cut_connection_had_been_made(
    carrier: StartCarrier, connect: Connect, dial: Dial, phone: str, kind: str
) -> None:
    ours = carrier()
    ours.set_faults(requests=[{"kind": kind, "match": phone}])
    seen = failure(lambda: dial(connect(ours), phone))
    assert isinstance(seen.args[0], ProtocolError)


def test_a_refused_connection_never_was_and_the_port_opens_again(
    carrier: StartCarrier, connect: Connect, dial: Dial, phone: str
) -> None:
    ours = carrier()
    client = connect(ours)
    dial(client, phone)
    ours.wait_idle()
    requests = ours.state()["requests"]
    ours.refuse(0.4)
    seen = failure(lambda: dial(client, phone))
    assert isinstance(seen, NoConnection)
    assert isinstance(seen.args[0].reason, NewConnectionError)
    while failure(ours.state):
        pass
    assert ours.state()["requests"] == requests
    assert dial(client, phone, attempt="a2").sid


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("500", TwilioException),
        ("503", TwilioException),
        ("html_502", TwilioException),
        ("429", TwilioException),
        ("reset", NoConnection),
        ("cut", NoConnection),
        ("hang", ReadTimeout),
        ("slow", ReadTimeout),
        ("truncated", ChunkedEncodingError),
    ],
)
@pytest.mark.parametrize("op", ["list", "fetch"])
def test_a_fault_on_reading_looks_as_documented(
    carrier: StartCarrier, connect: Connect, dial: Dial, phone: str, op: str, kind: str, error: type
) -> None:
    ours = carrier()
    call = dial(connect(ours), phone)
    ours.set_faults(requests=[{"kind": kind, "op": op, "seconds": 0.4, "match": phone}])
    client = connect(ours, timeout=0.2)
    ask = {"list": lambda: client.calls.list(to=phone), "fetch": lambda: client.calls(call.sid).fetch()}[op]
    assert isinstance(failure(ask), error)


def test_a_list_can_come_empty_or_in_half_pages(
    carrier: StartCarrier, connect: Connect, dial: Dial, phone: str
) -> None:
    ours = carrier()
    client = connect(ours)
    sids = [dial(client, phone, attempt=f"a{n}").sid for n in range(5)]
    ours.set_faults(requests=[{"kind": "empty", "op": "list", "match": phone, "nth": [1]}])
    assert client.calls.list(to=phone) == []
    ours.set_faults(requests=[{"kind": "incomplete", "op": "list", "match": phone, "nth": [1, 2]}])
    page = client.calls.page(to=phone)
    assert len(list(page)) == 2
    assert page.next_page_url
    assert [call.sid for call in client.calls.list(to=phone)] == sids[::-1]


def test_updates_can_fail_before_and_after_they_worked(
    carrier: StartCarrier, connect: Connect, dial: Dial, phone: str
) -> None:
    ours = carrier(time_scale=1)
    call = dial(connect(ours), phone)
    rules: list[dict[str, object]] = [
        {"kind": "500_before", "op": "update", "nth": [1]},
        {"kind": "accepted_then_cut", "op": "update"},
    ]
    ours.set_faults(requests=rules)
    assert isinstance(failure(lambda: call.update(status="canceled")), TwilioRestException)
    assert call.fetch().status == "queued"
    assert isinstance(failure(lambda: call.update(status="canceled")), NoConnection)
    assert call.fetch().status == "canceled"


def test_rules_strike_by_turn_number_and_limit(carrier: StartCarrier, connect: Connect, dial: Dial, phone: str) -> None:
    ours = carrier()
    client = connect(ours)

    def strikes(**rule: object) -> list[bool]:
        ours.set_faults(requests=[{"kind": "500_before", **rule}])
        return [failure(lambda: dial(client, phone)) is not None for _ in range(6)]

    assert strikes(nth=[1, 5]) == [True, False, False, False, True, False]
    assert strikes(every=3) == [False, False, True, False, False, True]
    assert strikes(limit=2) == [True, True, False, False, False, False]
    assert strikes(match=[phone[:-1]], every=2) == [False, True, False, True, False, True]
    assert strikes(match="+4420") == [False] * 6
    lucky = strikes(probability=0.5)
    assert lucky == strikes(probability=0.5)
    assert strikes(probability=0) == [False] * 6


def test_the_number_decides_what_chance_strikes_not_the_order_of_others(
    carrier: StartCarrier, connect: Connect, dial: Dial
) -> None:
    ours = carrier()
    client = connect(ours)
    phones = [f"+1556000{n:04}" for n in range(8)]

    def struck(order: list[str]) -> set[str]:
        ours.set_faults(requests=[{"kind": "500_before", "probability": 0.5}])
        return {phone for phone in order if failure(lambda phone=phone: dial(client, phone))}

    assert struck(phones) == struck(phones[::-1])
    assert 0 < len(struck(phones)) < 8
