"""The carrier of a universe, behind the product's two ports: it may answer anything, but it does not forget a call.

What it keeps to, as every proof of the dialer must assume: a request that it accepts becomes a call, and the call is in
its list, before `settle_horizon` has passed; and the list says a time of creation that is at most `list_margin` off.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random
from typing import TypeVar

from dialer.carrier_answers import Answer, NotPlaced, Placed, Unsure, meaning
from dialer.errors import Unavailable
from dialer.model import CallRecord, CallReport
from dialer.ports import CallRequest
from tests.simulation.chance import Fate, Kind
from tests.simulation.universe import Universe

Result = TypeVar("Result")
Tell = Callable[["Call", str], None]


class Said(StrEnum):
    """What the caller knows from the answer to its request, where one reached it."""

    NOTHING = "nothing"
    YES = "yes"
    NO = "no"
    """No call exists, for a passing cause."""
    NEVER = "never"
    """No call exists, and this number is refused for good."""
    OUR_FAULT = "our fault"
    """No call exists, because of the account or the request."""


@dataclass(kw_only=True, eq=False)
class Asked:
    """A request that left a function, whatever became of it."""

    request: CallRequest
    campaign_id: str
    left_at: int
    by: str
    said: Said = Said.NOTHING
    under_way: bool = True
    """It may still become a call."""
    calls: list["Call"] = field(default_factory=list)


@dataclass(kw_only=True, eq=False)
class Call:
    """A call, from its creation to its end."""

    sid: str
    asked: Asked
    created_at: int
    listed_at: int
    status: str = "queued"
    answered_by: str = ""
    ended_at: int | None = None

    @property
    def request(self) -> CallRequest:
        return self.asked.request


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How this carrier behaves, where it has a choice."""

    late: int = 0
    """The longest time between a request and its call, in milliseconds, where an answer was lost."""
    list_lag: int = 0
    clock_off: int = 0
    queue: int = 0
    """The longest time that a call waits in the queue."""
    tells: int = 0
    """The longest wait in the queue that its replies tell of; true or not."""
    ring: int = 8_000
    talk: int = 20_000
    errors: float = 0.0
    """How often it answers with an error."""
    account_broken: tuple[int, int] = (0, 0)
    """From when to when it refuses the account."""
    log_after: int = 30_000
    """How long after a call's end its request log is there."""


_REFUSALS = ((404, 21211), (400, 13225))
_PASSING = ((429, 20429), (429, 0), (400, 10004))
_UNCLEAR = ((500, 20500), (503, 20503), (502, 0), (409, 0))


class _NoAnswer(Exception):
    def __init__(self, kind: Kind) -> None:
        self.kind = kind


@dataclass(kw_only=True)
class Carrier:
    """Dialer and Witness, and the ledger that the laws read."""

    universe: Universe
    habits: Habits
    tell: Tell
    """Sends a webhook about a call: its status, or `answer`."""
    left: Callable[[Asked], None]
    """Hears of every request at the moment it leaves."""
    campaign_of: Callable[[str], str]
    asked: list[Asked] = field(default_factory=list)
    calls: dict[str, Call] = field(default_factory=dict)

    def place(self, request: CallRequest) -> Answer:
        me = self.universe.me()
        if me.dead:
            return Unsure(reason="dead")
        asked = Asked(
            request=request,
            campaign_id=self.campaign_of(request.contact_id),
            left_at=self.universe.now,
            by=me.name,
        )
        self.left(asked)
        self.asked.append(asked)
        luck = self.universe.luck(f"the call of {me.name}, {len(self.asked)}")

        def sent(fate: Fate) -> None:
            asked.under_way = fate.arrives

        try:
            said, answer = self.universe.ask(
                "carrier.place", lambda: self._decide(asked, luck), failure=_NoAnswer, sent=sent
            )
        except _NoAnswer as none:
            if none.kind is Kind.REFUSED:
                asked.said = Said.NO
                return NotPlaced(reason="no connection")
            return Unsure(reason=str(none.kind))
        asked.said = said
        return answer

    def _decide(self, asked: Asked, luck: Random) -> tuple[Said, Answer]:
        """What this carrier makes of a request that has arrived."""
        now, trouble = self.universe.now, luck.random()
        begins, ends = self.habits.account_broken
        asked.under_way = False
        if begins <= now < ends:
            return Said.OUR_FAULT, meaning(http_status=401, code=20003)
        if trouble >= self.habits.errors or now >= self.universe.weather.ends:
            told = timedelta(milliseconds=self.habits.tells)
            busy = told * max(0.0, 10 * trouble - 9)  # of ten calls, nine are dialed at once
            return Said.YES, Placed(sid=self._create(asked, luck).sid, status="queued", queue_time=busy)
        return self._trouble(asked, luck, trouble / self.habits.errors)

    def _trouble(self, asked: Asked, luck: Random, share: float) -> tuple[Said, Answer]:
        """No for good, not now, or something from which nobody can tell whether there is a call."""
        if share < 0.2:
            http_status, code = luck.choice(_REFUSALS)
            return Said.NEVER, meaning(http_status=http_status, code=code)
        if share < 0.45:
            http_status, code = luck.choice(_PASSING)
            return Said.NO, meaning(http_status=http_status, code=code or None)
        if luck.random() < 0.5:
            asked.under_way = True
            self.universe.after(luck.random() * self.habits.late, lambda: self._accept_late(asked, luck))
        if luck.random() < 0.3:
            return Said.NOTHING, Unsure(reason="accepted without a call id")
        http_status, code = luck.choice(_UNCLEAR)
        return Said.NOTHING, meaning(http_status=http_status, code=code or None)

    def _accept_late(self, asked: Asked, luck: Random) -> None:
        asked.under_way = False
        self._create(asked, luck)

    def _create(self, asked: Asked, luck: Random) -> Call:
        now = self.universe.now
        call = Call(
            sid=f"CA{len(self.calls):02}{luck.getrandbits(40):010x}",
            asked=asked,
            created_at=now,
            listed_at=now + round(luck.random() * self.habits.list_lag),
        )
        asked.calls.append(call)
        self.calls[call.sid] = call
        self.universe.note("carrier", f"creates {call.sid} to {asked.request.to} for {asked.request.attempt_id}")
        self._go_through(call, luck)
        return call

    def _go_through(self, call: Call, luck: Random) -> None:
        """Let the call ring, be answered or not, and end."""
        habits, at = self.habits, round(luck.random() ** 3 * self._queue())
        fate = luck.random()
        for status, takes in (("initiated", 100), ("ringing", 200)):
            at += takes
            self._later(at, call, status)
        at += round(luck.random() * habits.ring)
        if fate < 0.55:
            by = "machine_start" if luck.random() < 0.25 else "human"
            self._later(at, call, "in-progress", by)
            self._later(at + 1 + round(luck.random() * habits.talk), call, "completed", by)
        else:
            self._later(at, call, luck.choice(("busy", "no-answer", "failed")))

    def _queue(self) -> int:
        """The longest wait in its queue: one that outlasts our patience is a fault, and faults end."""
        return self.habits.queue if self.universe.now < self.universe.weather.ends else min(self.habits.queue, 10_000)

    def _later(self, milliseconds: int, call: Call, status: str, answered_by: str = "") -> None:
        self.universe.after(milliseconds, lambda: self._turn(call, status, answered_by))

    def _turn(self, call: Call, status: str, answered_by: str = "") -> None:
        """The call takes its next status, unless it has ended."""
        if call.ended_at is not None:
            return
        call.status, call.answered_by = status, answered_by
        self.universe.note("carrier", f"{call.sid} is {status}")
        if status not in {"initiated", "ringing", "in-progress"}:
            call.ended_at = self.universe.now
        if status == "in-progress":
            self.tell(call, "answer")
        self.tell(call, status)

    def hang_up(self, call: Call) -> None:
        self._turn(call, "completed", call.answered_by)

    def calls_to(self, phone: str, *, from_number: str) -> Sequence[CallRecord]:
        def do() -> list[CallRecord]:
            return [
                CallRecord(
                    sid=call.sid,
                    to=phone,
                    from_number=from_number,
                    status=call.status if call.status != "initiated" else "queued",
                    created_at=self._clock(call.created_at),
                    answered_by=call.answered_by,
                )
                for call in self.calls.values()
                if (call.request.to, call.request.from_number) == (phone, from_number)
                and call.listed_at <= self.universe.now
            ]

        return self._read("carrier.list", do)

    def report(self, sid: str) -> CallReport | None:
        def do() -> CallReport | None:
            call = self.calls.get(sid)
            if call is None or call.listed_at > self.universe.now:
                return None
            status = call.status if call.status != "initiated" else "queued"
            return CallReport(sid=sid, status=status, answered_by=call.answered_by)

        return self._read("carrier.fetch", do)

    def mentions(self, sid: str, attempt_id: str) -> bool | None:
        def do() -> bool | None:
            call = self.calls[sid]
            if call.ended_at is None or call.ended_at + self.habits.log_after > self.universe.now:
                return None
            return call.request.attempt_id == attempt_id

        return self._read("carrier.log", do)

    def cancel(self, sid: str) -> None:
        def do() -> None:
            call = self.calls[sid]
            if call.status in {"queued", "initiated", "ringing"}:
                self._turn(call, "canceled")

        self._read("carrier.cancel", do)

    def _read(self, what: str, do: Callable[[], Result]) -> Result:
        try:
            return self.universe.ask(what, do, failure=_NoAnswer)
        except _NoAnswer as none:
            raise Unavailable(f"the carrier did not answer ({none.kind})") from none

    def _clock(self, milliseconds: int) -> datetime:
        """The carrier's own clock, in whole seconds as its list has them."""
        moment = self.universe.moment() + timedelta(milliseconds=milliseconds - self.universe.now)
        return (moment + timedelta(milliseconds=self.habits.clock_off)).replace(microsecond=0)
