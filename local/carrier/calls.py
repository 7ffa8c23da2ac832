"""The calls the carrier accepted, and where each one is."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import uuid4

from local.carrier.attribution import Attribution
from local.carrier.fates import Fate
from local.carrier.orders import Order


class Status(StrEnum):
    QUEUED = "queued"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    BUSY = "busy"
    FAILED = "failed"
    NO_ANSWER = "no-answer"
    CANCELED = "canceled"


ALIVE = (Status.QUEUED, Status.RINGING, Status.IN_PROGRESS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """One request made to the customer for a call, and the answer; `status` is None where none came."""

    at: float
    method: str
    url: str
    params: dict[str, str]
    status: int | None
    seconds: float
    content_type: str
    body: str


class HungUp(Exception):
    """The other side left, or the time limit was reached."""


@dataclass(slots=True)
class Listener:
    """The person on the line: stays `left` more carrier seconds; the customer's slow server costs none."""

    left: float
    digits: list[str]
    says: list[str] = field(default_factory=list)
    transfers: list[str] = field(default_factory=list)
    spent: float = 0.0

    def presses(self) -> str:
        """The keys for the next question; empty: none."""
        return self.digits.pop(0) if self.digits else ""

    def speaks(self) -> str:
        """The words for the next question that listens to words; empty: none."""
        return self.says.pop(0) if self.says else ""


@dataclass(kw_only=True, slots=True)
class Call:
    """`created`, `started`, `ended`: epoch seconds. `queue_seconds`: real seconds waited for its turn to be dialed."""

    sid: str
    account_sid: str
    order: Order
    fate: Fate
    owner: Attribution
    listener: Listener
    queue_seconds: float
    queue_told: bool = True
    created: float = field(default_factory=time.time)
    updated: float = field(default_factory=time.time)
    status: Status = Status.QUEUED
    started: float | None = None
    answered: float | None = None
    ended: float | None = None
    answered_by: str | None = None
    sequence: int = 0
    life: asyncio.Task[None] | None = None
    detecting: asyncio.Task[None] | None = None
    exchanges: list[Exchange] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    """What was said and played on it, in its order: texts, and addresses of sounds."""

    @property
    def alive(self) -> bool:
        return self.status in ALIVE

    @property
    def seconds(self) -> int:
        """How long the two sides talked, in whole carrier seconds."""
        return max(1, round(self.listener.spent)) if self.answered else 0


def place(account_sid: str, order: Order, fate: Fate, *, queue_seconds: float, queue_told: bool = True) -> Call:
    return Call(
        sid=f"CA{uuid4().hex}",
        account_sid=account_sid,
        order=order,
        fate=fate,
        owner=order.attribution(),
        listener=Listener(
            left=min(fate.talk, order.time_limit),
            digits=list(fate.digits),
            says=list(fate.says),
            transfers=list(fate.transfers),
        ),
        queue_seconds=queue_seconds,
        queue_told=queue_told,
    )


class CallBook:
    """Every call by sid and by number, oldest first."""

    def __init__(self) -> None:
        self._by_sid: dict[str, Call] = {}
        self._by_number: defaultdict[str, list[Call]] = defaultdict(list)

    def add(self, call: Call) -> None:
        self._by_sid[call.sid] = call
        self._by_number[call.order.to].append(call)

    def get(self, sid: str) -> Call | None:
        return self._by_sid.get(sid)

    def remove(self, call: Call) -> None:
        del self._by_sid[call.sid]
        self._by_number[call.order.to].remove(call)

    def newest_first(self, to: str = "") -> Iterable[Call]:
        return reversed(self._by_number.get(to, [])) if to else reversed(self._by_sid.values())

    def __iter__(self) -> Iterator[Call]:
        return iter(self._by_sid.values())

    def __len__(self) -> int:
        return len(self._by_sid)
