"""A sales call by machine starts only with all that the rules ask of it; any other call starts without."""

from dataclasses import replace

import pytest

from dialer.model import CallPlan, OnMachine, Purpose, Voice
from dialer.presets import missing
from dialer.script import HangUp, Record, Say, Step, Stream, Transfer

WHOLE = CallPlan(
    say="An offer. Call {callback_number}.",
    identification="This is Example Incorporated.",
    opt_out_line="Press 9 for no more calls.",
    callback_number="+12015550100",
)


@pytest.mark.parametrize("voice", [Voice.PRERECORDED, Voice.AI])
def test_a_whole_campaign_lacks_nothing(voice: Voice) -> None:
    assert missing(purpose=Purpose.TELEMARKETING, voice=voice, call=WHOLE) == []


@pytest.mark.parametrize(
    ("without", "complaint"),
    [
        ({"identification": " "}, "`call.identification` must say who is calling"),
        ({"opt_out_line": ""}, "`call.opt_out_line` must say how to opt out"),
        ({"opt_out_digit": ""}, "`call.opt_out_digit` must be a key"),
        ({"callback_number": ""}, "`call.callback_number` must be the number at which the caller can be reached"),
        ({"say": "An offer."}, "the call must speak the {callback_number}"),
        (
            {"on_machine": OnMachine.VOICEMAIL, "voicemail": (Say(text="Hello."),)},
            "`call.voicemail` must speak the {callback_number}",
        ),
        ({"say": "", "twiml": "<Response/>"}, "`call.twiml` cannot be checked: write a `script`"),
    ],
)
def test_each_thing_that_is_missing_is_named(without: dict[str, object], complaint: str) -> None:
    plan = replace(WHOLE, **without)  # type: ignore[arg-type]
    assert complaint in missing(purpose=Purpose.TELEMARKETING, voice=Voice.AI, call=plan)


@pytest.mark.parametrize(
    ("purpose", "voice"),
    [
        (Purpose.INFORMATIONAL, Voice.AI),
        (Purpose.SURVEY, Voice.PRERECORDED),
    ],
)
def test_no_other_campaign_is_asked(purpose: Purpose, voice: Voice) -> None:
    assert missing(purpose=purpose, voice=voice, call=CallPlan(say="Hello.", opt_out_digit="")) == []


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize(
    "call",
    [
        CallPlan(say="Buy now."),
        CallPlan(script=(Say(text="Buy now."), Record(name="more", prompt=()))),
        CallPlan(twiml="<Response><Say>Buy now.</Say></Response>"),
    ],
)
def test_a_call_that_nobody_can_take_is_not_live_whatever_it_says(purpose: Purpose, call: CallPlan) -> None:
    (said,) = missing(purpose=purpose, voice=Voice.LIVE, call=call)
    assert said.startswith("`voice` is `live`, but nobody takes the call: set `voice: prerecorded`")
    assert said not in missing(purpose=purpose, voice=Voice.PRERECORDED, call=call)


def test_a_program_on_the_line_may_be_a_person() -> None:
    call = CallPlan(script=(Stream(url="wss://agent.example.com"),))
    assert missing(purpose=Purpose.TELEMARKETING, voice=Voice.LIVE, call=call) == []


FALLBACK = "{identification} Call {callback_number}. {opt_out_line}"


def handing_on(*otherwise: Step) -> CallPlan:
    transfer = Transfer(to="+12015550100", name="sales", otherwise=otherwise)
    return replace(WHOLE, say="", script=(Say(text="Call {callback_number}."), transfer))


@pytest.mark.parametrize("voice", Voice)
def test_a_sales_call_says_who_called_when_nobody_takes_it(voice: Voice) -> None:
    for otherwise in ((Say(text=FALLBACK),), (Say(text=FALLBACK[:17]), Say(text=FALLBACK[17:]), HangUp())):
        assert missing(purpose=Purpose.TELEMARKETING, voice=voice, call=handing_on(*otherwise)) == []


@pytest.mark.parametrize("voice", Voice)
@pytest.mark.parametrize(
    ("otherwise", "unsaid"),
    [
        ((), "{identification}, {callback_number}, {opt_out_line}"),
        ((HangUp(), Say(text=FALLBACK)), "{identification}, {callback_number}, {opt_out_line}"),
        ((Say(text="{identification} {opt_out_line}"),), "{callback_number}"),
        ((Say(text="{callback_number} {opt_out_line}"),), "{identification}"),
        ((Say(text="{identification} {callback_number}"),), "{opt_out_line}"),
    ],
)
def test_a_sales_call_that_leaves_somebody_alone_without_a_word_is_named(
    voice: Voice, otherwise: tuple[Step, ...], unsaid: str
) -> None:
    said = missing(purpose=Purpose.TELEMARKETING, voice=voice, call=handing_on(*otherwise))
    assert said == [f"`otherwise` of the transfer `sales` must begin by saying {unsaid}"]


@pytest.mark.parametrize("verb", ["Dial", "Enqueue", "Connect", "Redirect", "Refer"])
def test_a_live_sales_call_that_hands_on_by_a_document_of_its_own_cannot_be_checked(verb: str) -> None:
    own = CallPlan(twiml=f"<Response><{verb}>sales</{verb}></Response>")
    said = missing(purpose=Purpose.TELEMARKETING, voice=Voice.LIVE, call=own)
    assert "`call.twiml` cannot be checked: write a `script`" in said
    assert "`call.identification` must say who is calling" in said


@pytest.mark.parametrize("purpose", sorted(set(Purpose) - {Purpose.TELEMARKETING}))
def test_who_sells_nothing_may_hand_on_without(purpose: Purpose) -> None:
    assert missing(purpose=purpose, voice=Voice.LIVE, call=handing_on()) == []
