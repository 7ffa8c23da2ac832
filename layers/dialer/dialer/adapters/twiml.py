"""What is said to a person, as TwiML."""

from twilio.twiml.voice_response import VoiceResponse

from dialer.speech import HangUp, Speech


def render(words: Speech | HangUp, *, keypress_url: str) -> str:
    """The document the carrier executes. With a key to listen for, the text is spoken while listening."""
    response = VoiceResponse()
    match words:
        case HangUp():
            response.hangup()
        case Speech(twiml=fixed) if fixed:
            return fixed
        case Speech(listens_for=""):
            response.say(words.text, voice=words.voice, language=words.language)
        case Speech():
            gather = response.gather(input="dtmf", num_digits=1, timeout=3, action=keypress_url, method="POST")
            gather.say(words.text, voice=words.voice, language=words.language)
    return str(response)
