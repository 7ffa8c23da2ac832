"""What a campaign must have before it may start: rules that depend on why it calls, and with whose voice."""

import re
from collections.abc import Iterator

from dialer.model import CallPlan, OnMachine, Purpose, Voice
from dialer.script import Say, Stream, Transfer, every_step, texts, transfers
from dialer.speech import script_of

_NUMBER = "{callback_number}"
_LEFT_ALONE = ("{identification}", _NUMBER, "{opt_out_line}")
_HANDS_ON = re.compile(r"<(Dial|Enqueue|Connect|Redirect|Refer)\b")
_NOBODY_SPEAKS = (
    "`voice` is `live`, but nobody takes the call: set `voice: prerecorded`, or add a `transfer` or `stream`"
)


def missing(*, purpose: Purpose, voice: Voice, call: CallPlan) -> list[str]:
    """What a sales call lacks that is by machine, or hands people on, a sentence each; nothing where no rule applies.

    Of any call: that it says it is live, and is not.

    47 CFR 64.1200(b), and (a)(7) on what is heard when nobody takes a transfer.
    """
    by_machine = voice is not Voice.LIVE
    hands_on = transfers(call.script) or bool(_HANDS_ON.search(call.twiml))
    if contradiction := nobody_speaks(voice=voice, call=call):
        return [contradiction]
    if purpose is not Purpose.TELEMARKETING or not (by_machine or hands_on):
        return []
    return [*_missing(call), *(_unsaid(call) if by_machine else ()), *_silent_transfers(call)]


def nobody_speaks(*, voice: Voice, call: CallPlan) -> str:
    """Why this call is no live one, whatever is said of it; empty where it may be, or does not claim to be.

    A call that nobody can take over is an automated one: its hours, and what it must say, are those of a recording.
    """
    taken = any(isinstance(step, Transfer | Stream) for step in every_step(call.script))
    return "" if voice is not Voice.LIVE or taken or _HANDS_ON.search(call.twiml) else _NOBODY_SPEAKS


def _missing(call: CallPlan) -> Iterator[str]:
    if call.twiml:
        yield "`call.twiml` cannot be checked: write a `script`"
    if not call.identification.strip():
        yield "`call.identification` must say who is calling"
    if not call.opt_out_line.strip():
        yield "`call.opt_out_line` must say how to opt out"
    if not call.opt_out_digit:
        yield "`call.opt_out_digit` must be a key"
    if not call.callback_number:
        yield "`call.callback_number` must be the number at which the caller can be reached"


def _unsaid(call: CallPlan) -> Iterator[str]:
    if call.callback_number and not any(_NUMBER in text for text in texts(script_of(call))):
        yield f"the call must speak the {_NUMBER}"
    if call.on_machine is OnMachine.VOICEMAIL and not _speaks_number(call):
        yield f"`call.voicemail` must speak the {_NUMBER}"


def _speaks_number(call: CallPlan) -> bool:
    return any(isinstance(line, Say) and _NUMBER in line.text for line in call.voicemail)


def _silent_transfers(call: CallPlan) -> Iterator[str]:
    """Whoever finds nobody is told at once who called, where to call back, and how to opt out."""
    for step in every_step(call.script):
        if isinstance(step, Transfer):
            said = _first_words(step)
            unsaid = [words for words in _LEFT_ALONE if not any(words in text for text in said)]
            if unsaid:
                yield f"`otherwise` of the transfer `{step.name}` must begin by saying {', '.join(unsaid)}"


def _first_words(transfer: Transfer) -> list[str]:
    """What is spoken before anything else is done."""
    spoken: list[str] = []
    for step in transfer.otherwise:
        if not isinstance(step, Say):
            break
        spoken.append(step.text)
    return spoken
