"""The form for what is said: every kind of step becomes one, and every wrong one is named."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.campaign_form import checked
from dialer.errors import BadCampaign
from dialer.model import CallerChoice, CallerPolicy, CallPlan, OnMachine
from dialer.script import Ask, Choice, HangUp, Menu, Play, Record, Say, Stream, Transfer
from tests.unit.test_languages import NONE, WRITTEN


def a_form(call: Any, **more: Any) -> dict[str, Any]:
    return {"name": "Survey", "from_numbers": ["+12015550199"], "call": call, **more}


def plan(**call: Any) -> CallPlan:
    filled: CallPlan = checked(a_form(call))["call"]
    return filled


def complaint(call: Any, **more: Any) -> str:
    with pytest.raises(BadCampaign) as refused:
        checked(a_form(call, **more))
    return str(refused.value)


SCRIPT: list[dict[str, Any]] = [
    {"say": "Hello {name|there}.", "voice": "Polly.Joanna", "language": "en-GB"},
    {"play": "https://sounds.example/a.mp3"},
    {
        "menu": {
            "name": "coming",
            "say": "Are you coming?",
            "prompt": [{"play": "https://sounds.example/b.mp3"}],
            "keys": {
                "1": {"outcome": "yes", "words": ["yes", "sure"], "then": [{"say": "Good."}]},
                "2": {
                    "outcome": "move",
                    "then": [{"menu": {"name": "day", "keys": {"*": {"outcome": "other"}}, "tries": 1}}],
                },
            },
            "timeout_s": 7,
            "otherwise": [{"hang_up": True}],
        }
    },
    {"ask": {"name": "why", "say": "Why?", "hints": ["ill"]}},
    {"record": {"name": "more", "max_s": 30}},
    {
        "transfer": {
            "to": "+12015550100", "whisper": "From {name}.", "timeout_s": 20, "otherwise": [{"say": "Nobody is here."}],
        }
    },
    {"stream": {"url": "wss://agent.example/a", "parameters": {"who": "{name}"}, "answers": ["mood"]}},
    {"hang_up": True},
]  # fmt: skip


def test_every_kind_of_step_becomes_one() -> None:
    assert plan(script=SCRIPT).script == (
        Say(text="Hello {name|there}.", voice="Polly.Joanna", language="en-GB"),
        Play(url="https://sounds.example/a.mp3"),
        Menu(
            name="coming",
            prompt=(Say(text="Are you coming?"), Play(url="https://sounds.example/b.mp3")),
            choices=(
                Choice(key="1", outcome="yes", words=("yes", "sure"), then=(Say(text="Good."),)),
                Choice(
                    key="2",
                    outcome="move",
                    then=(Menu(name="day", prompt=(), choices=(Choice(key="*", outcome="other"),), tries=1),),
                ),
            ),
            timeout=timedelta(seconds=7),
            otherwise=(HangUp(),),
        ),
        Ask(name="why", prompt=(Say(text="Why?"),), hints=("ill",)),
        Record(name="more", prompt=(), longest=timedelta(seconds=30)),
        Transfer(
            to="+12015550100",
            whisper="From {name}.",
            timeout=timedelta(seconds=20),
            otherwise=(Say(text="Nobody is here."),),
        ),
        Stream(url="wss://agent.example/a", parameters=(("who", "{name}"),), answers=("mood",)),
        HangUp(),
    )


def test_an_opt_out_is_offered_without_being_asked_for() -> None:
    usual = plan(say="Hello.")
    assert (usual.opt_out_digit, "stop" in usual.opt_out_words) == ("9", True)
    assert usual.ring_timeout == timedelta(seconds=25)


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ({}, OnMachine.GO_ON),
        ({"detect_machine": True}, OnMachine.HANG_UP),
        ({"detect_machine": True, "voicemail": "Call us."}, OnMachine.VOICEMAIL),
        ({"detect_machine": True, "voicemail": "Call us.", "on_machine": "hang_up"}, OnMachine.HANG_UP),
        ({"detect_machine": True, "on_machine": "go_on"}, OnMachine.GO_ON),
    ],
)
def test_a_machine_gets_what_the_campaign_has_for_it(machine: dict[str, Any], expected: OnMachine) -> None:
    assert plan(say="Hello.", **machine).on_machine is expected


@pytest.mark.parametrize("voicemail", ["Call us.", [{"say": "Call us."}]])
def test_a_voicemail_is_a_text_or_lines(voicemail: Any) -> None:
    assert plan(say="Hello.", detect_machine=True, voicemail=voicemail).voicemail == (Say(text="Call us."),)


def test_the_choice_of_the_number_arrives() -> None:
    caller = {"choice": "local", "daily_limit": 50, "zone": "America/New_York"}
    filled = checked(a_form({"say": "Hello."}, caller=caller))["caller"]
    assert filled == CallerPolicy(choice=CallerChoice.LOCAL, daily_limit=50, zone="America/New_York")
    assert checked(a_form({"say": "Hello."}))["caller"] == CallerPolicy()


def menu(**more: Any) -> dict[str, Any]:
    return {"menu": {"name": "m", "keys": {"1": {"outcome": "x"}}, **more}}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"script": []}, "call: give one of `say`, `script` and `twiml`"),
    ({"say": "Hi.", "script": [{"say": "Hi."}]}, "call: give one of `say`, `script` and `twiml`"),
    ({"script": [{}]}, "call.script.0: give one of `say`, `play`"),
    ({"script": [{"say": "Hi.", "hang_up": True}]}, "call.script.0: give one of `say`, `play`"),
    ({"script": [{"shout": "Hi."}]}, "call.script.0.shout: "),
    ({"script": [{"say": ""}]}, "call.script.0.say: "),
    ({"script": [{"say": "x"}] * 101}, "call.script: "),
    ({"script": [menu(otherwise=[{"say": "x"}] * 60)] * 2}, "call: `script` has more than 100 steps"),
    ({"script": [{"play": "sounds/a.mp3"}]}, "call.script.0.play: must be an address"),
    ({"script": [{"play": "file:///etc/passwd"}]}, "call.script.0.play: must be an address"),
    ({"script": [{"play": "https://[x/a.mp3"}]}, "call.script.0.play: must be an address"),
    ({"script": [menu(keys={})]}, "call.script.0.menu.keys: "),
    ({"script": [menu(keys={"12": {"outcome": "x"}})]}, "call.script.0.menu.keys.12"),
    ({"script": [menu(keys={"1": {}})]}, "call.script.0.menu.keys.1.outcome: "),
    ({"script": [menu(name="Opt-Out!")]}, "call.script.0.menu.name: "),
    ({"script": [menu(name="opt_out")]}, "call.script.0.menu.name: `opt_out` is the dialer's own"),
    (
        {"script": [{"transfer": {"to": "+12125550100", "name": "opt_out"}}]},
        "call.script.0.transfer.name: `opt_out` is the dialer's own",
    ),
    (
        {"script": [{"stream": {"url": "wss://a.example/x", "answers": ["opt_out"]}}]},
        "call.script.0.stream.answers.0: `opt_out` is the dialer's own",
    ),
    ({"script": [menu(name="a.$b")]}, "call.script.0.menu.name: "),
    ({"script": [menu(tries=9)]}, "call.script.0.menu.tries: "),
    ({"script": [menu(keys={"9": {"outcome": "x"}})]}, "call: key 9 opts out: choose another key"),
    (
        {"script": [menu(keys={"1": {"outcome": "x", "words": ["Cancel it"]}})]},
        "call: 'Cancel it' opts out: choose another word",
    ),
    (
        {"script": [menu(otherwise=[menu(keys={"9": {"outcome": "x"}})])]},
        "call: key 9 opts out: choose another key",
    ),
    (
        {"script": [{"transfer": {"to": "12125550100"}}]},
        "call.script.0.transfer.to: must be a number such",
    ),
    ({"script": [{"transfer": {"to": "sip:a b@c"}}]}, "call.script.0.transfer.to: must be a number such"),
    ({"script": [{"transfer": {"to": "queue:"}}]}, "call.script.0.transfer.to: must be a number such"),
    (
        {"script": [{"transfer": {"to": "queue:a", "whisper": "x"}}]},
        "call.script.0.transfer: a queue takes no `whisper`",
    ),
    ({"script": [{"transfer": {"to": "+12015550100", "timeout_s": 4}}]}, "call.script.0.transfer.timeout_s: "),
    (
        {"script": [{"stream": {"url": "https://a.example"}}]},
        "call.script.0.stream.url: must be an address",
    ),
    ({"script": [{"stream": {"url": "ws://a.example"}}]}, "call.script.0.stream.url: must be an address"),
    (
        {"script": [{"stream": {"url": "wss://a.example/?a=1"}}]},
        "call.script.0.stream.url: takes no query: use `parameters`",
    ),
    (
        {"script": [{"stream": {"url": "wss://a.example", "parameters": {"token": "x"}}}]},
        "call.script.0.stream.parameters: the dialer itself sends `token`",
    ),
    ({"say": "Hi.", "ring_timeout_s": 14}, "call.ring_timeout_s: "),
    ({"say": "Hi.", "voicemail": "x"}, "call: `voicemail` and `on_machine` need `detect_machine: true`"),
    (
        {"say": "Hi.", "detect_machine": True, "on_machine": "voicemail"},
        "call: `on_machine: voicemail` needs a `voicemail` text",
    ),
    ({"say": "Hi.", "opt_out_words": []}, "call.opt_out_words: "),
    (
        {"script": [{"say": "Hi.", "language": "French"}]},
        "call.script.0.language: is no language tag: write it as en-US or es-MX",
    ),
    ({"say": "Hi.", "callback_number": "2125550100"}, "call.callback_number: "),
]


@pytest.mark.parametrize(
    ("call", "expected"), WRONG, ids=[f"{n} {expected[:40]}" for n, (_, expected) in enumerate(WRONG)]
)
def test_a_wrong_step_is_named(call: dict[str, Any], expected: str) -> None:
    assert complaint(call).startswith(expected)


@pytest.mark.parametrize(("depth", "refused"), [(6, False), (7, True), (3000, True)])
def test_what_is_nested_too_deep_is_refused_before_anything_else(depth: int, refused: bool) -> None:
    script: list[dict[str, Any]] = [{"say": "Hi."}]
    for level in range(depth - 1):
        inner = {"then": script} if level % 2 else {}
        script = [menu(keys={"1": {"outcome": "x", **inner}}, otherwise=[] if inner else script)]
    if refused:
        assert complaint({"script": script}) == "call.script: is nested more than 6 deep"
    else:
        assert plan(script=script).script


def test_a_websocket_on_this_machine_needs_no_encryption() -> None:
    assert plan(script=[{"stream": {"url": "ws://127.0.0.1:9/a"}}]).script == (Stream(url="ws://127.0.0.1:9/a"),)


@pytest.mark.parametrize("written", [*WRITTEN, ""])
def test_a_language_is_written_as_in_a_list(written: str) -> None:
    (line,) = plan(script=[{"say": "Hi.", "language": written}]).script
    assert line == Say(text="Hi.", language=written)
    assert plan(say="Hi.", language=written).language == written


@pytest.mark.parametrize("written", NONE)
def test_what_is_no_language_in_a_list_is_none_in_a_campaign(written: str) -> None:
    expected = "call.language: is no language tag: write it as en-US or es-MX"
    assert complaint({"say": "Hi.", "language": written}) == expected


@pytest.mark.parametrize(("limit", "name"), [(0, "daily_limit"), (True, "zone")])
def test_a_wrong_choice_of_the_number_is_named(limit: Any, name: str) -> None:
    caller = {"daily_limit": 0} if name == "daily_limit" else {"zone": "Mars/Olympus"}
    assert complaint({"say": "Hi."}, caller=caller).startswith(f"caller.{name}: ")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["say", "menu", "keys", "then", "otherwise", "1", "to", "name"]), inner)
    ),
    max_leaves=12,
)


@given(script=JSON)
def test_whatever_is_no_script_is_refused_in_a_sentence(script: Any) -> None:
    said = ""
    try:
        checked(a_form({"script": script}))
    except BadCampaign as refused:
        said = str(refused)
    assert said.startswith("call") or isinstance(script, list)
