"""What the person hears: the campaign's script with the contact's own words, whatever those words are."""

from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dialer.adapters import twiml
from dialer.languages import opt_out_words
from dialer.model import CallPlan
from dialer.script import Ask, Choice, HangUp, Menu, Play, Record, Say, Script, Stream, Transfer
from dialer.speech import (
    SILENCE,
    Asks,
    Document,
    GoOn,
    Hook,
    Join,
    Keep,
    Leave,
    Listen,
    Page,
    Pause,
    Queue,
    Sound,
    Talk,
    Tongue,
    Words,
    await_finding,
    farewell,
    fill,
    hold,
    needed,
    page_for,
    tongue_of,
    voicemail,
    whisper,
)

ABOUT = "https://voice.example/voice/c/c-a"
HOSTILE = (
    "</Say><Dial>+12015550100</Dial><Say>",
    "{phone}",
    "{name}",
    "{0.__class__}",
    "%(phone)s ${phone} $phone",
    "\\1 \\g<0>",
    "&lt;Dial&gt;",
    "a\x00b\x0bc\x1f\ufffe\uffff",
    "]]>",
    "<?xml?>",
    "ÆØÅ 日本 🤝\u202e",
    '" onload="x',
)
PHONE = "+12015550100"


def tags(page: Page) -> list[str]:
    return [element.tag for element in ET.fromstring(twiml.render(page, about=ABOUT).encode()).iter()][1:]


def kinds(page: Page) -> list[str]:
    return [type(verb).__name__ for verb in page]


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Hello {name}.", "Hello Ada."),
        ("{name}{name}", "AdaAda"),
        ("Hello.", "Hello."),
        ("", ""),
        ("Hello {nobody}.", "Hello ."),
        ("Hello {nobody|there}.", "Hello there."),
        ("Hello {name|there}.", "Hello Ada."),
        ("Hello {empty|there}.", "Hello there."),
        ("Hello {nobody|}.", "Hello ."),
        ("Hello {NAME} and {first_name2}.", "Hello Ada and Kay."),
        ("Hello {nobody|a|b}.", "Hello a|b."),
        ("{first name} and {First_Name2}", "Grace and Kay"),
        ("{first_name} and {First Name2}", "Grace and Kay"),
        ("{prénom}, {e-mail}, {2nd line}", "Éva, at, two"),
        ("{} { name } {{name}} { }.", "{} Ada {Ada} ."),
        ("Pay 5 {", "Pay 5 {"),
    ],
)
def test_each_placeholder_is_the_variable_of_its_name_and_nothing_else_has_a_meaning(text: str, spoken: str) -> None:
    variables = {
        "name": "Ada", "first name": "Grace", "First_Name2": "Kay", "prénom": "Éva", "e-mail": "at", "2nd line": "two",
        "empty": "",
    }  # fmt: skip
    assert fill(text, variables) == spoken


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_spoken_and_never_read_as_text_with_placeholders(value: str) -> None:
    assert fill("Hello {name}.", {"name": value, "phone": PHONE}) == f"Hello {value}."


EVERYWHERE: Script = (
    Say(text="Hello {v}.", voice="Polly.Joanna", language="en-GB"),
    Record(name="r", prompt=(Say(text="{v}"), Play(url="https://sounds.example/a.mp3"))),
    Ask(name="q", prompt=(Say(text="{v}"),), hints=("yes",)),
    Menu(
        name="m",
        prompt=(Say(text="{v}"),),
        choices=(
            Choice(
                key="1", outcome="x", words=("one",), then=(Stream(url="wss://a.example", parameters=(("v", "{v}"),)),)
            ),
            Choice(
                key="2",
                outcome="y",
                then=(Transfer(to="sip:a@b.example", whisper="{v}", otherwise=(Say(text="{v}"),)),),
            ),
            Choice(key="3", outcome="z", then=(Transfer(to="queue:support"),)),
        ),
        otherwise=(Say(text="{v}"),),
    ),
)
PLACES = ["0", "1", "2", "3", "3.1.0", "3.2.0", "3.2.0.o.0", "3.3.0", "3.o.0", "4"]


@pytest.mark.parametrize("key", ["", "1"])
@given(value=st.text())
@example(value=HOSTILE[0])
@example(value=HOSTILE[7])
@example(value=HOSTILE[8])
def test_no_value_breaks_or_adds_to_what_the_carrier_executes(value: str, key: str) -> None:
    plan = CallPlan(script=EVERYWHERE, voicemail=(Say(text="{v}"),), opt_out_digit=key, identification="{v}")
    harmless, hostile = (
        [page_for(plan, {"v": one}, place=tuple(place.split(".")), credentials={"token": "t"}) for place in PLACES]
        + [voicemail(plan, {"v": one}), whisper(plan, {"v": one}, Transfer(to=PHONE, whisper="{v}"))]
        for one in ("Ada", value)
    )
    assert [tags(page) for page in hostile] == [tags(page) for page in harmless]


@pytest.mark.parametrize("value", [value for value in HOSTILE if value.isprintable()])
def test_printable_words_arrive_as_they_were_written(value: str) -> None:
    document = twiml.render(page_for(CallPlan(say="{name}", opt_out_digit=""), {"name": value}), about=ABOUT)
    assert ET.fromstring(document).findtext("Say") == value


def test_a_text_is_spoken_while_the_key_that_opts_out_is_listened_for() -> None:
    (listen,) = page_for(CallPlan(say="Hello {name}."), {"name": "Ada"})
    assert listen == Listen(
        lines=(Words(text="Hello Ada.", voice="alice", language="en-US"),),
        hook=Hook(asks=Asks.NEXT, place=("1",)),
        timeout=timedelta(seconds=3),
    )


def test_without_such_a_key_a_text_is_only_spoken() -> None:
    plan = CallPlan(say="Hello.", opt_out_digit="", voice="Polly.Joanna", language="en-GB")
    assert page_for(plan, {}) == (Words(text="Hello.", voice="Polly.Joanna", language="en-GB"),)


def test_a_fixed_document_stands_as_it_is() -> None:
    fixed = "<Response><Play>https://sounds.example/{name}.mp3</Play></Response>"
    assert page_for(CallPlan(twiml=fixed), {"name": "Ada"}) == (Document(twiml=fixed),)
    assert twiml.render(page_for(CallPlan(twiml=fixed), {}), about=ABOUT) == fixed
    assert page_for(CallPlan(twiml=fixed), {}, place=("1",)) == SILENCE


def test_who_is_calling_and_how_to_opt_out_come_first() -> None:
    plan = CallPlan(say="An offer.", identification="This is Example.", opt_out_line="Press 9 to opt out.")
    (listen,) = page_for(plan, {})
    assert isinstance(listen, Listen)
    assert [line.text for line in listen.lines if isinstance(line, Words)] == [
        "This is Example.", "Press 9 to opt out.", "An offer.",
    ]  # fmt: skip


def test_the_callback_number_is_a_variable_that_no_list_can_replace() -> None:
    plan = CallPlan(say="Call {callback_number}.", opt_out_digit="", callback_number=PHONE)
    assert page_for(plan, {"callback_number": "666"}) == (
        Words(text=f"Call {PHONE}.", voice="alice", language="en-US"),
    )
    assert needed(plan) == frozenset()


def test_silence_goes_on_behind_every_question_without_asking_us() -> None:
    """Each question as often as it is tried, what a menu has for silence, and all that follows, in one document."""
    menu = Menu(
        name="m",
        prompt=(Say(text="1 or 2?"),),
        choices=(Choice(key="1", outcome="x", then=(HangUp(),)),),
        tries=3,
        otherwise=(Say(text="Nothing?"),),
    )
    page = page_for(CallPlan(script=(menu, Record(name="r", prompt=()), Ask(name="q", prompt=()))), {})
    assert kinds(page) == ["Listen", "Listen", "Listen", "Listen", "Keep", "Listen"]
    assert [verb.hook for verb in page if isinstance(verb, Listen | Keep)] == [
        *(Hook(asks=Asks.INPUT, place=("0",)),) * 3,
        Hook(asks=Asks.NEXT, place=("0", "o", "1")),
        Hook(asks=Asks.INPUT, place=("1",)),
        Hook(asks=Asks.INPUT, place=("2",)),
    ]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((Transfer(to=PHONE), Say(text="x")), ["Join"]),
        ((Transfer(to="queue:support"), Say(text="x")), ["Queue"]),
        ((Stream(url="wss://a.example"), Say(text="x")), ["Talk", "GoOn"]),
        ((HangUp(), Say(text="x")), ["HangUp"]),
        ((), ["Listen"]),
    ],
)
def test_nothing_is_said_behind_what_the_carrier_always_comes_back_from(steps: Script, expected: list[str]) -> None:
    assert kinds(page_for(CallPlan(say="Hello.", script=steps), {})) == expected


def test_a_place_behind_the_end_hangs_up() -> None:
    assert page_for(CallPlan(say="Hello."), {}, place=("1",)) == SILENCE
    assert page_for(CallPlan(say="Hello."), {}, place=("no", "place")) == SILENCE


def test_words_are_listened_to_wherever_a_call_with_speech_asks() -> None:
    script: Script = (
        Menu(name="m", prompt=(), choices=(Choice(key="1", outcome="x"),)),
        Ask(name="q", prompt=(), hints=("red", "blue")),
    )
    page = [verb for verb in page_for(CallPlan(script=script, opt_out_words=("stop",)), {}) if isinstance(verb, Listen)]
    assert [(listen.speech, listen.hints) for listen in page] == [
        (True, ("stop",)), (True, ("stop",)), (True, ("red", "blue", "stop")),
    ]  # fmt: skip
    keys_only = page_for(CallPlan(script=script[:1]), {})
    assert [verb.speech for verb in keys_only if isinstance(verb, Listen)] == [False, False]


def test_a_transfer_says_who_and_how_long_and_what_is_whispered() -> None:
    (join,) = page_for(CallPlan(script=(Transfer(to=PHONE, whisper="{name}", timeout=timedelta(seconds=20)),)), {})
    assert join == Join(
        to=PHONE,
        timeout=timedelta(seconds=20),
        hook=Hook(asks=Asks.INPUT, place=("0",)),
        whisper=Hook(asks=Asks.WHISPER, place=("0",)),
    )
    (queue,) = page_for(CallPlan(script=(Transfer(to="queue:support"),)), {})
    assert queue == Queue(
        name="support", hook=Hook(asks=Asks.INPUT, place=("0",)), wait=Hook(asks=Asks.WAIT, place=("0",))
    )


@pytest.mark.parametrize(("waited", "length"), [(0, 5), (18, 2), (20, 0), (99, 0)])
def test_a_queue_is_left_when_its_time_is_over_and_the_key_is_listened_for_until_then(waited: int, length: int) -> None:
    transfer, span = Transfer(to="queue:support", timeout=timedelta(seconds=20)), timedelta(seconds=length)
    pages = [hold(CallPlan(opt_out_digit=key), transfer, ("0",), waited=timedelta(seconds=waited)) for key in ("9", "")]
    listening = Listen(lines=(), hook=Hook(asks=Asks.WAITING, place=("0",)), timeout=span)
    assert pages == ([(listening,), (Pause(length=span),)] if length else [(Leave(),)] * 2)


def test_the_key_is_listened_for_while_a_machine_may_be_found() -> None:
    again = Hook(asks=Asks.FINDING, place=("2",))
    three = timedelta(seconds=3)
    pages = [await_finding(CallPlan(opt_out_digit=key), ("1",), answered_by="") for key in ("9", "")]
    assert pages == [
        (Listen(lines=(), hook=again, timeout=three), GoOn(hook=again)),
        (Pause(length=three), GoOn(hook=again)),
    ]


def test_a_stream_gets_its_parameters_cut_to_the_carriers_limit_and_the_credentials_last() -> None:
    stream = Stream(url="wss://agent.example/a", parameters=(("name", "{name}"), ("token", "mine")))
    talk, go_on = page_for(CallPlan(script=(stream,)), {"name": "x" * 999}, credentials={"token": "ours"})
    assert talk == Talk(
        url="wss://agent.example/a", parameters=(("name", "x" * 496), ("token", "mine"), ("token", "ours"))
    )
    assert go_on == GoOn(hook=Hook(asks=Asks.NEXT, place=("1",)))


def test_a_machine_is_told_the_voicemail_and_whoever_was_taken_for_one_can_opt_out() -> None:
    lines = (Say(text="Hello {name}."), Play(url="https://sounds.example/a.mp3"))
    said = (Words(text="Hello Ada.", voice="alice", language="en-US"), Sound(url="https://sounds.example/a.mp3"))
    listen, end = voicemail(CallPlan(say="x", voicemail=lines), {"name": "Ada"})
    assert isinstance(listen, Listen)
    assert (listen.lines, listen.timeout, end) == (said, timedelta(seconds=3), HangUp())
    assert page_for(CallPlan(say="x"), {}, place=listen.hook.place) == SILENCE  # another key
    assert voicemail(CallPlan(say="x", voicemail=lines, opt_out_digit=""), {"name": "Ada"}) == (*said, HangUp())


def test_the_farewell_is_spoken_in_the_plans_voice_and_the_call_ends() -> None:
    plan = CallPlan(say="Hello.", voice="Polly.Joanna", language="en-GB", farewell="Done.")
    assert farewell(plan, {}) == (Words(text="Done.", voice="Polly.Joanna", language="en-GB"), HangUp())


SPANISH = {"language": "es-MX", "name": "Ada"}
IN_SPANISH = ("", "es-MX")
USUAL = ("Polly.Joanna", "en-US")


def spoken(page: Page) -> list[tuple[str, str]]:
    """Voice and language of every text."""
    lines = [line for verb in page for line in (verb.lines if isinstance(verb, Listen) else (verb,))]
    return [(line.voice, line.language) for line in lines if isinstance(line, Words)]


def in_one_voice(**more: Any) -> CallPlan:
    return CallPlan(voice="Polly.Joanna", language="en-US", **more)


def test_somebody_is_spoken_to_in_the_language_of_their_row_and_not_in_the_campaigns_voice() -> None:
    plan = in_one_voice(say="{name}", identification="Us.", opt_out_line="Press 9.", voicemail=(Say(text="Call us."),))
    for variables, expected in ((SPANISH, IN_SPANISH), ({}, USUAL)):
        assert spoken(page_for(plan, variables)) == [expected] * 3
        assert spoken(voicemail(plan, variables)) == [expected]
        assert spoken(farewell(plan, variables)) == [expected]


@pytest.mark.parametrize("language", ["en-US", "EN-us", "en", "en-IE", "es", "cs-CZ", "", "English", "{x}"])
def test_the_campaigns_own_language_or_none_leaves_its_voice_as_it_is(language: str) -> None:
    assert spoken(page_for(in_one_voice(say="Hello."), {"language": language})) == [USUAL]


def test_the_language_of_a_row_is_a_variable_too() -> None:
    (listen,) = page_for(CallPlan(say="You asked for {language}."), SPANISH)
    assert isinstance(listen, Listen)
    assert listen.lines == (Words(text="You asked for es-MX.", language="es-MX"),)


def test_a_line_that_names_its_own_language_keeps_it_and_a_voice_alone_gives_way() -> None:
    script: Script = (
        Say(text="Bonjour.", voice="Polly.Lea", language="fr-FR"),
        Say(text="Salut.", language="fr-FR"),
        Say(text="Hello.", voice="Polly.Matthew"),
    )
    french = [("Polly.Lea", "fr-FR"), ("Polly.Joanna", "fr-FR")]
    assert spoken(page_for(in_one_voice(script=script), SPANISH)) == [*french, IN_SPANISH]
    assert spoken(page_for(in_one_voice(script=script), {})) == [*french, ("Polly.Matthew", "en-US")]


def test_whoever_takes_a_transfer_hears_the_campaigns_language() -> None:
    transfer = Transfer(to=PHONE, whisper="{name} is on the line.", otherwise=(Say(text="Sorry."),))
    plan = in_one_voice(script=(transfer,))
    assert spoken(whisper(plan, SPANISH, transfer)) == [USUAL]
    assert spoken(page_for(plan, SPANISH, place=("0", "o", "0"))) == [IN_SPANISH]


def test_the_farewell_may_have_words_of_each_persons_language() -> None:
    plan = CallPlan(say="Hello.", farewell="{bye|Goodbye.}", callback_number=PHONE)
    assert [farewell(plan, said)[0] for said in ({"bye": "Adiós."}, {})] == [
        Words(text="Adiós.", voice="alice", language="en-US"), Words(text="Goodbye.", voice="alice", language="en-US"),
    ]  # fmt: skip
    assert needed(CallPlan(say="Hello.", farewell="{bye} {callback_number}", callback_number=PHONE)) == {"bye"}


@pytest.mark.parametrize(
    ("language", "hears", "more"),
    [
        ("es-MX", "es-MX", True),
        ("en-GB", "en-GB", False),  # the campaign's words are of this language
        ("es", "en-US", False),  # the carrier does not speak by it
        ("ja-JP", "en-US", False),  # no words are known
        ("", "en-US", False),
    ],
)
def test_words_are_recognised_in_the_persons_language_where_they_can_opt_out_in_it(
    language: str, hears: str, more: bool
) -> None:
    plan = CallPlan(script=(Ask(name="q", prompt=(), hints=("red",)),), opt_out_words=("stop", "remove me"))
    (listen,) = page_for(plan, {"language": language})
    assert isinstance(listen, Listen)
    assert listen.language == hears
    assert listen.hints[:3] == ("red", "stop", "remove me")
    assert ("dar de baja" in listen.hints, len(listen.hints) > 3) == (more, more)
    assert tongue_of(plan, {"language": language}).opt_out_words == listen.hints[1:]


def test_a_word_that_chooses_something_in_the_script_opts_nobody_out() -> None:
    menu = Menu(
        name="m",
        prompt=(),
        choices=(
            Choice(key="1", outcome="x", words=("Cancelar mi cita",)),
            Choice(key="2", outcome="y", words=("sí",)),
        ),
    )
    words = tongue_of(CallPlan(script=(Record(name="r", prompt=()), menu)), SPANISH).opt_out_words
    assert "basta" in words
    assert "cancelar" not in words


def test_where_every_known_word_chooses_something_the_campaigns_language_is_recognised() -> None:
    choice = Choice(key="1", outcome="x", words=opt_out_words("es"))
    plan = CallPlan(script=(Menu(name="m", prompt=(), choices=(choice,)),))
    assert tongue_of(plan, SPANISH) == Tongue(other="es-MX", hears="en-US", opt_out_words=plan.opt_out_words)


def test_a_word_is_known_once() -> None:
    words = tongue_of(CallPlan(script=(Ask(name="q", prompt=()),)), {"language": "fr-FR"}).opt_out_words
    assert words.count("stop") == 1


def test_the_variables_that_must_be_there_are_those_without_another_text() -> None:
    plan = CallPlan(
        script=(
            Say(text="{a} {b|x}"),
            Menu(
                name="m", prompt=(Say(text="{c}"),), choices=(Choice(key="1", outcome="x", then=(Say(text="{ d }"),)),)
            ),
            Transfer(to=PHONE, whisper="{e}"),
            Stream(url="wss://a.example", parameters=(("f", "{f}"),)),
        ),
        voicemail=(Say(text="{g}"),),
        identification="{h}",
    )
    assert needed(plan) == frozenset("acdefgh")


def test_a_text_may_say_again_who_calls_and_how_to_opt_out() -> None:
    """To whoever was handed on and found nobody."""
    alone = (Say(text="{identification} {opt_out_line} Call {callback_number}, {name}."),)
    plan = CallPlan(
        identification="This is Example, {callback_number}.",
        opt_out_line="Press 9, {name}, for no more calls.",
        callback_number=PHONE,
        script=(Transfer(to=PHONE, otherwise=alone),),
    )
    assert needed(plan) == {"name"}
    (listening,) = page_for(plan, {"name": "Ada", "identification": "a column"}, place=("2", "o", "0"))
    assert isinstance(listening, Listen)
    (words,) = listening.lines
    said = f"This is Example, {PHONE}. Press 9, Ada, for no more calls. Call {PHONE}, Ada."
    assert isinstance(words, Words)
    assert words.text == said
