"""What is said, as the carrier reads it: always one well-formed document, with the words and nothing else from them."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.adapters.twiml import render
from dialer.speech import HangUp, Speech

KEYPRESS = "https://voice.example/voice/contact/contact-attempt/keypress?a=1&b=2"


def tree(words: Speech | HangUp) -> ET.Element:
    return ET.fromstring(render(words, keypress_url=KEYPRESS).encode())


def test_hanging_up_is_all_there_is_to_it() -> None:
    assert [verb.tag for verb in tree(HangUp())] == ["Hangup"]


def test_a_text_is_spoken_in_its_voice_and_language() -> None:
    (say,) = tree(Speech(text="Hello Ada.", voice="alice", language="en-GB"))
    assert (say.tag, say.text, say.attrib) == ("Say", "Hello Ada.", {"voice": "alice", "language": "en-GB"})


def test_a_text_is_spoken_while_a_key_is_listened_for() -> None:
    (gather,) = tree(Speech(text="Press 9 to opt out.", voice="alice", language="en-US", listens_for="9"))
    assert gather.tag == "Gather"
    assert gather.attrib == {
        "input": "dtmf",
        "numDigits": "1",
        "timeout": "3",
        "action": KEYPRESS,
        "method": "POST",
    }
    (say,) = gather
    assert (say.tag, say.text) == ("Say", "Press 9 to opt out.")


@pytest.mark.parametrize("listens_for", ["", "9"])
def test_a_fixed_document_is_given_word_for_word(listens_for: str) -> None:
    fixed = "<Response><Play>https://voice.example/a.mp3</Play></Response>"
    assert render(Speech(twiml=fixed, listens_for=listens_for), keypress_url=KEYPRESS) == fixed


@pytest.mark.parametrize("listens_for", ["", "9"])
@given(text=st.text(max_size=60))
def test_whatever_a_list_holds_the_document_can_be_read_and_has_no_other_verb(listens_for: str, text: str) -> None:
    root = tree(Speech(text=text, voice="alice", language="en-US", listens_for=listens_for))
    assert [element.tag for element in root.iter()] == ["Response", *(["Gather"] if listens_for else []), "Say"]


def test_words_that_look_like_verbs_are_only_words() -> None:
    text = "</Say><Dial>+12015550199</Dial><Say> & \"quotes\" 'too' ]]>"
    (say,) = tree(Speech(text=text, voice="alice", language="en-US"))
    assert say.text == text
