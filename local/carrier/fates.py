"""What happens to a call, decided before it is made: by a rule for its number, or by a seeded mix.

A fate is written as its kind (`"busy"`) or as an object:
    {"kind": "human", "ring": 8, "talk": 30, "digits": ["1"]}     carrier seconds; keys pressed at successive <Gather>s,
                                                                  <Record>s and streams; "" presses none
    {"kind": "human", "says": ["yes"], "transfers": ["busy"], "queue": 12}   words spoken at successive <Gather>s that
                                                                  listen to words and where no key is pressed; what
                                                                  becomes of successive <Dial>s; seconds in an <Enqueue>
    {"kind": "refuse", "code": 21211, "status": 400}              the request itself is refused: no call
Kinds: human, machine, fax (answered); busy, no-answer, failed, rejected (ends as busy);
slow (a human, after long ringing); refuse.

A book of fates:
    {"numbers":  {"+15551230001": fate or [fate, …]},   a list serves the number's requests in turn; its last repeats
     "prefixes": {"+1555": fate or [fate, …]},          the longest prefix wins
     "mix":      [{"weight": 6, "kind": "human"}, …],   for all other numbers; also {"human": 6, "busy": 1}
     "seed":     7}
The mix is decided by seed, number and how many calls to that number were accepted before, and by nothing else.
Without a mix everybody else is a human; Twilio's four magic numbers are refused as Twilio refuses them.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from local.carrier.chance import fraction
from local.carrier.reading import MalformedError, integer, listing, mapping, number, one_of, only, text, texts


class Kind(StrEnum):
    HUMAN = "human"
    MACHINE = "machine"
    FAX = "fax"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"
    REJECTED = "rejected"
    SLOW = "slow"
    REFUSE = "refuse"


TRANSFERS = ("completed", "busy", "no-answer", "failed", "canceled")
RING = {Kind.SLOW: 40.0, Kind.MACHINE: 20.0, Kind.BUSY: 3.0, Kind.FAILED: 1.0, Kind.REJECTED: 4.0}
TALK = {Kind.MACHINE: 40.0, Kind.FAX: 15.0}


@dataclass(frozen=True, kw_only=True, slots=True)
class Fate:
    """`ring`: carrier seconds before it is decided; `talk`: how long the other side stays on the line once answered."""

    kind: Kind
    ring: float
    talk: float
    digits: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    transfers: tuple[str, ...] = ()
    queue: float = 10.0
    code: int = 0
    status: int = 0  # 0: as documented for the code

    def as_json(self) -> dict[str, Any]:
        lists = ("digits", "says", "transfers")
        return asdict(self) | {name: list(getattr(self, name)) for name in lists}


def fate(kind: Kind, *, code: int = 0) -> Fate:
    return Fate(kind=kind, ring=RING.get(kind, 6.0), talk=TALK.get(kind, 30.0), code=code)


Turns = tuple[Fate, ...]
MAGIC: Mapping[str, Turns] = {
    to: (fate(Kind.REFUSE, code=code),)
    for to, code in (("+15005550001", 21217), ("+15005550002", 21214), ("+15005550003", 21215), ("+15005550004", 21216))
}


@dataclass(frozen=True, kw_only=True, slots=True)
class FateBook:
    seed: int = 0
    numbers: Mapping[str, Turns] = field(default_factory=dict)
    prefixes: Mapping[str, Turns] = field(default_factory=dict)
    mix: tuple[tuple[float, Fate], ...] = ((1.0, fate(Kind.HUMAN)),)

    def fate(self, to: str, *, turn: int, accepted: int) -> Fate:
        """`turn`: fates this number has used since the book was opened; `accepted`: its accepted calls ever."""
        turns = self.numbers.get(to) or self._prefixed(to) or MAGIC.get(to)
        return turns[min(turn, len(turns) - 1)] if turns else self._drawn(to, accepted)

    def _prefixed(self, to: str) -> Turns | None:
        fitting = [prefix for prefix in self.prefixes if to.startswith(prefix)]
        return self.prefixes[max(fitting, key=len)] if fitting else None

    def _drawn(self, to: str, accepted: int) -> Fate:
        point = fraction(self.seed, to, accepted) * sum(weight for weight, _ in self.mix)
        for weight, drawn in self.mix:
            point -= weight
            if point < 0:
                return drawn
        return self.mix[-1][1]

    def as_json(self) -> dict[str, Any]:
        """What `read_book` reads back."""
        return {
            "seed": self.seed,
            "numbers": {to: [one.as_json() for one in turns] for to, turns in self.numbers.items()},
            "prefixes": {prefix: [one.as_json() for one in turns] for prefix, turns in self.prefixes.items()},
            "mix": [{"weight": weight, **one.as_json()} for weight, one in self.mix],
        }


def read_book(value: object, *, seed: int = 0) -> FateBook:
    book = mapping(value, "fates")
    only(book, "fates", ("numbers", "prefixes", "mix", "seed"))
    return FateBook(
        seed=integer(book.get("seed", seed), "fates.seed"),
        numbers=_read_rules(book, "numbers"),
        prefixes=_read_rules(book, "prefixes"),
        mix=_read_mix(book["mix"]) if book.get("mix") else FateBook().mix,
    )


def _read_rules(book: Mapping[str, Any], name: str) -> Mapping[str, Turns]:
    rules = mapping(book.get(name, {}), f"fates.{name}")
    return {text(to, f"fates.{name}"): _read_turns(turns, f"fates.{name}[{to!r}]") for to, turns in rules.items()}


def _read_turns(value: object, where: str) -> Turns:
    turns = value if isinstance(value, list) else [value]
    if not turns:
        raise MalformedError(f"{where} must name at least one fate.")
    return tuple(read_fate(turn, where) for turn in turns)


def _read_mix(value: object) -> tuple[tuple[float, Fate], ...]:
    if isinstance(value, dict):
        value = [{"kind": kind, "weight": weight} for kind, weight in value.items()]
    drawn = []
    for index, item in enumerate(listing(value, "fates.mix")):
        where = f"fates.mix[{index}]"
        share = dict(mapping(item, where))
        weight = number(share.pop("weight", 1), f"{where}.weight")
        drawn.append((weight, read_fate(share, where)))
    if sum(weight for weight, _ in drawn) <= 0:
        raise MalformedError("fates.mix must have a weight above 0.")
    return tuple(drawn)


def read_fate(value: object, where: str) -> Fate:
    spoken = mapping({"kind": value} if isinstance(value, str) else value, where)
    only(spoken, where, ("kind", "ring", "talk", "digits", "says", "transfers", "queue", "code", "status"))
    kind = Kind(one_of(spoken.get("kind"), f"{where}.kind", list(Kind)))
    if kind is Kind.REFUSE and not spoken.get("code"):
        raise MalformedError(f"{where} refuses and must say with which code.")
    usual = fate(kind)
    return Fate(
        kind=kind,
        ring=number(spoken.get("ring", usual.ring), f"{where}.ring"),
        talk=number(spoken.get("talk", usual.talk), f"{where}.talk"),
        digits=_turns(spoken.get("digits", []), f"{where}.digits"),
        says=_turns(spoken.get("says", []), f"{where}.says"),
        transfers=tuple(
            one_of(ended, f"{where}.transfers", TRANSFERS)
            for ended in texts(spoken.get("transfers", []), f"{where}.transfers")
        ),
        queue=number(spoken.get("queue", usual.queue), f"{where}.queue"),
        code=integer(spoken.get("code", 0), f"{where}.code"),
        status=integer(spoken.get("status", usual.status), f"{where}.status"),
    )


def _turns(value: object, where: str) -> tuple[str, ...]:
    """Texts, of which some may be empty: then the person does nothing."""
    items = [value] if isinstance(value, str) else listing(value, where)
    return tuple(item if item == "" else text(item, f"{where}[{index}]") for index, item in enumerate(items))
