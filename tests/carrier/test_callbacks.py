"""Callbacks carry what Twilio's carry, signed as Twilio signs, in their order, and again only where asked."""

import pytest

from tests.carrier.conftest import FROM, SID, TOKEN, Connect, Dial, StartCarrier
from tests.carrier.receiver import Receiver


def test_every_request_is_signed_for_its_url_and_fields(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    receiver.answers["/answer"] = '<Response><Gather action="keypress"/></Response>'
    ours.set_fates({phone: {"kind": "human", "digits": ["1"]}})
    about = f"{receiver.url}/voice/c1/a1"
    detection = {"machine_detection": "Enable", "async_amd": "true", "async_amd_status_callback": f"{about}/amd?x=1&y="}
    dial(connect(ours), phone, **detection)
    ours.wait_idle()
    assert {got.path.rsplit("/", 1)[1] for got in receiver.got} == {"status", "answer", "keypress", "amd"}
    assert all(got.signed_with(TOKEN) for got in receiver.got)
    assert not any(got.signed_with("another") for got in receiver.got)


def test_a_get_callback_is_signed_over_its_query(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    dial(connect(ours), phone, status_callback_method="GET", method="GET")
    ours.wait_idle()
    assert {got.method for got in receiver.got} == {"GET"}
    assert all(got.signed_with(TOKEN) for got in receiver.got)
    assert receiver.statuses()[-1] == "completed"


def test_status_callbacks_come_in_order_with_twilios_fields(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    call = dial(connect(ours), phone)
    ours.wait_idle()
    got = [got.params for got in receiver.about("/status")]
    assert [params["CallStatus"] for params in got] == ["initiated", "ringing", "in-progress", "completed"]
    assert [params["SequenceNumber"] for params in got] == ["0", "1", "2", "3"]
    assert {
        "CallSid": call.sid,
        "AccountSid": SID,
        "To": phone,
        "Called": phone,
        "From": FROM,
        "Caller": FROM,
        "Direction": "outbound-api",
        "ApiVersion": "2010-04-01",
        "CallbackSource": "call-progress-events",
        "CallDuration": "1",
        "Duration": "1",
        "ToCity": "",
    }.items() <= got[-1].items()
    assert "CallDuration" not in got[0]
    assert "AnsweredBy" not in got[-1]


def test_without_a_wish_only_the_end_is_told(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    ours.set_fates({phone: "busy"})
    dial(connect(ours), phone, status_callback_event=[])
    ours.wait_idle()
    assert receiver.statuses() == ["busy"]
    assert receiver.got[0].params["SequenceNumber"] == "0"


@pytest.mark.parametrize(
    ("fate", "told"),
    [
        ("busy", ["initiated", "busy"]),
        ("failed", ["initiated", "failed"]),
        ("no-answer", ["initiated", "ringing", "no-answer"]),
        ("rejected", ["initiated", "ringing", "busy"]),
    ],
)
def test_the_completed_event_fires_for_every_end(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str, fate: str, told: list[str]
) -> None:
    ours = carrier()
    ours.set_fates({phone: fate})
    dial(connect(ours), phone)
    ours.wait_idle()
    assert receiver.statuses() == told
    assert receiver.got[-1].params["CallDuration"] == "0"


def test_a_canceled_call_is_told_as_canceled(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier(cps=0.5)
    client = connect(ours)
    dial(client, phone)
    dial(client, phone, attempt="a2").update(status="canceled")
    ours.wait_idle()
    assert [got.params["CallStatus"] for got in receiver.about("/a2/status")] == ["canceled"]


@pytest.mark.parametrize(
    ("fate", "detection", "found"),
    [
        ("human", "Enable", "human"),
        ("machine", "Enable", "machine_start"),
        ("machine", "DetectMessageEnd", "machine_end_beep"),
        ("fax", "Enable", "fax"),
    ],
)
def test_detection_tells_who_answered(
    carrier: StartCarrier,
    connect: Connect,
    receiver: Receiver,
    dial: Dial,
    phone: str,
    fate: str,
    detection: str,
    found: str,
) -> None:
    ours = carrier()
    ours.set_fates({phone: fate})
    call = dial(connect(ours), phone, machine_detection=detection)
    ours.wait_idle()
    assert receiver.about("/answer")[0].params["AnsweredBy"] == found
    assert receiver.about("/status")[-1].params["AnsweredBy"] == found
    assert call.fetch().answered_by == found


def test_asynchronous_detection_tells_it_apart(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    ours.set_fates({phone: "machine"})
    amd = {"async_amd": "true", "async_amd_status_callback": f"{receiver.url}/voice/c1/a1/amd"}
    call = dial(connect(ours), phone, machine_detection="Enable", **amd)
    ours.wait_idle()
    (told,) = receiver.about("/amd")
    assert told.params == {
        "AccountSid": SID,
        "CallSid": call.sid,
        "AnsweredBy": "machine_start",
        "MachineDetectionDuration": "4000",
    }
    assert "AnsweredBy" not in receiver.about("/answer")[0].params
    assert "AnsweredBy" not in receiver.about("/status")[-1].params
    assert call.fetch().answered_by == "machine_start"


def test_our_own_error_is_not_tried_again_unless_the_url_asks(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    ours.set_fates({phone: "busy"})
    receiver.answers["/status"] = 503
    client = connect(ours)
    only_the_end = {"status_callback_event": ["completed"]}
    dial(client, phone, attempt="plain", **only_the_end)
    ours.wait_idle()
    address = f"{receiver.url}/voice/c1/again/status#rc=2&rp=all"
    dial(client, phone, attempt="again", status_callback=address, **only_the_end)
    ours.wait_idle()
    assert len(receiver.about("/plain/status")) == 1
    again = receiver.about("/again/status")
    assert len(again) == 3
    assert all(got.signed_with(TOKEN) for got in again)
    assert len({got.params["SequenceNumber"] for got in again}) == 1


def test_only_the_outcomes_named_are_tried_again(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    ours.set_fates({phone: "busy"})
    receiver.answers["/status"] = 404
    address = f"{receiver.url}/voice/c1/a1/status#rc=3&rp=5xx,ct"
    dial(connect(ours), phone, status_callback=address, status_callback_event=["completed"])
    ours.wait_idle()
    assert len(receiver.got) == 1


def test_a_failed_connection_is_tried_once_more(
    carrier: StartCarrier, connect: Connect, dial: Dial, phone: str
) -> None:
    ours = carrier()
    ours.set_fates({phone: "busy"})
    call = dial(connect(ours), phone, status_callback="http://127.0.0.1:9/voice/c1/a1/status", status_callback_event=[])
    ours.wait_idle()
    tries = [record for record in ours.ledger() if record["kind"] == "callback" and record["sid"] == call.sid]
    assert [(record["status"], record["error"], record["tries"]) for record in tries] == [
        (None, "ct", 1),
        (None, "ct", 2),
    ]


def test_hosts_can_be_routed_while_their_url_is_signed(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    ours.set_fates({phone: "busy"})
    ours.set_routes({".on.aws": f"127.0.0.1:{receiver.port}"})
    dial(connect(ours), phone, status_callback="http://abc.lambda-url.us-east-1.on.aws/voice/c1/a1/status")
    ours.wait_idle()
    ours.set_routes({})
    assert receiver.got[-1].host == "abc.lambda-url.us-east-1.on.aws"
    assert receiver.got[-1].signed_with(TOKEN)
