"""The carrier does what the TwiML says: it takes its time, asks on, and hangs up."""

import pytest

from tests.carrier.conftest import FROM, TOKEN, Connect, Dial, StartCarrier
from tests.carrier.receiver import Receiver


def seconds(carrier: StartCarrier, connect: Connect, phone: str, twiml: str, **fate: object) -> int:
    ours = carrier()
    ours.set_fates({phone: {"kind": "human", "talk": 500, **fate}})
    call = connect(ours).calls.create(to=phone, from_=FROM, twiml=f"<Response>{twiml}</Response>")
    ours.wait_idle()
    return int(call.fetch().duration)


@pytest.mark.parametrize(
    ("twiml", "length"),
    [
        ("<Pause length='12'/>", 12),
        ("<Pause/><Pause length='2'/>", 3),
        (f"<Say>{'x' * 150}</Say>", 10),
        (f"<Say loop='3'>{'x' * 150}</Say>", 30),
        ("<Play>http://127.0.0.1:9/tune.mp3</Play>", 5),
        ("<Gather timeout='7'><Say>Hello</Say></Gather><Pause length='2'/>", 10),
        ("<Dial>+15551112222</Dial><Pause length='3'/>", 23),
        ("<Pause length='4'/><Hangup/><Pause length='9'/>", 4),
        ("<Pause length='4'/><Reject/><Pause length='9'/>", 4),
        ("<Pause length='4'/><Mystery/>", 4),
    ],
)
def test_verbs_take_their_time(carrier: StartCarrier, connect: Connect, phone: str, twiml: str, length: int) -> None:
    assert seconds(carrier, connect, phone, twiml) == length


def test_the_other_side_hangs_up_when_it_has_had_enough(carrier: StartCarrier, connect: Connect, phone: str) -> None:
    assert seconds(carrier, connect, phone, "<Pause length='400'/>", talk=20) == 20


def test_a_call_ends_at_its_time_limit(carrier: StartCarrier, connect: Connect, phone: str) -> None:
    ours = carrier()
    ours.set_fates({phone: {"kind": "human", "talk": 500}})
    twiml = "<Response><Pause length='400'/></Response>"
    call = connect(ours).calls.create(to=phone, from_=FROM, twiml=twiml, time_limit=30)
    ours.wait_idle()
    assert call.fetch().duration == "30"


@pytest.mark.parametrize(
    ("keys", "gather", "digits"),
    [
        ("1", "", "1"),
        ("1234#5", "", "1234"),
        ("1234", "numDigits='2'", "12"),
        ("12*34", "finishOnKey='*'", "12"),
    ],
)
def test_scripted_keys_are_posted_to_the_gathers_action(
    carrier: StartCarrier,
    connect: Connect,
    receiver: Receiver,
    dial: Dial,
    phone: str,
    keys: str,
    gather: str,
    digits: str,
) -> None:
    ours = carrier()
    ours.set_fates({phone: {"kind": "human", "digits": [keys]}})
    receiver.answers["/answer"] = f'<Response><Gather action="keypress" {gather}><Say>Hi</Say></Gather></Response>'
    receiver.answers["/keypress"] = "<Response><Say>Thanks</Say></Response>"
    dial(connect(ours), phone)
    ours.wait_idle()
    (pressed,) = receiver.about("/keypress")
    assert pressed.path == "/voice/c1/a1/keypress"
    assert pressed.params["Digits"] == digits
    assert pressed.signed_with(TOKEN)


def test_each_gather_gets_the_next_keys_and_then_times_out(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    ours.set_fates({phone: {"kind": "human", "digits": ["1", "2"], "talk": 300}})
    receiver.answers["/answer"] = '<Response><Gather action="keypress"/></Response>'
    receiver.answers["/keypress"] = '<Response><Gather action="keypress"/><Redirect>after</Redirect></Response>'
    dial(connect(ours), phone)
    ours.wait_idle()
    assert [got.params["Digits"] for got in receiver.about("/keypress")] == ["1", "2"]
    assert len(receiver.about("/after")) == 1


def test_an_empty_gather_is_posted_only_where_asked(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    receiver.answers["/answer"] = '<Response><Gather action="keypress" actionOnEmptyResult="true"/></Response>'
    dial(connect(ours), phone)
    ours.wait_idle()
    assert [got.params["Digits"] for got in receiver.about("/keypress")] == [""]


def test_redirect_record_and_dial_ask_on(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    ours.set_fates({phone: {"kind": "human", "talk": 300}})
    receiver.answers |= {
        "/answer": '<Response><Redirect method="GET">recording</Redirect></Response>',
        "/recording": '<Response><Record action="recorded" maxLength="8"/></Response>',
        "/recorded": '<Response><Dial action="dialed">+15551112222</Dial></Response>',
        "/dialed": "<Response/>",
    }
    dial(connect(ours), phone)
    ours.wait_idle()
    asked = [got for got in receiver.got if not got.path.endswith("/status")]
    assert [got.path.rsplit("/", 1)[1] for got in asked] == ["answer", "recording", "recorded", "dialed"]
    assert [got.method for got in asked] == ["POST", "GET", "POST", "POST"]
    assert asked[2].params["RecordingDuration"] == "8"
    assert asked[3].params["DialCallStatus"] == "completed"


@pytest.mark.parametrize("answer", [500, "this is no XML", "<Wrong/>"])
def test_an_answer_that_cannot_be_played_ends_the_call_as_completed(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str, answer: str | int
) -> None:
    ours = carrier()
    receiver.answers["/answer"] = answer
    call = dial(connect(ours), phone)
    ours.wait_idle()
    assert call.fetch().status == "completed"


def test_the_fallback_speaks_where_the_answer_failed(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    receiver.answers |= {"/answer": 500, "/fallback": 500}
    dial(connect(ours), phone, fallback_url=f"{receiver.url}/fallback")
    ours.wait_idle()
    assert [len(receiver.about(path)) for path in ("/answer", "/fallback")] == [1, 1]


def test_a_document_that_asks_for_itself_forever_is_left(
    carrier: StartCarrier, connect: Connect, receiver: Receiver, dial: Dial, phone: str
) -> None:
    ours = carrier()
    receiver.answers["/answer"] = "<Response><Redirect/></Response>"
    call = dial(connect(ours), phone)
    ours.wait_idle()
    assert call.fetch().status == "completed"
    assert len(receiver.about("/answer")) == 50
