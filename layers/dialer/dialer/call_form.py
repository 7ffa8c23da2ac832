"""The part of the campaign form that says what is said: one shape for each kind of step, every complaint named."""

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from dialer import languages, opt_out
from dialer.answers import OPT_OUT
from dialer.model import CallPlan, OnMachine
from dialer.script import (
    Ask,
    Choice,
    HangUp,
    Line,
    Menu,
    Play,
    Record,
    Say,
    Script,
    Step,
    Stream,
    Transfer,
    every_step,
)

_LONGEST_TEXT = 4000
_MOST_STEPS = 100
_DEEPEST = 6
_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
_SIP = re.compile(r"sip:[^\s@<>]+@[^\s@<>]+")
_QUEUE = re.compile(r"queue:[\w.-]{1,64}")
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def _free(name: str) -> str:
    if name == OPT_OUT:
        raise ValueError("`opt_out` is the dialer's own answer: choose another name")
    return name


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$"), AfterValidator(_free)]
Text = Annotated[str, Field(min_length=1, max_length=_LONGEST_TEXT)]
Word = Annotated[str, Field(min_length=1, max_length=60)]
Value = Annotated[str, Field(max_length=400)]
Language = Annotated[str, Field(max_length=35), AfterValidator(lambda tag: tag and languages.demand_tag(tag))]
Seconds = Annotated[int, Field(ge=1, le=600)]
Steps = Annotated[tuple["StepForm", ...], Field(max_length=_MOST_STEPS)]
Lines = Annotated[tuple["LineForm", ...], Field(max_length=20)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LineForm(_Form):
    """`{"say": "Hello {name}."}`, with a voice or language of its own if it likes, or `{"play": "https://…/a.mp3"}`."""

    say: Text | None = None
    play: str | None = Field(default=None, max_length=2000)
    voice: str = Field(default="", max_length=100)
    language: Language = ""

    @field_validator("play")
    @classmethod
    def is_a_sound(cls, url: str | None) -> str | None:
        return url if url is None else _address(url, "https", "http")

    @model_validator(mode="after")
    def is_one_line(self) -> "LineForm":
        if (self.say is None) == (self.play is None):
            raise ValueError("give either `say` or `play`")
        return self


class ChoiceForm(_Form):
    outcome: Annotated[str, Field(pattern=r"^[\w -]{1,60}$")]
    words: tuple[Word, ...] = Field(default=(), max_length=20)
    then: Steps = ()
    call_back_s: int | None = Field(default=None, ge=60, le=30 * 24 * 3600)
    """Who chooses it is called again after so many seconds, in their hours, where an attempt is left."""


class _Question(_Form):
    name: Name
    prompt: Lines = ()
    say: Text | None = None
    """Short for a prompt of one `say`."""

    @property
    def lines(self) -> tuple[Line, ...]:
        said = (Say(text=self.say),) if self.say else ()
        return (*said, *map(_line, self.prompt))


class MenuForm(_Question):
    keys: dict[Annotated[str, Field(pattern=r"^[0-9*#]$")], ChoiceForm] = Field(min_length=1)
    timeout_s: Seconds = 5
    tries: int = Field(default=2, ge=1, le=5)
    otherwise: Steps = ()


class AskForm(_Question):
    hints: tuple[Word, ...] = Field(default=(), max_length=50)
    timeout_s: Seconds = 5


class RecordForm(_Question):
    max_s: Seconds = 60


class TransferForm(_Form):
    to: str = Field(max_length=300)
    name: Name = "transfer"
    timeout_s: int = Field(default=30, ge=5, le=600)
    whisper: str = Field(default="", max_length=_LONGEST_TEXT)
    otherwise: Steps = ()

    @field_validator("to")
    @classmethod
    def is_an_end(cls, to: str) -> str:
        if not any(shape.fullmatch(to) for shape in (_NUMBER, _SIP, _QUEUE)):
            raise ValueError("must be a number such as +12125550100, `sip:name@host`, or `queue:name`")
        return to

    @model_validator(mode="after")
    def whispers_to_somebody(self) -> "TransferForm":
        if self.whisper and self.to.startswith("queue:"):
            raise ValueError("a queue takes no `whisper`: whoever takes calls from it says what they hear")
        return self


class StreamForm(_Form):
    url: str = Field(max_length=2000)
    parameters: dict[Annotated[str, Field(pattern=r"^[A-Za-z]\w{0,39}$")], Value] = Field(
        default_factory=dict, max_length=20
    )
    answers: tuple[Name, ...] = Field(default=(), max_length=20)

    @field_validator("url")
    @classmethod
    def is_a_websocket(cls, url: str) -> str:
        """The carrier takes no query with it; without encryption nothing leaves this machine."""
        loopback = urlsplit(url).hostname in _LOOPBACK
        if urlsplit(_address(url, *(("wss", "ws") if loopback else ("wss",)))).query:
            raise ValueError("takes no query: use `parameters`")
        return url

    @field_validator("parameters")
    @classmethod
    def leaves_ours_alone(cls, parameters: dict[str, str]) -> dict[str, str]:
        ours = {"token", "contact_id", "attempt_id", "campaign_id"} & parameters.keys()
        if ours:
            raise ValueError(f"the dialer itself sends `{min(ours)}`")
        return parameters


class StepForm(LineForm):
    """One of `say`, `play`, `menu`, `ask`, `record`, `transfer`, `stream` or `hang_up: true`."""

    menu: MenuForm | None = None
    ask: AskForm | None = None
    record: RecordForm | None = None
    transfer: TransferForm | None = None
    stream: StreamForm | None = None
    hang_up: Literal[True] | None = None

    @model_validator(mode="after")
    def is_one_line(self) -> "StepForm":
        kinds = ("say", "play", "menu", "ask", "record", "transfer", "stream", "hang_up")
        if sum(getattr(self, kind) is not None for kind in kinds) != 1:
            raise ValueError(f"give one of {', '.join(f'`{kind}`' for kind in kinds)}")
        return self


class CallForm(_Form):
    say: str = Field(default="", max_length=_LONGEST_TEXT)
    twiml: str = Field(default="", max_length=_LONGEST_TEXT)
    script: Steps = ()
    voice: str = Field(default="alice", max_length=100)
    language: Language = "en-US"
    ring_timeout_s: int = Field(default=25, ge=15, le=600)
    talk_limit_s: int = Field(default=300, ge=5, le=14_400)
    detect_machine: bool = False
    detect_first: bool = False
    on_machine: OnMachine | None = None
    voicemail: str | Lines = ""
    opt_out_digit: Annotated[str, Field(pattern=r"^[0-9]?$")] = opt_out.DIGIT
    opt_out_words: tuple[Word, ...] = Field(default=opt_out.WORDS, min_length=1, max_length=50)
    farewell: Text = CallPlan.farewell
    identification: str = Field(default="", max_length=1000)
    opt_out_line: str = Field(default="", max_length=1000)
    callback_number: Annotated[str, Field(pattern=r"^(\+[1-9]\d{6,14})?$")] = ""

    @field_validator("script", mode="before")
    @classmethod
    def is_not_too_deep(cls, script: Any) -> Any:
        if _depth(script) > _DEEPEST:
            raise ValueError(f"is nested more than {_DEEPEST} deep")
        return script

    @field_validator("twiml")
    @classmethod
    def is_a_response(cls, twiml: str) -> str:
        """Found out here, or by every person who answers."""
        try:
            root = ET.fromstring(twiml) if twiml else None  # noqa: S314  the operator's own; at most 4,000 signs
        except ET.ParseError as wrong:
            raise ValueError(f"is not XML: {wrong}") from None
        if root is not None and root.tag != "Response":
            raise ValueError(f"must be a <Response> document, not <{root.tag}>")
        return twiml

    @model_validator(mode="after")
    def says_one_thing(self) -> "CallForm":
        if sum(map(bool, (self.say, self.twiml, self.script))) != 1:
            raise ValueError("give one of `say`, `script` and `twiml`")
        if (self.voicemail or self.on_machine) and not self.detect_machine:
            raise ValueError("`voicemail` and `on_machine` need `detect_machine: true`")
        if (self.on_machine is OnMachine.VOICEMAIL) > bool(self.voicemail):
            raise ValueError("`on_machine: voicemail` needs a `voicemail` text")
        return self

    @model_validator(mode="after")
    def keeps_the_way_out_open(self) -> "CallForm":
        complaint = next(_complaints(self.steps, self.opt_out_digit, self.opt_out_words), "")
        if complaint:
            raise ValueError(complaint)
        return self

    @property
    def steps(self) -> Script:
        return _steps(self.script)


def plan_of(form: CallForm) -> CallPlan:
    """The plan that a checked form asks for. A machine that nobody has words for is hung up on."""
    taken = {"ring_timeout_s", "talk_limit_s", "script", "voicemail", "on_machine"}
    usual = OnMachine.VOICEMAIL if form.voicemail else OnMachine.HANG_UP
    return CallPlan(
        script=form.steps,
        ring_timeout=timedelta(seconds=form.ring_timeout_s),
        talk_limit=timedelta(seconds=form.talk_limit_s),
        voicemail=_voicemail(form.voicemail),
        on_machine=(form.on_machine or usual) if form.detect_machine else OnMachine.GO_ON,
        **form.model_dump(exclude=taken),
    )


def _complaints(script: Script, digit: str, words: tuple[str, ...]) -> Iterator[str]:
    """What would be in the way of an opt-out, or of an answer that is kept."""
    steps = list(every_step(script))
    if len(steps) > _MOST_STEPS:
        yield f"`script` has more than {_MOST_STEPS} steps"
    for choice in (choice for step in steps if isinstance(step, Menu) for choice in step.choices):
        if digit and choice.key == digit:
            yield f"key {digit} opts out: choose another key, or another `opt_out_digit`"
        for word in choice.words:
            if opt_out.is_among(words, word):
                yield f"{word!r} opts out: choose another word, or other `opt_out_words`"


def _depth(value: Any) -> int:
    """How deep steps are nested, in a value that nobody has checked yet: so no further than it may be."""
    deepest, level = 0, _step_lists([value])
    while level and deepest <= _DEEPEST:
        deepest += 1
        level = _step_lists(inner for steps in level for step in steps for inner in _branches(step))
    return deepest


def _step_lists(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if isinstance(value, list | tuple) and value]


def _branches(step: Any) -> Iterator[Any]:
    for kind in ("menu", "transfer"):
        inner = step.get(kind) if isinstance(step, dict) else None
        if isinstance(inner, dict):
            yield inner.get("otherwise")
            keys = inner.get("keys")
            yield from (
                (one.get("then") for one in keys.values() if isinstance(one, dict)) if isinstance(keys, dict) else ()
            )


def _steps(forms: tuple[StepForm, ...]) -> Script:
    return tuple(map(_step, forms))


def _step(form: StepForm) -> Step:
    if form.menu:
        return _menu(form.menu)
    if form.ask:
        return Ask(name=form.ask.name, prompt=form.ask.lines, hints=form.ask.hints, timeout=_span(form.ask.timeout_s))
    if form.record:
        return Record(name=form.record.name, prompt=form.record.lines, longest=_span(form.record.max_s))
    if form.transfer:
        return _transfer(form.transfer)
    if form.stream:
        given = form.stream
        return Stream(url=given.url, parameters=tuple(given.parameters.items()), answers=given.answers)
    return HangUp() if form.hang_up else _line(form)


def _menu(form: MenuForm) -> Menu:
    return Menu(
        name=form.name,
        prompt=form.lines,
        choices=tuple(
            Choice(
                key=key,
                outcome=choice.outcome,
                words=choice.words,
                then=_steps(choice.then),
                call_back=timedelta(seconds=choice.call_back_s) if choice.call_back_s else None,
            )
            for key, choice in form.keys.items()
        ),
        timeout=_span(form.timeout_s),
        tries=form.tries,
        otherwise=_steps(form.otherwise),
    )


def _transfer(form: TransferForm) -> Transfer:
    return Transfer(
        to=form.to,
        name=form.name,
        timeout=_span(form.timeout_s),
        whisper=form.whisper,
        otherwise=_steps(form.otherwise),
    )


def _line(form: LineForm) -> Line:
    return Play(url=form.play) if form.play else Say(text=form.say or "", voice=form.voice, language=form.language)


def _voicemail(given: str | tuple[LineForm, ...]) -> tuple[Line, ...]:
    if isinstance(given, str):
        return (Say(text=given),) if given else ()
    return tuple(map(_line, given))


def _span(seconds: int) -> timedelta:
    return timedelta(seconds=seconds)


def _address(url: str, *schemes: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in schemes or not host or re.search(r"[\s<>\"]", url):
        raise ValueError(f"must be an address that begins with {schemes[0]}://")
    return url
