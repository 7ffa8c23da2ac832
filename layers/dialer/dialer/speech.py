"""What the person hears: the campaign's script from some place on, with the contact's own words in it, as a page.

A page is what the carrier does until it asks again. It goes on past every question that is met with silence, so a call
in which nobody presses a key asks once.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from dialer import languages, opt_out
from dialer.model import CallPlan, OnMachine
from dialer.script import (
    OTHERWISE,
    Ask,
    HangUp,
    Line,
    Menu,
    Place,
    Play,
    Record,
    Say,
    Script,
    Step,
    Stream,
    Transfer,
    after,
    into,
    onward,
    takes_speech,
    texts,
    words_of_choices,
)
from dialer.variables import value_of

START: Place = ("0",)
FIRST_FINDING: Place = ("1",)
"""How often it has been asked for when it is asked for first."""
_OVER: Place = ("over",)
"""A place behind the end of every script."""
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")  # any name that a column of a list may have
_OWN = ("callback_number", "identification", "opt_out_line")
_LAST_CHANCE = timedelta(seconds=3)  # to press the key that the last words spoke of
_BREATH = timedelta(seconds=1)
_HOLD = timedelta(seconds=5)
_LISTENING = timedelta(seconds=3)
_MOST_FINDINGS = 10  # half a minute: by then the carrier has given up listening
_LONGEST_PARAMETER = 500  # the carrier's limit for name and value together


class Asks(StrEnum):
    """What the carrier comes back for."""

    INPUT = "at"
    """With what was pressed, said, recorded or reached at the step in this place."""
    NEXT = "to"
    """To go on in this place."""
    FINDING = "finding"
    """To hear whether a machine has answered: asked for so many times, as the place says."""
    WHISPER = "whisper"
    """For what the one who takes the transfer in this place hears."""
    WAIT = "wait"
    """For what somebody hears who waits in the queue in this place."""
    WAITING = "waiting"
    """With what somebody pressed who waits there."""


@dataclass(frozen=True, kw_only=True)
class Hook:
    """Where the carrier comes back to, as a part of the attempt's own URL."""

    asks: Asks
    place: Place

    @property
    def query(self) -> str:
        return f"{self.asks}={'.'.join(self.place)}"


@dataclass(frozen=True, kw_only=True)
class Words:
    text: str
    voice: str = ""
    language: str = ""


@dataclass(frozen=True, kw_only=True)
class Sound:
    url: str


Spoken = Words | Sound


@dataclass(frozen=True, kw_only=True)
class Listen:
    """Speak, and take one key, or words where `speech`; silence goes on behind it."""

    lines: tuple[Spoken, ...]
    hook: Hook
    timeout: timedelta
    speech: bool = False
    language: str = ""
    hints: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Keep:
    """Record until a key, silence, or the longest time."""

    longest: timedelta
    hook: Hook


@dataclass(frozen=True, kw_only=True)
class Join:
    """Call somebody else, a number or a SIP address, and join the two."""

    to: str
    timeout: timedelta
    hook: Hook
    whisper: Hook | None = None


@dataclass(frozen=True, kw_only=True)
class Queue:
    """Put the person into a queue of the carrier's."""

    name: str
    hook: Hook
    wait: Hook


@dataclass(frozen=True, kw_only=True)
class Talk:
    """Connect the call's sound with a websocket, both ways."""

    url: str
    parameters: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class GoOn:
    """Come back at once."""

    hook: Hook


@dataclass(frozen=True, kw_only=True)
class Pause:
    length: timedelta


@dataclass(frozen=True, kw_only=True)
class Leave:
    """Leave the queue."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """The operator's own TwiML, word for word."""

    twiml: str


@dataclass(frozen=True, kw_only=True)
class Tongue:
    """The language that somebody is spoken to in, and what they are heard by."""

    other: str = ""
    """Another language than the campaign's; empty: that one, in its voice."""
    hears: str
    """The language in which words are recognised."""
    opt_out_words: tuple[str, ...]


Verb = Words | Sound | Listen | Keep | Join | Queue | Talk | GoOn | Pause | Leave | Document | HangUp
Page = tuple[Verb, ...]
SILENCE: Page = (HangUp(),)
LEAVE: Page = (Leave(),)


def page_for(
    plan: CallPlan,
    variables: Mapping[str, str],
    *,
    place: Place = START,
    credentials: Mapping[str, str] | None = None,
) -> Page:
    """The script from a place on; nothing left to say hangs up. `credentials` go with a media stream."""
    if plan.twiml:
        return (Document(twiml=plan.twiml),) if place == START else SILENCE
    writer = _Writer(
        plan=plan,
        tongue=tongue_of(plan, variables),
        variables=_known(plan, variables),
        script=script_of(plan),
        credentials=credentials or {},
    )
    return tuple(writer.verbs(place)) or SILENCE


def tongue_of(plan: CallPlan, variables: Mapping[str, str]) -> Tongue:
    """The campaign's language, or the one that somebody's list asks for.

    The words that opt out are the campaign's and those of the other language. Where none of these are known, or the
    carrier does not recognise that language, words are recognised in the campaign's as they would be without it.
    """
    asked, heard, words = languages.asked_for(variables), plan.language, plan.opt_out_words
    if not languages.is_spoken(asked) or asked == languages.tag(plan.language):
        return Tongue(hears=heard, opt_out_words=words)
    akin = languages.are_akin(asked, plan.language)
    more = () if akin else _opt_out_words(plan, asked)
    if languages.is_heard(asked) and (akin or more):
        heard = asked
    return Tongue(other=asked, hears=heard, opt_out_words=(*words, *more))


def _opt_out_words(plan: CallPlan, language: str) -> tuple[str, ...]:
    """A language's own, beside the campaign's: none that means something else in its script."""
    taken = words_of_choices(plan.script)
    return tuple(
        word
        for word in languages.opt_out_words(language)
        if word not in plan.opt_out_words and not any(opt_out.is_among((word,), choice) for choice in taken)
    )


def script_of(plan: CallPlan) -> Script:
    """All that is said: who is calling and how to opt out come first, where the campaign has words for them."""
    prelude = tuple(Say(text=text) for text in (plan.identification, plan.opt_out_line) if text)
    return (*prelude, *(plan.script or (Say(text=plan.say),)))


def voicemail(plan: CallPlan, variables: Mapping[str, str]) -> Page:
    """What a machine is told, or a person who was taken for one: the key that opts out is listened for."""
    known, tongue = _known(plan, variables), tongue_of(plan, variables)
    lines = tuple(_spoken(line, plan, tongue, known) for line in plan.voicemail)
    if not plan.opt_out_digit:
        return (*lines, HangUp())
    return (Listen(lines=lines, hook=Hook(asks=Asks.NEXT, place=_OVER), timeout=_LAST_CHANCE), HangUp())


def stays_open(plan: CallPlan) -> bool:
    """Whether the first words are spoken while a machine may still be found that is to hear the voicemail."""
    return plan.detect_machine and not plan.detect_first and plan.on_machine is OnMachine.VOICEMAIL


def held_open(page: Page) -> Page:
    """The page, and behind its end the line stays open: a machine that is still greeting is to hear the voicemail."""
    if isinstance(page[-1], Join | Queue | GoOn | Document):
        return page
    spoken = page[:-1] if isinstance(page[-1], HangUp) else page
    return (*spoken, GoOn(hook=Hook(asks=Asks.FINDING, place=FIRST_FINDING)))


def await_finding(plan: CallPlan, place: Place, *, answered_by: str) -> Page:
    """Silence until it is known who answered; whoever is no machine has heard everything, and the call ends."""
    times = int(place[0]) if place[0].isdecimal() else _MOST_FINDINGS
    if answered_by or times >= _MOST_FINDINGS:
        return SILENCE
    again = Hook(asks=Asks.FINDING, place=(str(times + 1),))
    return (_silence(plan, _LISTENING, again), GoOn(hook=again))


def whisper(plan: CallPlan, variables: Mapping[str, str], transfer: Transfer) -> Page:
    """In the campaign's language: whoever takes the transfer is not the person who is called."""
    text = fill(transfer.whisper, _known(plan, variables))
    return (Words(text=text, voice=plan.voice, language=plan.language),)


def hold(plan: CallPlan, transfer: Transfer, place: Place, *, waited: timedelta) -> Page:
    """A few seconds in a queue, or the way out of it when that has lasted long enough."""
    if waited >= transfer.timeout:
        return LEAVE
    return (_silence(plan, min(_HOLD, transfer.timeout - waited), Hook(asks=Asks.WAITING, place=place)),)


def wait_on(place: Place) -> Page:
    """Back to the wait, for whoever pressed a key there that says nothing."""
    return (GoOn(hook=Hook(asks=Asks.WAIT, place=place)),)


def _silence(plan: CallPlan, length: timedelta, hook: Hook) -> Listen | Pause:
    """Nothing is said, and the key that opts out is listened for."""
    return Listen(lines=(), hook=hook, timeout=length) if plan.opt_out_digit else Pause(length=length)


def farewell(plan: CallPlan, variables: Mapping[str, str]) -> Page:
    """What somebody hears who has just opted out; then the call ends."""
    said = Say(text=plan.farewell)
    return (_spoken(said, plan, tongue_of(plan, variables), _known(plan, variables)), HangUp())


def fill(text: str, variables: Mapping[str, str]) -> str:
    """Replace each `{name}` by the variable of that name, each `{name|text}` by the text where it has no value."""

    def value(found: re.Match[str]) -> str:
        name, _, usual = found.group(1).partition("|")
        return value_of(variables, name.strip()) or usual

    return _PLACEHOLDER.sub(value, text)


def needed(plan: CallPlan) -> frozenset[str]:
    """The variables that the texts use and have no other text for."""
    spoken = [*texts(script_of(plan)), *texts(plan.voicemail), plan.farewell]
    names = (name for text in spoken for name in _PLACEHOLDER.findall(text) if "|" not in name)
    return frozenset(name.strip() for name in names) - _known(plan, {}).keys()


def _known(plan: CallPlan, variables: Mapping[str, str]) -> Mapping[str, str]:
    """The contact's variables, and the campaign's own."""
    own: Mapping[str, str] = variables
    for name in _OWN:  # each may speak of those before it
        if text := getattr(plan, name):
            own = {**own, name: fill(text, own)}
    return own


def _spoken(line: Line, plan: CallPlan, tongue: Tongue, variables: Mapping[str, str]) -> Spoken:
    """A line that names its own language is spoken in it. In another one than the campaign's no voice is named: those
    that are set belong to the campaign's, and the carrier has one for each language."""
    match line:
        case Play(url=url):
            return Sound(url=url)
        case Say(text=text, language="") if tongue.other:
            return Words(text=fill(text, variables), language=tongue.other)
        case Say(text=text, voice=voice, language=language):
            return Words(text=fill(text, variables), voice=voice or plan.voice, language=language or plan.language)


@dataclass(frozen=True, kw_only=True)
class _Writer:
    """Writes the steps of one page."""

    plan: CallPlan
    tongue: Tongue
    variables: Mapping[str, str]
    script: Script
    credentials: Mapping[str, str] = field(default_factory=dict)

    def verbs(self, place: Place) -> Iterator[Verb]:
        said: list[tuple[Place, Line]] = []
        for where, step in onward(self.script, place):
            if isinstance(step, Say | Play):
                said.append((where, step))
                continue
            yield from self._aside(said, last=isinstance(step, HangUp))
            said = []
            yield from self._step(where, step)
            if isinstance(step, Menu | Transfer | Stream | HangUp):
                return
        yield from self._aside(said, last=True)

    def _aside(self, said: list[tuple[Place, Line]], *, last: bool) -> Iterator[Verb]:
        """What needs no answer: spoken while the opt-out key is listened for; another key goes on behind it."""
        lines = self._lines(line for _, line in said)
        if lines and self.plan.opt_out_digit:
            hook = Hook(asks=Asks.NEXT, place=after(said[-1][0]))
            yield Listen(lines=lines, hook=hook, timeout=_LAST_CHANCE if last else _BREATH)
        else:
            yield from lines

    def _step(self, place: Place, step: Step) -> Iterator[Verb]:
        here = Hook(asks=Asks.INPUT, place=place)
        match step:
            case Menu():
                listen = self._question(step, here)
                yield from (listen for _ in range(step.tries))
                yield from self.verbs(into(place, OTHERWISE))
            case Ask():
                yield self._question(step, here)
            case Record(longest=longest):
                yield from self._prompt(place, step)
                yield Keep(longest=longest, hook=here)
            case Transfer():
                yield self._transfer(place, step, here)
            case Stream(url=url, parameters=parameters):
                yield Talk(url=url, parameters=tuple(self._parameters(parameters)))
                yield GoOn(hook=Hook(asks=Asks.NEXT, place=after(place)))
            case HangUp():
                yield step

    def _question(self, step: Menu | Ask, hook: Hook) -> Listen:
        speech = takes_speech(self.script)
        words = [word for choice in step.choices for word in choice.words] if isinstance(step, Menu) else step.hints
        return Listen(
            lines=self._lines(step.prompt),
            hook=hook,
            timeout=step.timeout,
            speech=speech,
            language=self.tongue.hears,
            hints=(*words, *self.tongue.opt_out_words) if speech else (),
        )

    def _prompt(self, place: Place, step: Record) -> Iterator[Verb]:
        lines = self._lines(step.prompt)
        if lines and self.plan.opt_out_digit:
            yield Listen(lines=lines, hook=Hook(asks=Asks.NEXT, place=place), timeout=_BREATH)
        else:
            yield from lines

    def _transfer(self, place: Place, step: Transfer, hook: Hook) -> Verb:
        kind, _, name = step.to.partition(":")
        if kind == "queue":
            return Queue(name=name, hook=hook, wait=Hook(asks=Asks.WAIT, place=place))
        heard = Hook(asks=Asks.WHISPER, place=place) if step.whisper else None
        return Join(to=step.to, timeout=step.timeout, hook=hook, whisper=heard)

    def _lines(self, lines: Iterable[Line]) -> tuple[Spoken, ...]:
        return tuple(_spoken(line, self.plan, self.tongue, self.variables) for line in lines)

    def _parameters(self, parameters: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        """The operator's first, ours last: nobody else's value may stand for the token."""
        for name, text in parameters:
            yield name, fill(text, self.variables)[: _LONGEST_PARAMETER - len(name)]
        yield from self.credentials.items()
