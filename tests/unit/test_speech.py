"""What the person hears: the campaign's text with the contact's own words, whatever those words are."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dialer.adapters import twiml
from dialer.model import CallPlan
from dialer.speech import HangUp, Speech, farewell, fill, speech_for

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


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Hello {name}.", "Hello Ada."),
        ("{name}{name}", "AdaAda"),
        ("Hello.", "Hello."),
        ("", ""),
        ("Hello {nobody}.", "Hello ."),
        ("{first name} and {First_Name2}", "Grace and Kay"),
        ("{prénom}, {e-mail}, {2nd line}", "Éva, at, two"),
        ("{} { name } {{name}} { }.", "{} Ada {Ada} ."),
        ("Pay 5 {", "Pay 5 {"),
    ],
)
def test_each_placeholder_is_the_variable_of_its_name_and_nothing_else_has_a_meaning(text: str, spoken: str) -> None:
    variables = {
        "name": "Ada", "first name": "Grace", "First_Name2": "Kay", "prénom": "Éva", "e-mail": "at", "2nd line": "two",
    }  # fmt: skip
    assert fill(text, variables) == spoken


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_spoken_and_never_read_as_text_with_placeholders(value: str) -> None:
    assert fill("Hello {name}.", {"name": value, "phone": PHONE}) == f"Hello {value}."


@given(value=st.text(), key=st.sampled_from(["", "1"]))
@example(value=HOSTILE[0], key="")
@example(value=HOSTILE[7], key="1")
def test_no_value_breaks_or_adds_to_what_the_carrier_executes(value: str, key: str) -> None:
    plan = CallPlan(say="Hello {name}.", opt_out_digit=key)
    document = twiml.render(speech_for(plan, {"name": value}), keypress_url="https://voice.example/k?a=1&b=2")
    verbs = [element.tag for element in ET.fromstring(document).iter()]
    assert verbs == (["Response", "Gather", "Say"] if key else ["Response", "Say"])


@pytest.mark.parametrize("value", [value for value in HOSTILE if value.isprintable()])
def test_printable_words_arrive_as_they_were_written(value: str) -> None:
    document = twiml.render(speech_for(CallPlan(say="{name}"), {"name": value}), keypress_url="")
    assert ET.fromstring(document).findtext("Say") == value


def test_a_key_to_listen_for_is_asked_for_at_its_own_url_while_the_text_is_spoken() -> None:
    words = speech_for(CallPlan(say="Press 9.", opt_out_digit="9"), {})
    gather = ET.fromstring(twiml.render(words, keypress_url="https://voice.example/voice/c/a/keypress"))[0]
    assert gather.attrib["action"] == "https://voice.example/voice/c/a/keypress"
    assert gather.attrib["numDigits"] == "1"
    assert gather.findtext("Say") == "Press 9."


def test_a_fixed_document_stands_as_it_is() -> None:
    fixed = "<Response><Play>https://sounds.example/{name}.mp3</Play></Response>"
    assert twiml.render(speech_for(CallPlan(twiml=fixed), {"name": "Ada"}), keypress_url="") == fixed


def test_the_farewell_is_spoken_in_the_plans_voice_and_asks_nothing() -> None:
    words = farewell(CallPlan(say="Hello.", voice="Polly.Joanna", language="en-GB", opt_out_digit="9"))
    assert words == Speech(text="You will not be called again. Goodbye.", voice="Polly.Joanna", language="en-GB")


def test_hanging_up_says_nothing() -> None:
    document = ET.fromstring(twiml.render(HangUp(), keypress_url=""))
    assert [element.tag for element in document] == ["Hangup"]
