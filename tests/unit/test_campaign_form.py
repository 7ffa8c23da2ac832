"""The campaign form: what is right becomes a campaign, and every wrong field is named."""

from datetime import timedelta
from typing import Any

import pytest

from dialer.campaign_form import checked
from dialer.caps import PRESETS
from dialer.errors import BadCampaign
from dialer.model import (
    CallerPolicy,
    CallPlan,
    Cap,
    Counted,
    Doubt,
    Hours,
    OnMachine,
    Outcome,
    Pacing,
    Purpose,
    RetryPolicy,
    RetrySchedule,
    Voice,
    Window,
)
from dialer.retry_presets import preset

SMALLEST = {"name": "Appointments", "from_numbers": ["+12015550199"], "call": {"say": "Hello {name}."}}


def a_form(**overrides: Any) -> dict[str, Any]:
    return SMALLEST | overrides


def test_the_smallest_form_has_the_products_own_defaults() -> None:
    filled = checked(a_form())
    assert filled.pop("form")["pacing"] == {"call_delay_s": 5.0, "max_concurrent": 10, "max_abandon": 0.025}
    assert filled == {
        "name": "Appointments",
        "from_numbers": ("+12015550199",),
        "caller": CallerPolicy(),
        "call": CallPlan(say="Hello {name}."),
        "pacing": Pacing(),
        "hours": None,
        "purpose": Purpose.INFORMATIONAL,
        "voice": Voice.PRERECORDED,
        "any_hour_because": "",
        "retry": preset(Purpose.INFORMATIONAL),
        "doubt": Doubt.HOLD,
        "caps": (),
    }


def test_caps_are_presets_by_name_or_rules_of_the_campaign_s_own() -> None:
    own = {"most": 2, "within_h": 36, "by": "loan", "counts": "conversations", "campaign_only": True}
    caps = checked(a_form(caps=["reg-f", own]))["caps"]
    assert caps[:-1] == PRESETS["reg-f"]
    assert caps[-1] == Cap(
        name="own cap",
        most=2,
        within=timedelta(hours=36),
        by="loan",
        counts=Counted.CONVERSATIONS,
        campaign_only=True,
    )


@pytest.mark.parametrize(
    "cap", ["reg-g", {"most": 0, "within_h": 1}, {"most": 1}, {"most": 21, "within_h": 1}, {"most": 1, "within_h": 0}]
)
def test_a_cap_that_cannot_be_kept_is_refused_by_name(cap: object) -> None:
    with pytest.raises(BadCampaign, match="caps"):
        checked(a_form(caps=[cap]))


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
                "opt_out_digit": "0",
            },
            pacing={"call_delay_s": 0.5, "max_concurrent": 3},
            hours={"zone": "Europe/London", "opens": "09:30", "closes": "17:00", "days": ["mon", "sun"]},
            purpose="survey",
            voice="ai",
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
        on_machine=OnMachine.HANG_UP,
        opt_out_digit="0",
    )
    assert filled["pacing"] == Pacing(call_delay=timedelta(milliseconds=500), max_concurrent=3)
    assert filled["hours"] == Hours(zone="Europe/London", opens="09:30", closes="17:00", days=frozenset({0, 6}))
    assert filled["retry"] == RetryPolicy(
        max_attempts=2, delays={Outcome.NO_ANSWER: timedelta(minutes=1), Outcome.CANCELED: timedelta(minutes=30)}
    )
    assert filled["doubt"] is Doubt.REDIAL
    assert (filled["purpose"], filled["voice"]) == (Purpose.SURVEY, Voice.AI)


@pytest.mark.parametrize("seconds", [0, 0.0004, 0.001])
def test_no_delay_at_all_is_the_smallest_step(seconds: float) -> None:
    """What is done about slots divides by it; the form keeps what was said."""
    filled = checked(a_form(pacing={"call_delay_s": seconds}))
    assert filled["pacing"].call_delay == timedelta(milliseconds=1)
    assert filled["form"]["pacing"]["call_delay_s"] == seconds


MORNINGS = {"opens": "09:00", "closes": "12:00", "days": ["mon", "tue"]}
AFTERNOONS = {"opens": "13:00", "closes": "17:00"}


def test_hours_may_have_several_windows_a_day() -> None:
    filled = checked(a_form(hours={"zone": "America/New_York", "windows": [MORNINGS, AFTERNOONS]}))
    assert filled["hours"] == Hours(
        zone="America/New_York",
        windows=(
            Window(opens="09:00", closes="12:00", days=frozenset({0, 1})),
            Window(opens="13:00", closes="17:00"),
        ),
    )


@pytest.mark.parametrize(
    ("hours", "kept"),
    [
        ({"opens": "09:00"}, {"zone", "opens", "closes", "days"}),
        ({"windows": [MORNINGS]}, {"zone", "windows"}),
    ],
    ids=["one", "several"],
)
def test_hours_are_kept_in_the_way_that_was_chosen_and_can_be_filled_in_again(
    hours: dict[str, Any], kept: set[str]
) -> None:
    filled = checked(a_form(hours=hours))
    assert filled["form"]["hours"].keys() == kept
    assert checked(filled["form"]) == filled


def test_a_live_call_is_one_that_somebody_can_take() -> None:
    with pytest.raises(BadCampaign, match="nobody takes the call: set `voice: prerecorded`"):
        checked(a_form(voice="live"))
    script = [{"say": "Hello."}, {"transfer": {"to": "+12015550100"}}]
    assert checked(a_form(voice="live", call={"script": script}))["voice"] is Voice.LIVE


def test_people_may_be_called_at_any_hour_for_a_reason_that_is_kept() -> None:
    assert checked(a_form(any_hour_because=" a flood warning "))["any_hour_because"] == "a flood warning"


def test_a_schedule_says_what_follows_the_first_the_second_and_every_further_end() -> None:
    wish = {"max_per_day": 2, "schedules": {"busy": {"waits_s": [60, 120], "most": 3}, "failed": {"waits_s": [5]}}}
    policy = checked(a_form(retry=wish))["retry"]
    usual = preset(Purpose.INFORMATIONAL)
    minute = timedelta(minutes=1)
    assert (policy.max_attempts, policy.max_per_day, policy.spread) == (usual.max_attempts, 2, True)
    assert policy.schedules == {
        **usual.schedules,
        Outcome.BUSY: RetrySchedule(waits=(minute, 2 * minute), most=3),
        Outcome.FAILED: RetrySchedule(waits=(timedelta(seconds=5),), most=3, counts=False),  # it must end all the same
    }


def test_the_short_way_is_one_exact_wait_for_each_end() -> None:
    policy = checked(a_form(retry={"delays_s": {"busy": 1}}))["retry"]
    assert (policy.max_attempts, policy.max_per_day, policy.spread, policy.schedules) == (3, 0, False, {})
    assert policy.delays == {Outcome.BUSY: timedelta(seconds=1), Outcome.CANCELED: timedelta(minutes=30)}


def test_a_schedule_for_machines_is_one_for_voicemails_too_unless_these_have_their_own() -> None:
    machine, voicemail = {"waits_s": [3600]}, {"waits_s": [7200]}
    both = checked(a_form(retry={"schedules": {"machine": machine}}))["retry"].schedules
    assert both[Outcome.VOICEMAIL] == both[Outcome.MACHINE]
    apart = checked(a_form(retry={"schedules": {"machine": machine, "voicemail": voicemail}}))["retry"].schedules
    assert apart[Outcome.VOICEMAIL].waits == (timedelta(hours=2),)


def test_collections_call_nobody_more_than_twice_a_day() -> None:
    assert checked(a_form(purpose="collections"))["retry"].max_per_day == 2


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "name: "),
    ({"name": "x" * 201}, "name: "),
    ({"name": None}, "name: "),
    ({"from_numbers": []}, "from_numbers: "),
    ({"from_numbers": "+12015550199"}, "from_numbers: "),
    ({"from_numbers": ["+12015550199", "2015550199"]}, "from_numbers.1: "),
    ({"from_numbers": ["+0123456789"]}, "from_numbers.0: "),
    ({"from_numbers": ["+12015550199\n"]}, "from_numbers.0: "),
    ({"call": {}}, "call: give one of `say`, `script` and `twiml`"),
    ({"call": {"say": "Hi.", "twiml": "<Response/>"}}, "call: give one of `say`, `script` and `twiml`"),
    ({"call": {"say": "x" * 4001}}, "call.say: "),
    ({"call": {"twiml": "x" * 4001}}, "call.twiml: "),
    ({"call": {"twiml": "Hello."}}, "call.twiml: is not XML: "),
    ({"call": {"twiml": "<Response><Say>Hi.</Response>"}}, "call.twiml: is not XML: mismatched tag"),
    ({"call": {"twiml": "<Say>Hi.</Say>"}}, "call.twiml: must be a <Response> document, not <Say>"),
    ({"call": {"say": "Hi.", "ring_timeout_s": 14}}, "call.ring_timeout_s: "),
    ({"call": {"say": "Hi.", "ring_timeout_s": 601}}, "call.ring_timeout_s: "),
    ({"call": {"say": "Hi.", "talk_limit_s": 4}}, "call.talk_limit_s: "),
    ({"call": {"say": "Hi.", "talk_limit_s": 14401}}, "call.talk_limit_s: "),
    ({"call": {"say": "Hi.", "detect_machine": "perhaps"}}, "call.detect_machine: "),
    ({"call": {"say": "Hi.", "opt_out_digit": "12"}}, "call.opt_out_digit: "),
    ({"call": {"say": "Hi.", "opt_out_digit": "*"}}, "call.opt_out_digit: "),
    ({"call": {"say": "Hi.", "volume": 11}}, "call.volume: "),
    ({"pacing": {"call_delay_s": -0.001}}, "pacing.call_delay_s: "),
    ({"pacing": {"call_delay_s": 3601}}, "pacing.call_delay_s: "),
    ({"pacing": {"call_delay_s": float("nan")}}, "pacing.call_delay_s: "),
    ({"pacing": {"max_concurrent": 0}}, "pacing.max_concurrent: "),
    ({"pacing": {"max_concurrent": 10_001}}, "pacing.max_concurrent: "),
    ({"pacing": {"max_concurrent": 1.5}}, "pacing.max_concurrent: "),
    ({"hours": {"zone": "Mars/Olympus"}}, "hours.zone: 'Mars/Olympus' is not a time zone such as"),
    ({"hours": {"zone": "../etc/passwd"}}, "hours.zone: "),
    ({"hours": {"opens": "9:00"}}, "hours.opens: "),
    ({"hours": {"closes": "25:00"}}, "hours.closes: "),
    ({"hours": {"closes": "12:60"}}, "hours.closes: "),
    ({"hours": {"opens": "17:00", "closes": "09:00"}}, "hours: `opens` must be before `closes`"),
    ({"hours": {"opens": "09:00", "closes": "09:00"}}, "hours: `opens` must be before `closes`"),
    ({"hours": {"closes": "24:30"}}, "hours: `opens` must be before `closes`, and `closes` at most 24:00"),
    ({"hours": {"days": []}}, "hours.days: "),
    ({"hours": {"windows": [{"opens": "12:00", "closes": "09:00"}]}}, "hours.windows.0: `opens` must be"),
    ({"hours": {"windows": [{"zone": "UTC"}]}}, "hours.windows.0.zone: "),
    ({"hours": {"windows": [{}], "days": ["mon"]}}, "hours: give either `windows`, or `opens`, `closes`"),
    ({"hours": {"days": ["mon", "someday"]}}, "hours.days.1: "),
    ({"retry": {"max_attempts": 0}}, "retry.max_attempts: "),
    ({"retry": {"max_attempts": 21}}, "retry.max_attempts: "),
    ({"retry": {"delays_s": {"answered": 5}}}, "retry.delays_s.answered"),
    ({"retry": {"delays_s": {"busy": "soon"}}}, "retry.delays_s.busy: "),
    ({"retry": {"delays_s": {"busy": -1}}}, "retry.delays_s.busy: "),
    ({"retry": {"delays_s": {"busy": 10**15}}}, "retry.delays_s.busy: "),
    ({"retry": {"delays_s": {}, "schedules": {}}}, "retry: give either `delays_s` or `schedules`"),
    ({"retry": {"schedules": {"busy": {"waits_s": []}}}}, "retry.schedules.busy.waits_s: "),
    ({"retry": {"max_per_day": 0}}, "retry.max_per_day: "),
    ({"purpose": "marketing"}, "purpose: "),
    ({"voice": "robot"}, "voice: "),
    (
        {"purpose": "telemarketing", "any_hour_because": "they like it"},
        "campaign: `any_hour_because` is for an informational campaign alone",
    ),
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
