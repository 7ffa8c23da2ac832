"""What is said to a person, as TwiML."""

import re

from twilio.twiml.voice_response import VoiceResponse

from dialer.speech import HangUp, Speech

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(words: Speech | HangUp, *, keypress_url: str) -> str:
    """The document the carrier executes. With a key to listen for, the text is spoken while listening."""
    response = VoiceResponse()
    match words:
        case HangUp():
            response.hangup()
        case Speech(twiml=fixed) if fixed:
            return fixed
        case Speech(listens_for=""):
            response.say(_spoken(words), voice=words.voice, language=words.language)
        case Speech():
            gather = response.gather(input="dtmf", num_digits=1, timeout=3, action=keypress_url, method="POST")
            gather.say(_spoken(words), voice=words.voice, language=words.language)
    return str(response)


def _spoken(words: Speech) -> str:
    """Without the characters that no XML document may hold: with one of them the carrier could read none of it."""
    return _NOT_IN_XML.sub("", words.text)
