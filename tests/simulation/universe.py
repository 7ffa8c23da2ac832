"""One universe: a clock that stands still until something happens, and processes that take turns at every request.

A process is ordinary code of the product, run in a greenlet. Whenever it asks a part of the world for something, it
hands over to the universe, which decides by the seed when the request arrives, when and whether the answer comes back,
and who goes on meanwhile. Nothing else is at work, so one seed is one history.
"""

import heapq
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, TypeVar

from botocore.exceptions import ClientError
from greenlet import getcurrent, greenlet
from pymongo.errors import PyMongoError

from dialer.errors import DialerError
from tests.simulation.chance import Fate, Kind, Weather

Answer = TypeVar("Answer")
BEGIN = datetime(2026, 3, 2, 15, 0, 45, tzinfo=UTC)
BEGIN_MS = round(BEGIN.timestamp() * 1000)
TIMEOUT_MS = 5000  # how long a client waits for an answer
_EVENTS = 400_000  # a universe that does more than this has gone astray
_LAST_BREATH_MS = 700
_ANSWERS = (PyMongoError, ClientError)


class Killed(BaseException):
    """The process is gone: nothing that it still tries has any effect."""


@dataclass(frozen=True)
class Happened:
    """One line of a universe's history; it is put into words only when somebody reads it."""

    at: int
    who: str
    what: str
    answer: Any = None


@dataclass(kw_only=True, eq=False)
class Process:
    """One invocation of a function, or a person at a keyboard."""

    name: str
    luck: Random
    deadline: int
    ended: "Ended"
    skew: timedelta
    frozen_until: int = 0
    requests: int = 0
    dead: bool = False
    done: bool = False


Ended = Callable[[Any, BaseException | None], None]


@dataclass(kw_only=True)
class Universe:
    """Time, and everything that is going to happen."""

    seed: int
    weather: Weather
    now: int = 0
    """Milliseconds since BEGIN."""
    running: bool = True
    acting: str = ""
    """Whose request is being carried out."""
    lagging: bool = False
    """Whether reads may miss, for a moment, what a majority does not have yet."""
    history: list[Happened] = field(default_factory=list)
    _seen_at: int = 0
    _alive: dict["_Body", None] = field(default_factory=dict)
    _heap: list[tuple[int, float, int, Callable[[], None]]] = field(default_factory=list)
    _order: Random = field(init=False)
    _count: int = 0

    def __post_init__(self) -> None:
        self._order = Random(self.seed)

    def moment(self) -> datetime:
        """The time by the clock that is never wrong: the database's."""
        return BEGIN + timedelta(milliseconds=self.now)

    def seen_at(self) -> int:
        """When a majority has the write that is being made, in milliseconds since 1970; 0: at once."""
        return BEGIN_MS + self._seen_at if self.lagging and self._seen_at else 0

    def note(self, who: str, what: str, answer: Any = None) -> None:
        self.history.append(Happened(self.now, who, what, answer))

    def at(self, when: int, do: Callable[[], None]) -> None:
        """Let something happen; what happens in the same millisecond happens in an order of the seed's."""
        self._count += 1
        heapq.heappush(self._heap, (max(when, self.now), self._order.random(), self._count, do))

    def after(self, milliseconds: float, do: Callable[[], None]) -> None:
        self.at(self.now + math.ceil(milliseconds), do)

    def run(self, *, until: int) -> None:
        """Let everything happen that is going to, in order, until a moment or until somebody says that it is over."""
        events = 0
        while self._heap and self.running and self._heap[0][0] <= until:
            self.now, _, _, do = heapq.heappop(self._heap)
            do()
            events += 1
            if events > _EVENTS:
                raise RuntimeError(f"the universe of seed {self.seed} does not come to rest")

    def luck(self, name: str) -> Random:
        """Chance for one thing, independent of every other."""
        return Random(self.seed << 32 | zlib.crc32(name.encode()))

    def spawn(
        self,
        name: str,
        work: Callable[[], Any],
        *,
        timeout: timedelta,
        ended: Ended,
        skew: timedelta = timedelta(0),
    ) -> None:
        """Start a process now. `ended` hears its result, what it raised, or Killed."""
        deadline = self.now + round(timeout.total_seconds() * 1000)
        process = Process(name=name, luck=self.luck(name), skew=skew, deadline=deadline, ended=ended)
        body = _Body(lambda _: _live(process, work))
        body.process = process
        self._alive[body] = None
        self.note(name, "begins")
        self.at(deadline, lambda: self._out_of_time(body))
        self._go_on(body, None)

    def end(self) -> None:
        """Let go of whatever still waits."""
        for body in list(self._alive):
            body.process.dead = True
            body.throw(Killed)

    def me(self) -> Process:
        """The process that is asking."""
        return _body().process

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            body = _body()
            self.after(seconds * 1000, lambda: self._go_on(body, None))
            self._hand_over(body)

    def ask(
        self,
        what: str,
        do: Callable[[], Answer],
        *,
        failure: Callable[[Kind], Exception],
        sent: Callable[[Fate], None] = lambda _: None,
    ) -> Answer:
        """Send a request and wait for its answer, with all that can go wrong on the way there and back.

        `sent` is told what nobody in the universe can know yet: the request's fate.
        """
        body = _body()
        process = body.process
        if process.dead:
            raise Killed
        process.requests += 1
        fate = self.weather.fate(process.name, process.requests, what, process.luck, self.now)
        sent(fate)
        self._send(body, what, do, fate, failure)
        outcome = self._hand_over(body)
        if isinstance(outcome, BaseException):
            raise outcome
        answer: Answer = outcome
        return answer

    def _send(
        self, body: "_Body", what: str, do: Callable[[], Any], fate: Fate, failure: Callable[[Kind], Exception]
    ) -> None:
        if fate.kind is not Kind.FINE:
            self.note(body.process.name, f"asks {what}: {fate.kind}")
        there, back = self.now + fate.there, self.now + fate.there + fate.back
        answer: list[Any] = []
        if fate.arrives:
            self.at(there, lambda: answer.append(self._carry_out(body.process, what, do, back)))
        if fate.pause:
            body.process.frozen_until = back + fate.pause
        if fate.kind in {Kind.CRASH, Kind.CRASH_SENT}:
            self.at(there + 1, lambda: self._kill(body, "dies"))
        elif fate.answers:
            self.at(back + fate.pause, lambda: self._go_on(body, answer[0]))
        else:
            wait = fate.there if fate.kind is Kind.REFUSED else TIMEOUT_MS
            self.after(wait, lambda: self._go_on(body, failure(fate.kind)))

    def _carry_out(self, process: Process, what: str, do: Callable[[], Any], seen_at: int) -> Any:
        self._seen_at, self.acting = seen_at, process.name
        try:
            answer = do()
        except _ANSWERS as no:  # an error is an answer: it travels back like one
            answer = no
        self.note(process.name, what, answer)
        return answer

    def _hand_over(self, body: "_Body") -> Any:
        outcome = body.parent.switch()
        if body.process.dead:
            raise Killed
        return outcome

    def _go_on(self, body: "_Body", outcome: Any) -> None:
        if not body.process.dead and not body.process.done:
            body.switch(outcome)
        if body.process.done:
            self._alive.pop(body, None)

    def _out_of_time(self, body: "_Body") -> None:
        """What is frozen when its time runs out may wake for a moment before it is killed."""
        if body.process.frozen_until > self.now:
            self.at(body.process.frozen_until + _LAST_BREATH_MS, lambda: self._out_of_time(body))
        else:
            self._kill(body, "has no time left and is killed")

    def _kill(self, body: "_Body", how: str) -> None:
        process = body.process
        if process.dead or process.done:
            return
        process.dead = True
        self.note(process.name, how)
        body.throw(Killed)
        self._alive.pop(body, None)
        process.ended(None, Killed())


class _Body(greenlet):  # type: ignore[misc]  # greenlet has no types
    process: Process


def _body() -> _Body:
    body = getcurrent()
    if not isinstance(body, _Body):
        raise TypeError("only a process can ask")
    return body


def _live(process: Process, work: Callable[[], Any]) -> None:
    result: Any = None
    raised: BaseException | None = None
    try:
        result = work()
    except (DialerError, Killed) as cause:
        raised = cause  # whatever else comes out of the product is a bug of its, and ends the universe
    process.done = True
    if not process.dead:
        process.ended(result, raised)
