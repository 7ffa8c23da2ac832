"""What is said to a person, as TwiML: pages in, documents out, by the builders of Twilio's own library."""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from twilio.twiml.voice_response import Connect, Dial, Gather, Parameter, VoiceResponse

from dialer.adapters.signature import FRAGMENT
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
    Spoken,
    Talk,
    Verb,
    Words,
)

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ASIDES = {Asks.WHISPER, Asks.WAIT}
_ANY_KEY = "1234567890*#"


def render(page: Page, *, about: str) -> str:
    """The document the carrier executes. `about` is the attempt's own URL: the carrier comes back to below it."""
    if page and isinstance(page[0], Document):
        return page[0].twiml
    response = VoiceResponse()
    for verb in page:
        _add(response, verb, about)
    return str(response)


def _add(to: VoiceResponse, verb: Verb, about: str) -> None:
    match verb:
        case Words() | Sound():
            _speak(to, verb)
        case Listen() | Join() | Talk():
            to.append(_nested(verb, about))
        case Keep(longest=longest, hook=hook):
            limits = {"max_length": _seconds(longest), "finish_on_key": _ANY_KEY}
            to.record(action=_url(hook, about), method="POST", play_beep=True, trim="trim-silence", **limits)
        case Queue(name=name, hook=hook, wait=wait):
            to.enqueue(
                _plain(name),
                action=_url(hook, about),
                method="POST",
                wait_url=_url(wait, about),
                wait_url_method="POST",
            )
        case GoOn(hook=hook):
            to.redirect(_url(hook, about), method="POST")
        case Pause(length=length):
            to.pause(length=_seconds(length))
        case Leave():
            to.leave()
        case HangUp():
            to.hangup()


def _nested(verb: Listen | Join | Talk, about: str) -> Any:
    match verb:
        case Listen():
            return _gather(verb, about)
        case Join():
            return _dial(verb, about)
        case Talk():
            return _stream(verb)


def _speak(to: Any, line: Spoken) -> None:
    match line:
        case Words(text=text, voice=voice, language=language):
            to.say(_plain(text), voice=_plain(voice) or None, language=_plain(language) or None)
        case Sound(url=url):
            to.play(_plain(url))


def _gather(listen: Listen, about: str) -> Gather:
    heard: dict[str, Any] = {"input": "dtmf"}
    if listen.speech:
        heard = {
            "input": "dtmf speech",
            "speech_timeout": "auto",
            "language": listen.language,
            "hints": _plain(", ".join(listen.hints)),
        }
    gather = Gather(
        num_digits=1,
        finish_on_key="",  # or `#` could not be a choice
        timeout=_seconds(listen.timeout),
        action=_url(listen.hook, about),
        method="POST",
        **heard,
    )
    _all(gather, listen.lines)
    return gather


def _all(to: Any, lines: Iterable[Spoken]) -> None:
    for line in lines:
        _speak(to, line)


def _dial(join: Join, about: str) -> Dial:
    dial = Dial(timeout=_seconds(join.timeout), action=_url(join.hook, about), method="POST", answer_on_bridge=True)
    heard = {"url": _url(join.whisper, about), "method": "POST"} if join.whisper else {}
    (dial.sip if join.to.startswith("sip:") else dial.number)(_plain(join.to), **heard)
    return dial


def _stream(talk: Talk) -> Connect:
    connect = Connect()
    stream = connect.stream(url=_plain(talk.url))
    for name, value in talk.parameters:
        stream.append(Parameter(name=_plain(name), value=_plain(value)))
    return connect


def _url(hook: Hook, about: str) -> str:
    return f"{about}/{'answer' if hook.asks in _ASIDES else 'keypress'}?{hook.query}{FRAGMENT}"


def _seconds(span: timedelta) -> int:
    return max(1, round(span.total_seconds()))


def _plain(text: str) -> str:
    """Without the characters that no XML document may hold: with one of them the carrier could read none of it."""
    return _NOT_IN_XML.sub("", text)
