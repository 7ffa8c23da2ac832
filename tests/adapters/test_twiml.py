"""What is said, as the carrier reads it: always one well-formed document, with the words and nothing else from them."""

from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.adapters.twiml import render
from dialer.script import HangUp
from dialer.speech import (
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
    Words,
)

ABOUT = "https://voice.example/voice/contact/contact-attempt"
HERE = Hook(asks=Asks.INPUT, place=("1", "2", "0"))
BACK = f"{ABOUT}/keypress?at=1.2.0#rc=5&rp=all"
TWENTY = timedelta(seconds=20)


def tree(*page: object) -> ET.Element:
    return ET.fromstring(render(page, about=ABOUT).encode())  # type: ignore[arg-type]


def test_hanging_up_is_all_there_is_to_it() -> None:
    assert [verb.tag for verb in tree(HangUp())] == ["Hangup"]


def test_a_text_is_spoken_in_its_voice_and_language_and_a_sound_is_played() -> None:
    say, play = tree(
        Words(text="Hello Ada.", voice="alice", language="en-GB"), Sound(url="https://s.example/a.mp3?a&b")
    )
    assert (say.tag, say.text, say.attrib) == ("Say", "Hello Ada.", {"voice": "alice", "language": "en-GB"})
    assert (play.tag, play.text) == ("Play", "https://s.example/a.mp3?a&b")


def test_where_no_voice_is_named_the_carrier_chooses_its_own_for_the_language() -> None:
    (say,) = tree(Words(text="Hola Ada.", language="es-MX"))
    assert (say.text, say.attrib) == ("Hola Ada.", {"language": "es-MX"})


def test_one_key_is_taken_while_the_text_is_spoken() -> None:
    (gather,) = tree(Listen(lines=(Words(text="Press 9."),), hook=HERE, timeout=timedelta(seconds=3)))
    assert gather.tag == "Gather"
    assert gather.attrib == {
        "input": "dtmf", "numDigits": "1", "finishOnKey": "", "timeout": "3", "action": BACK, "method": "POST",
    }  # fmt: skip
    (say,) = gather
    assert (say.tag, say.text) == ("Say", "Press 9.")


def test_words_are_taken_in_the_calls_language_with_their_hints() -> None:
    (gather,) = tree(
        Listen(lines=(), hook=HERE, timeout=TWENTY, speech=True, language="en-GB", hints=("yes", "opt out"))
    )
    heard = {name: gather.attrib[name] for name in ("input", "language", "hints", "speechTimeout")}
    assert heard == {"input": "dtmf speech", "language": "en-GB", "hints": "yes, opt out", "speechTimeout": "auto"}


def test_an_answer_is_recorded_until_a_key_or_the_longest_time() -> None:
    (record,) = tree(Keep(longest=TWENTY, hook=HERE))
    assert (record.tag, record.attrib["action"], record.attrib["maxLength"]) == ("Record", BACK, "20")
    assert record.attrib["finishOnKey"] == "1234567890*#"


@pytest.mark.parametrize(("to", "tag"), [("+12015550100", "Number"), ("sip:a@b.example", "Sip")])
def test_a_transfer_rings_so_long_and_whispers(to: str, tag: str) -> None:
    (dial,) = tree(Join(to=to, timeout=TWENTY, hook=HERE, whisper=Hook(asks=Asks.WHISPER, place=("1",))))
    assert (dial.tag, dial.attrib) == (
        "Dial",
        {"timeout": "20", "action": BACK, "method": "POST", "answerOnBridge": "true"},
    )
    (end,) = dial
    assert (end.tag, end.text) == (tag, to)
    assert end.attrib == {"url": f"{ABOUT}/answer?whisper=1#rc=5&rp=all", "method": "POST"}


def test_a_queue_is_waited_in_with_a_document_of_ours() -> None:
    (enqueue,) = tree(Queue(name="support", hook=HERE, wait=Hook(asks=Asks.WAIT, place=("1",))))
    assert (enqueue.tag, enqueue.text) == ("Enqueue", "support")
    assert enqueue.attrib == {
        "action": BACK, "method": "POST", "waitUrl": f"{ABOUT}/answer?wait=1#rc=5&rp=all", "waitUrlMethod": "POST",
    }  # fmt: skip
    pause, leave = tree(Pause(length=timedelta(seconds=5)), Leave())
    assert (pause.tag, pause.attrib, leave.tag) == ("Pause", {"length": "5"}, "Leave")


def test_a_stream_is_connected_both_ways_and_then_asked_about() -> None:
    talk = Talk(url="wss://agent.example/a", parameters=(("name", 'A"da'), ("token", "v1.x")))
    connect, redirect = tree(talk, GoOn(hook=Hook(asks=Asks.NEXT, place=("2",))))
    (stream,) = connect
    assert (connect.tag, stream.tag, stream.attrib) == ("Connect", "Stream", {"url": "wss://agent.example/a"})
    assert [(one.tag, one.attrib) for one in stream] == [
        ("Parameter", {"name": "name", "value": 'A"da'}), ("Parameter", {"name": "token", "value": "v1.x"}),
    ]  # fmt: skip
    assert (redirect.tag, redirect.text) == ("Redirect", f"{ABOUT}/keypress?to=2#rc=5&rp=all")


def test_a_fixed_document_is_given_word_for_word() -> None:
    fixed = "<Response><Play>https://voice.example/a.mp3</Play></Response>"
    assert render((Document(twiml=fixed),), about=ABOUT) == fixed


@given(text=st.text(max_size=60))
def test_whatever_a_list_holds_the_document_can_be_read_and_has_no_other_verb(text: str) -> None:
    page: Page = (
        Listen(
            lines=(Words(text=text, voice=text, language=text),), hook=HERE, timeout=TWENTY, speech=True, hints=(text,)
        ),
        Words(text=text),
        Talk(url="wss://agent.example", parameters=(("name", text),)),
        Join(to=text, timeout=TWENTY, hook=HERE),
    )
    tags = [element.tag for element in tree(*page).iter()][1:]
    assert tags[:6] == ["Gather", "Say", "Say", "Connect", "Stream", "Parameter"]
    assert tags[6:] in (["Dial", "Number"], ["Dial", "Sip"])


def test_words_that_look_like_verbs_are_only_words() -> None:
    text = "</Say><Dial>+12015550199</Dial><Say> & \"quotes\" 'too' ]]>"
    (say,) = tree(Words(text=text, voice="alice", language="en-US"))
    assert say.text == text
