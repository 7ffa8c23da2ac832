"""The script of a call: its steps, in their order, and what may follow each.

A place in a script is a tuple: the number of a step, then, for a step inside a branch of it, the branch's name and the
number there: `("2", "1", "0")` is the first step after key 1 of the third step. Behind the last step of a branch the
script goes on after the step that branched.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

Place = tuple[str, ...]
OTHERWISE = "o"
"""The branch of a menu that nobody answered, and of a transfer that nobody took."""
_NAMES = {"*": "s", "#": "p"}  # what stands in URLs, where these keys would not stay as they are


@dataclass(frozen=True, kw_only=True)
class Say:
    """Words to speak; `{name}` stands for the contact's variable, `{name|there}` has a text for whoever lacks it."""

    text: str
    voice: str = ""
    """Empty: the campaign's."""
    language: str = ""


@dataclass(frozen=True, kw_only=True)
class Play:
    """A sound file."""

    url: str


Line = Say | Play


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What one key, or one of its words, means."""

    key: str
    outcome: str
    """What is kept as the answer to the menu."""
    words: tuple[str, ...] = ()
    then: tuple["Step", ...] = ()
    call_back: timedelta | None = None
    """Who chooses it is called again after so long, whatever the schedule says, where an attempt is left."""


@dataclass(frozen=True, kw_only=True)
class Menu:
    """A question that a key answers. Silence is met with the question again, then with `otherwise`."""

    name: str
    prompt: tuple[Line, ...]
    choices: tuple[Choice, ...]
    timeout: timedelta = timedelta(seconds=5)
    tries: int = 2
    otherwise: tuple["Step", ...] = ()


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A question that is answered in words."""

    name: str
    prompt: tuple[Line, ...]
    hints: tuple[str, ...] = ()
    timeout: timedelta = timedelta(seconds=5)


@dataclass(frozen=True, kw_only=True)
class Record:
    """A question whose answer is kept as a recording."""

    name: str
    prompt: tuple[Line, ...]
    longest: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """The person is handed on: to a number, to a SIP address, or into a queue of the carrier's."""

    to: str
    """`+12125550100`, `sip:agents@example.com` or `queue:support`."""
    name: str = "transfer"
    timeout: timedelta = timedelta(seconds=30)
    whisper: str = ""
    """What whoever takes the call hears before the two are joined."""
    otherwise: tuple["Step", ...] = ()


@dataclass(frozen=True, kw_only=True)
class Stream:
    """The person talks with a program: the call's sound goes both ways over its websocket."""

    url: str
    parameters: tuple[tuple[str, str], ...] = ()
    answers: tuple[str, ...] = ()
    """The names under which the program may tell what it heard."""


@dataclass(frozen=True, kw_only=True)
class HangUp:
    """The call ends here."""


Step = Say | Play | Menu | Ask | Record | Transfer | Stream | HangUp
Script = tuple[Step, ...]


def onward(script: Script, place: Place) -> Iterator[tuple[Place, Step]]:
    """Every step from a place on: the rest of its branch, then what follows the step that branched, and so outward.

    Nothing for a place that is not in the script: a campaign that was changed during a call ends that call.
    """
    if not place or not place[0].isdecimal() or int(place[0]) > len(script):
        return
    first = int(place[0])
    if len(place) > 1:
        if first == len(script):
            return
        inner = branches(script[first]).get(place[1])
        if inner is None:
            return
        for deeper, step in onward(inner, place[2:]):
            yield (place[0], place[1], *deeper), step
        first += 1
    for number in range(first, len(script)):
        yield (str(number),), script[number]


def step_at(script: Script, place: Place) -> Step | None:
    """The step at exactly this place."""
    found = next(onward(script, place), None)
    return found[1] if found and found[0] == place else None


def after(place: Place) -> Place:
    """The place behind a step, in the same branch."""
    return (*place[:-1], str(int(place[-1]) + 1))


def into(place: Place, branch: str) -> Place:
    """The first place of a branch."""
    return (*place, branch, "0")


def branch_of(key: str) -> str:
    """The name of a key's branch."""
    return _NAMES.get(key, key)


def branches(step: Step) -> dict[str, Script]:
    match step:
        case Menu(choices=choices, otherwise=otherwise):
            return {**{branch_of(choice.key): choice.then for choice in choices}, OTHERWISE: otherwise}
        case Transfer(otherwise=otherwise):
            return {OTHERWISE: otherwise}
    return {}


def every_step(script: Script) -> Iterator[Step]:
    """All steps, those in branches included."""
    for step in script:
        yield step
        for inner in branches(step).values():
            yield from every_step(inner)


def lines_of(step: Step) -> tuple[Line, ...]:
    """What a step says before it does anything else."""
    match step:
        case Say() | Play():
            return (step,)
        case Menu(prompt=prompt) | Ask(prompt=prompt) | Record(prompt=prompt):
            return prompt
    return ()


def transfers(script: Script) -> bool:
    """Whether anybody is handed on anywhere."""
    return any(isinstance(step, Transfer) for step in every_step(script))


def tell_of_a_person(answers: Mapping[str, str], script: Script) -> bool:
    """Whether somebody pressed a key or spoke: how a transfer ended is the carrier's word, and not theirs."""
    of_transfers = {step.name for step in every_step(script) if isinstance(step, Transfer)}
    return not answers.keys() <= of_transfers


def takes_speech(script: Script) -> bool:
    """Whether the call listens to words anywhere."""
    return any(
        isinstance(step, Ask) or (isinstance(step, Menu) and any(choice.words for choice in step.choices))
        for step in every_step(script)
    )


def words_of_choices(script: Script) -> tuple[str, ...]:
    """Every word that chooses something anywhere."""
    menus = (step for step in every_step(script) if isinstance(step, Menu))
    return tuple(word for menu in menus for choice in menu.choices for word in choice.words)


def texts(script: Script) -> Iterator[str]:
    """Every text with variables in it."""
    for step in every_step(script):
        yield from (line.text for line in lines_of(step) if isinstance(line, Say))
        match step:
            case Transfer(whisper=whisper):
                yield whisper
            case Stream(parameters=parameters):
                yield from (value for _, value in parameters)
