"""Callbacks that are lost, repeated, late, out of order, forged or early, exactly where a rule says so."""

import threading
import time

from tests.carrier.conftest import TOKEN, Connect, Dial, StartCarrier
from tests.carrier.receiver import Got, Receiver


def test_a_lost_callback_is_never_sent(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    ours.set_faults(callbacks=[{"kind": "lost", "event": ["ringing", "completed"], "match": phone}])
    call = dial(connect(ours), phone)
    ours.wait_idle()
    assert receiver.statuses() == ["initiated", "in-progress"]
    lost = [record["event"] for record in ours.ledger() if record.get("fault") == "lost" and record["sid"] == call.sid]
    assert lost == ["ringing", "completed"]


def test_a_duplicate_is_the_same_request_again(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    ours.set_faults(callbacks=[{"kind": "duplicate", "event": "completed", "copies": 3, "match": phone}])
    dial(connect(ours), phone)
    ours.wait_idle()
    last = receiver.about("/status")[-3:]
    assert receiver.statuses().count("completed") == 3
    assert last[0].params == last[1].params == last[2].params


def test_the_answer_can_be_asked_for_twice(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    ours.set_faults(callbacks=[{"kind": "duplicate", "event": "answer", "match": phone}])
    dial(connect(ours), phone)
    ours.wait_idle()
    assert len(receiver.about("/answer")) == 2


def test_reordered_means_after_the_next_one(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    ours.set_faults(callbacks=[{"kind": "reorder", "event": "ringing", "match": phone}])
    dial(connect(ours), phone)
    ours.wait_idle()
    assert receiver.statuses() == ["initiated", "in-progress", "ringing", "completed"]
    assert [got.params["SequenceNumber"] for got in receiver.about("/status")] == ["0", "2", "1", "3"]


def test_what_is_held_back_last_still_arrives(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    ours.set_faults(callbacks=[{"kind": "reorder", "match": phone}])
    dial(connect(ours), phone)
    ours.wait_idle()
    assert sorted(receiver.statuses()) == ["completed", "in-progress", "initiated", "ringing"]


def test_a_delayed_callback_is_overtaken(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    ours.set_faults(callbacks=[{"kind": "delay", "event": "initiated", "seconds": 0.4, "match": phone}])
    dial(connect(ours), phone)
    ours.wait_idle()
    assert receiver.statuses() == ["ringing", "in-progress", "completed", "initiated"]


def test_a_forged_callback_says_completed_and_is_wrongly_signed(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    ours.set_faults(callbacks=[{"kind": "forged", "event": "ringing", "match": phone}])
    call = dial(connect(ours), phone)
    ours.wait_idle()
    told = [(got.params["CallStatus"], got.signed_with(TOKEN)) for got in receiver.about("/status")]
    assert told == [
        ("initiated", True),
        ("completed", False),
        ("ringing", True),
        ("in-progress", True),
        ("completed", True),
    ]
    assert {got.params["CallSid"] for got in receiver.about("/status")} == {call.sid}


def test_an_early_callback_comes_before_the_reply_to_create(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    client = connect(ours)
    for event in ("initiated", "completed"):
        ours.set_faults(callbacks=[{"kind": "early", "event": event, "match": phone}])
        attempt = f"early-{event}"
        dial(client, phone, attempt=attempt)
        assert event in [got.params["CallStatus"] for got in receiver.about(f"/{attempt}/status")]
        ours.wait_idle()


def test_an_early_event_that_never_happens_does_not_hold_the_reply(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    ours.set_fates({phone: "busy"})
    ours.set_faults(callbacks=[{"kind": "early", "event": "answered", "match": phone}])
    began = time.monotonic()
    assert dial(connect(ours), phone).sid
    assert time.monotonic() - began < 2
    assert receiver.statuses() == ["initiated", "busy"]


def test_a_slow_customer_keeps_the_order_of_its_own_call_and_delays_no_other(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    gate = threading.Event()

    def slow(_got: Got) -> tuple[int, str]:
        gate.wait(2)
        return 200, ""

    ours = carrier()
    receiver.answers["/slow/status"] = slow
    client = connect(ours)
    dial(client, phone, attempt="slow")
    dial(client, phone, attempt="quick")
    while (
        not receiver.about("/quick/status") or receiver.about("/quick/status")[-1].params["CallStatus"] != "completed"
    ):
        time.sleep(0.01)
    assert len(receiver.about("/slow/status")) == 1
    gate.set()
    ours.wait_idle()
    assert [got.params["SequenceNumber"] for got in receiver.about("/slow/status")] == ["0", "1", "2", "3"]
