"""The campaign form: what is right becomes a campaign, and every wrong field is named."""

from datetime import timedelta
from typing import Any

import pytest

from dialer.campaign_form import checked
from dialer.errors import BadCampaign
from dialer.model import CallPlan, Doubt, Hours, Outcome, Pacing, RetryPolicy

SMALLEST = {"name": "Appointments", "from_numbers": ["+12015550199"], "call": {"say": "Hello {name}."}}


def a_form(**overrides: Any) -> dict[str, Any]:
    return SMALLEST | overrides


def test_the_smallest_form_has_the_products_own_defaults() -> None:
    filled = checked(a_form())
    assert filled.pop("form")["pacing"] == {"call_delay_s": 5.0, "max_concurrent": 10}
    assert filled == {
        "name": "Appointments",
        "from_numbers": ("+12015550199",),
        "call": CallPlan(say="Hello {name}."),
        "pacing": Pacing(),
        "hours": None,
        "retry": RetryPolicy(),
        "doubt": Doubt.HOLD,
        "purpose": "",
    }


def test_every_field_of_a_full_form_arrives() -> None:
    filled = checked(
        a_form(
            call={
                "say": "Hi.",
                "voice": "Polly.Joanna",
                "language": "en-GB",
                "ring_timeout_s": 20,
                "talk_limit_s": 60,
                "detect_machine": True,
                "opt_out_digit": "9",
            },
            pacing={"call_delay_s": 0.5, "max_concurrent": 3},
            hours={"zone": "Europe/London", "opens": "09:30", "closes": "17:00", "days": ["mon", "sun"]},
            retry={"max_attempts": 2, "delays_s": {"no-answer": 60}},
            doubt="redial",
        )
    )
    assert filled["call"] == CallPlan(
        say="Hi.",
        voice="Polly.Joanna",
        language="en-GB",
        ring_timeout=timedelta(seconds=20),
        talk_limit=timedelta(minutes=1),
        detect_machine=True,
        opt_out_digit="9",
    )
    assert filled["pacing"] == Pacing(call_delay=timedelta(milliseconds=500), max_concurrent=3)
    assert filled["hours"] == Hours(zone="Europe/London", opens="09:30", closes="17:00", days=frozenset({0, 6}))
    assert filled["retry"] == RetryPolicy(
        max_attempts=2, delays={Outcome.NO_ANSWER: timedelta(minutes=1), Outcome.CANCELED: timedelta(minutes=30)}
    )
    assert filled["doubt"] is Doubt.REDIAL


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "name: "),
    ({"name": "x" * 201}, "name: "),
    ({"name": None}, "name: "),
    ({"from_numbers": []}, "from_numbers: "),
    ({"from_numbers": "+12015550199"}, "from_numbers: "),
    ({"from_numbers": ["+12015550199", "2015550199"]}, "from_numbers.1: "),
    ({"from_numbers": ["+0123456789"]}, "from_numbers.0: "),
    ({"from_numbers": ["+12015550199\n"]}, "from_numbers.0: "),
    ({"call": {}}, "call: Value error, give either `say` or `twiml`"),
    ({"call": {"say": "Hi.", "twiml": "<Response/>"}}, "call: Value error, give either `say` or `twiml`"),
    ({"call": {"say": "x" * 4001}}, "call.say: "),
    ({"call": {"twiml": "x" * 4001}}, "call.twiml: "),
    ({"call": {"twiml": "Hello."}}, "call.twiml: Value error, is not XML: "),
    ({"call": {"twiml": "<Response><Say>Hi.</Response>"}}, "call.twiml: Value error, is not XML: mismatched tag"),
    ({"call": {"twiml": "<Say>Hi.</Say>"}}, "call.twiml: Value error, must be a <Response> document, not <Say>"),
    ({"call": {"say": "Hi.", "ring_timeout_s": 4}}, "call.ring_timeout_s: "),
    ({"call": {"say": "Hi.", "ring_timeout_s": 601}}, "call.ring_timeout_s: "),
    ({"call": {"say": "Hi.", "talk_limit_s": 4}}, "call.talk_limit_s: "),
    ({"call": {"say": "Hi.", "talk_limit_s": 14401}}, "call.talk_limit_s: "),
    ({"call": {"say": "Hi.", "detect_machine": "perhaps"}}, "call.detect_machine: "),
    ({"call": {"say": "Hi.", "opt_out_digit": "12"}}, "call.opt_out_digit: "),
    ({"call": {"say": "Hi.", "opt_out_digit": "*"}}, "call.opt_out_digit: "),
    ({"call": {"say": "Hi.", "volume": 11}}, "call.volume: "),
    ({"pacing": {"call_delay_s": 0}}, "pacing.call_delay_s: "),
    ({"pacing": {"call_delay_s": 3601}}, "pacing.call_delay_s: "),
    ({"pacing": {"call_delay_s": float("nan")}}, "pacing.call_delay_s: "),
    ({"pacing": {"max_concurrent": 0}}, "pacing.max_concurrent: "),
    ({"pacing": {"max_concurrent": 10_001}}, "pacing.max_concurrent: "),
    ({"pacing": {"max_concurrent": 1.5}}, "pacing.max_concurrent: "),
    ({"hours": {"zone": "Mars/Olympus"}}, "hours.zone: Value error, 'Mars/Olympus' is not a time zone such as"),
    ({"hours": {"zone": "../etc/passwd"}}, "hours.zone: "),
    ({"hours": {"opens": "9:00"}}, "hours.opens: "),
    ({"hours": {"closes": "25:00"}}, "hours.closes: "),
    ({"hours": {"closes": "12:60"}}, "hours.closes: "),
    ({"hours": {"opens": "17:00", "closes": "09:00"}}, "hours: Value error, `opens` must be before `closes`"),
    ({"hours": {"opens": "09:00", "closes": "09:00"}}, "hours: Value error, `opens` must be before `closes`"),
    ({"hours": {"closes": "24:30"}}, "hours: Value error, `opens` must be before `closes`, and `closes` at most 24:00"),
    ({"hours": {"days": []}}, "hours.days: "),
    ({"hours": {"days": ["mon", "someday"]}}, "hours.days.1: "),
    ({"retry": {"max_attempts": 0}}, "retry.max_attempts: "),
    ({"retry": {"max_attempts": 21}}, "retry.max_attempts: "),
    ({"retry": {"delays_s": {"answered": 5}}}, "retry.delays_s.answered"),
    ({"retry": {"delays_s": {"busy": "soon"}}}, "retry.delays_s.busy: "),
    ({"retry": {"delays_s": {"busy": -1}}}, "retry.delays_s.busy: "),
    ({"retry": {"delays_s": {"busy": 10**15}}}, "retry.delays_s.busy: "),
    ({"doubt": "guess"}, "doubt: "),
    ({"speed": "fast"}, "speed: "),
]


@pytest.mark.parametrize(("wrong", "complaint"), WRONG, ids=[complaint[:40] for _, complaint in WRONG])
def test_a_wrong_field_is_named(wrong: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BadCampaign) as refused:
        checked(a_form(**wrong))
    assert str(refused.value).startswith(complaint)


@pytest.mark.parametrize("field", SMALLEST)
def test_a_missing_field_is_named(field: str) -> None:
    with pytest.raises(BadCampaign, match=f"^{field}: Field required$"):
        checked({name: value for name, value in SMALLEST.items() if name != field})


def test_all_wrong_fields_are_named_at_once() -> None:
    with pytest.raises(BadCampaign) as refused:
        checked(a_form(name="", pacing={"max_concurrent": 0}, doubt="guess"))
    assert [complaint.partition(":")[0] for complaint in str(refused.value).split("; ")] == [
        "name",
        "pacing.max_concurrent",
        "doubt",
    ]


@pytest.mark.parametrize("form", [None, [], "a campaign", 7])
def test_what_is_no_form_at_all_is_refused_in_a_sentence(form: Any) -> None:
    with pytest.raises(BadCampaign, match=r"^campaign: "):
        checked(form)
