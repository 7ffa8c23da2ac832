"""What can go wrong with one request, and how often: a seed's weather."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random


class Kind(StrEnum):
    """The fate of a request."""

    FINE = "fine"
    SLOW = "slow"
    REFUSED = "refused at once, not carried out"
    LOST = "lost on the way there"
    REPLY_LOST = "carried out, its answer lost"
    LATE = "given up, and carried out later"
    CRASH = "its sender dies before it leaves"
    CRASH_SENT = "its sender dies after it left"
    PAUSE = "its sender freezes before it reads the answer"


@dataclass(frozen=True)
class Fate:
    """When a request arrives and when its answer is there, in milliseconds, if at all."""

    kind: Kind
    there: int
    back: int
    pause: int = 0

    @property
    def arrives(self) -> bool:
        return self.kind not in {Kind.REFUSED, Kind.LOST, Kind.CRASH}

    @property
    def answers(self) -> bool:
        return self.kind in {Kind.FINE, Kind.SLOW, Kind.PAUSE}


@dataclass(frozen=True, kw_only=True)
class Outage:
    """A part that does not answer for a while, as in a failover."""

    part: str
    begins: int
    ends: int


PARTS = dict.fromkeys(("contacts", "campaigns", "suppressions", "account", "hello"), "database")


@dataclass(kw_only=True)
class Weather:
    """The rates of a universe's faults, and whom they have struck so far."""

    ends: int
    """From this moment on nothing goes wrong any more."""
    rates: dict[Kind, float] = field(default_factory=dict)
    rough_carrier: float = 1.0
    """How many times likelier a fault is for the request that places a call."""
    outages: Collection[Outage] = ()
    script: Callable[[str, str], Kind | None] = lambda who, what: None
    """What must happen to a request of a process, for a story that is told on purpose."""
    spared: Collection[str] = frozenset()
    """Faults that do not happen, by name: how a failing history is made shorter."""
    struck: list[str] = field(default_factory=list)
    _steps: list[tuple[Kind, float]] = field(init=False)

    def __post_init__(self) -> None:
        self._steps = list(self.rates.items())

    def fate(self, who: str, count: int, what: str, luck: Random, now: int) -> Fate:
        """The fate of a process's n-th request. It always draws as often, so that no fate depends on another's."""
        kind_, there_, back_, more = luck.random(), luck.random(), luck.random(), luck.random()
        there, back = 1 + int(8 * there_ * there_), 1 + int(8 * back_ * back_)
        if scripted := self.script(who, what):
            return _worse(scripted, there, back, 0.5)  # a freeze of five seconds
        if now >= self.ends:
            return Fate(Kind.FINE, there, back)
        kind = self._kind(kind_, what, more, now)
        if kind is Kind.FINE or not self.strikes(f"{who}, request {count}: {kind}"):
            return Fate(Kind.FINE, there, back)
        return _worse(kind, there, back, more)

    def strikes(self, fault: str) -> bool:
        """Whether a fault happens; it is remembered by its name."""
        if fault in self.spared:
            return False
        self.struck.append(fault)
        return True

    def _kind(self, drawn: float, what: str, more: float, now: int) -> Kind:
        part = what.partition(".")[0]
        for outage in self.outages:
            if outage.begins <= now < outage.ends and outage.part == PARTS.get(part, part):
                return Kind.REPLY_LOST if more < 0.15 else Kind.LOST if more < 0.4 else Kind.REFUSED
        often = self.rough_carrier if what == "carrier.place" else 1.0
        for kind, rate in self._steps:
            drawn -= rate * often
            if drawn < 0:
                return kind
        return Kind.FINE


def _worse(kind: Kind, there: int, back: int, more: float) -> Fate:
    match kind:
        case Kind.SLOW if more < 0.5:
            return Fate(kind, there + int(6000 * more), back)
        case Kind.SLOW:
            return Fate(kind, there, back + int(6000 * (more - 0.5)))
        case Kind.LATE:
            return Fate(kind, 5000 + int(20_000 * more), back)
        case Kind.PAUSE:
            return Fate(kind, there, back, pause=int(100 * 3000**more))
        case _:
            return Fate(kind, there, back)
