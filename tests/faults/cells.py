"""One cell of the matrix: one function, struck at one of its requests in one way, and what became of everybody."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Self

from dialer.model import Contact, Doubt
from local.carrier.judge import Verdict
from local.emulator import Emulator, Reply
from tests.faults.door import Json
from tests.faults.stage import Stage, harmless
from tests.faults.wires import Fault, Gate, HttpWire, MongoWire, Point

REST_S = 90.0
"""The longest that anybody may be on the way to rest: a claim's end and a doubt's horizon, twice, on a busy machine."""
_TRIES = 3
_STARTED_AHEAD = ("call", "voice")
"""Whose timeouts are short: the emulator counts the start of a process against them, and Lambda does not."""


class Subject:
    """A function that has just been started, behind wires of its own."""

    def __init__(self, stage: Stage, function: str, cell: "Cell") -> None:
        self.gate = Gate(cell.point, cell.fault, kill=self._kill)
        self._stage, self._function, self._without = stage, function, cell.without
        self._emulator: Emulator
        self.ended_well = False

    def __enter__(self) -> Self:
        stage = self._stage
        with ExitStack() as parts:
            mongo = parts.enter_context(MongoWire(stage.mongodb_uri, self.gate))
            aws = parts.enter_context(HttpWire(stage.aws_url, self.gate))
            carrier = parts.enter_context(HttpWire(stage.carrier_url, self.gate))
            through = {name: value.replace(stage.aws_url, aws.url) for name, value in stage.variables.items()}
            through |= {"MONGODB_URI_PARAMETER": stage.parameter(mongo.uri), "TWILIO_API_URL": carrier.url}
            emulated = stage.emulated(self._function, through, without=self._without)
            self._emulator = parts.enter_context(emulated)
            if self._function in _STARTED_AHEAD:
                self._emulator.invoke(harmless(self._function))
            self._parts = parts.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.gate.over()
        self._parts.close()

    def invoke(self, event: Json) -> Reply:
        began = time.monotonic()
        try:
            reply = self._emulator.invoke(event)
        except (OSError, HTTPException) as gone:  # the emulator went with its function
            reply = Reply(kind="crash", value=str(gone), seconds=time.monotonic() - began)
        finally:
            self.gate.over()
        self.ended_well = reply.kind == "ok" and not (reply.value or {}).get("batchItemFailures")
        return reply

    def _kill(self) -> None:
        self._emulator.kill()


def _tick(stage: Stage, subject: Subject, doubt: Doubt) -> list[Contact]:
    person = stage.people.somebody(doubt)
    subject.invoke({"campaign_id": person.campaign_id})
    return [person]


def _delivered(kind: str) -> "Way":
    """What a tick sets in motion brings the event: a call message, or a webhook of the call that follows."""

    def struck(stage: Stage, subject: Subject, doubt: Doubt) -> list[Contact]:
        person = stage.people.somebody(doubt)
        with stage.diverted(kind, person, subject.invoke) as done:
            stage.invoke("tick", {"campaign_id": person.campaign_id})
            if not stage.comes(done):
                raise NotStruck(f"no {kind} came")
        return [person]

    return struck


def _reconcile(stage: Stage, subject: Subject, doubt: Doubt) -> list[Contact]:
    people = stage.people.overdue(doubt)
    with stage.nobody_overdue():
        stage.people.store(people)
        subject.invoke({})
    return people


Way = Callable[[Stage, Subject, Doubt], list[Contact]]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """How a function comes to its event; whether its cells may share the stage with those of other functions."""

    function: str
    way: Way
    doubt: Doubt = Doubt.REDIAL
    alone: bool = False


SCENARIOS: Mapping[str, Scenario] = {
    "tick": Scenario(function="tick", way=_tick),
    "call": Scenario(function="call", way=_delivered("call")),
    "call, doubt is held": Scenario(function="call", way=_delivered("call"), doubt=Doubt.HOLD),
    "voice, the answer": Scenario(function="voice", way=_delivered("answer")),
    "voice, the end": Scenario(function="voice", way=_delivered("completed")),
    "reconcile": Scenario(function="reconcile", way=_reconcile, alone=True),
}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """`point` and `fault` are None for a run in which nothing goes wrong."""

    scenario: str
    point: Point | None = None
    fault: Fault | None = None
    without: str = ""
    """The defence that this cell's function lacks, to see that it is missed."""

    def __str__(self) -> str:
        return f"{self.scenario}: {self.point}: {self.fault}" if self.point else f"{self.scenario}: nothing goes wrong"


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of a cell's people."""

    cell: Cell
    people: int
    requests: int
    """That asked the carrier for a call."""
    states: Mapping[str, int]
    seconds: float
    """From the fault until everybody was at rest."""
    wrong: Sequence[str]
    """What the judge has to say against it; empty when nobody was called twice and nobody was lost."""
    seen: Sequence[Point] = field(default=(), compare=False)


class NotStruck(Exception):
    """The request at which something was to go wrong was never made."""


def lived(stage: Stage, cell: Cell) -> Result:
    """The cell, from its first event until everybody is at rest. Raises NotStruck when it never comes to its point."""
    for _ in range(_TRIES - 1):
        try:
            return _lived(stage, cell)
        except NotStruck:
            continue
    return _lived(stage, cell)


def _lived(stage: Stage, cell: Cell) -> Result:
    scenario = SCENARIOS[cell.scenario]
    with stage.turn(), Subject(stage, scenario.function, cell) as subject:
        people, gate = scenario.way(stage, subject, scenario.doubt), subject.gate
        if cell.point is None and not subject.ended_well:
            raise NotStruck(f"{cell}: yet it did not end well")
    if not cell.without:
        stage.people.judged += people
    ended = time.monotonic()
    rested = _come_to_rest(stage, people)
    if cell.point and not gate.struck_at:
        raise NotStruck(f"{cell}: never came to it, only to {'; '.join(map(str, gate.seen))}")
    seconds = time.monotonic() - (gate.struck_at or ended)
    return _judged(stage, cell, people, seconds=seconds, rested=rested, seen=gate.seen)


def _come_to_rest(stage: Stage, people: Sequence[Contact]) -> bool:
    deadline = time.monotonic() + REST_S
    with stage.watched(people):
        while not stage.are_at_rest(people):
            stage.go_on()
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
    return True


def _judged(
    stage: Stage, cell: Cell, people: Sequence[Contact], *, seconds: float, rested: bool, seen: Sequence[Point]
) -> Result:
    verdict = stage.people.verdict(people)
    return Result(
        cell=cell,
        people=len(people),
        requests=verdict["summary"]["requests"],
        states=dict(Counter(str(one.state) for one in stage.people.found(people))),
        seconds=round(seconds, 1),
        wrong=[*([] if rested else ["not at rest"]), *complaints(verdict)],
        seen=tuple(seen),
    )


def complaints(verdict: Verdict) -> list[str]:
    """What the judge has found; being held is none, for a person is shown to a person."""
    return [f"{name}: {found}" for name, found in verdict.items() if name not in {"summary", "ok", "held"} and found]
