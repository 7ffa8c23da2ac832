"""What a campaign costs on AWS: what a run of the local world counted and measured, times the prices in prices.json.

Counted in the run: invocations, their durations, dialed attempts, hints and the ticks they caused, lines of the log.
Durations are this machine's, each start of a worker included, and so are an estimate of Lambda's. The carrier and the
database are not AWS's: not here.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from local import runs
from local.deploy import client
from local.environments import Refused

app = typer.Typer()
PRICES: dict[str, Any] = json.loads((Path(__file__).parent / "prices.json").read_text())
MEMORY_GB = 0.5  # template.yaml, Globals
MINUTES = 60 * 24 * 30
FUNCTIONS = ("tick", "call", "voice", "reconcile")  # the others cost nothing while nobody asks them
METRICS, ALARMS = 43, 20  # a test holds them to the code and the template
LISTENED, LISTENED_FIFO = 3, 1  # queues that a function is woken by; likewise
# Requests for each call message: Lambda receives and deletes what a function has sent.
SQS_REQUESTS = 3
TAKING = 2  # requests for a batch of hints; each hint was a request of its own when it was sent, repeated ones too
# Powertools notes the beginning and the end of each attempt; a tick takes its lock and gives it back.
WRITES_PER_CALL, WRITES_PER_TICK = 2, 2
EVENTS_PER_ATTEMPT = 2  # CallSettled and ContactFinished
POLLS_PER_MINUTE = 5 * 3  # Lambda's five pollers wait twenty seconds each at an empty queue


@dataclass(frozen=True, kw_only=True)
class Used:
    """What one run used."""

    attempts: int
    hints: int
    """Of a line that was freed: sent, whether or not the queue had one of the same second."""
    hinted: int
    """Ticks that were caused by hints, several of which may come at once; the others were the schedule's."""
    invocations: Mapping[str, int]
    seconds: Mapping[str, float]
    log_bytes: int

    def mean_ms(self, function: str) -> float:
        return 1000 * self.seconds[function] / max(1, self.invocations[function])


def used(lines: Mapping[str, Iterable[str]]) -> Used:
    """From the logs of the functions, by function."""
    kept = {function: list(of) for function, of in lines.items()}
    took = {function: [_seconds(line) for line in of if line.startswith("REPORT")] for function, of in kept.items()}
    return Used(
        attempts=sum(int(_sum(line, "Dialed")) for of in kept.values() for line in of),
        hints=sum(_freed(line) for of in kept.values() for line in of),
        hinted=sum("TickTime" in told and "Ticks" not in told for told in map(_read, kept.get("tick", ()))),
        invocations={function: len(of) for function, of in took.items()},
        seconds={function: sum(of) for function, of in took.items()},
        log_bytes=sum(len(line) for of in kept.values() for line in of),
    )


def per_thousand(run: Used, *, architecture: str = "arm64") -> dict[str, float]:
    """Dollars for a thousand dialed attempts, by part: what grows with the attempts."""
    if not run.attempts:
        raise Refused("Nobody was dialed in this run: start a campaign in it first.")
    thousand = 1000 / run.attempts
    calls, taken = run.invocations["call"], run.hints + TAKING * run.hinted
    return {
        "call and voice functions": thousand * sum(_lambda(run, name, architecture) for name in ("call", "voice")),
        "tick function, by hints": thousand * run.hinted * _lambda_each(run.mean_ms("tick"), architecture),
        "queues": thousand * (_each("sqs_requests", SQS_REQUESTS * calls) + _each("sqs_fifo_requests", taken)),
        "tables": thousand * _each("dynamodb_writes", WRITES_PER_CALL * calls + WRITES_PER_TICK * run.hinted),
        "events": thousand * _each("events", EVENTS_PER_ATTEMPT * run.attempts),
        "logs": thousand * run.log_bytes / 1e9 * float(PRICES["log_gb"]),
    }


def per_month(run: Used, *, architecture: str = "arm64") -> dict[str, float]:
    """Dollars a month for a stack that calls nobody: its schedules, its metrics, and what watches them."""
    monthly = PRICES["per_month"]
    each_minute = sum(_lambda_each(run.mean_ms(name), architecture) for name in ("tick", "reconcile"))
    return {
        "tick and reconcile, every minute": MINUTES * (each_minute + 2 * _each("schedules", 1)),
        "empty queues, looked at": MINUTES
        * POLLS_PER_MINUTE
        * (_each("sqs_requests", LISTENED) + _each("sqs_fifo_requests", LISTENED_FIFO)),
        "custom metrics": METRICS * float(monthly["metric"]),
        "alarms": ALARMS * float(monthly["alarm"]),
        "dashboard": float(monthly["dashboard"]),
    }


@app.command()
def cost() -> None:
    """What the campaigns of the running world would have cost on AWS."""
    described = runs.described()
    if len(described) != 1:
        raise Refused("There must be one world running, with a campaign behind it: start one with `make up`.")
    run = of_world(json.loads(described[0].read_text()))
    counted = f"{run.attempts} attempts, {run.hints} hints, {run.hinted} ticks by them"
    print(f"{counted}; prices of {as_of()}, {PRICES['region']}, arm64")
    for function in FUNCTIONS:
        print(f"  {function:10} {run.invocations[function]:6} invocations, {run.mean_ms(function):7.0f} ms each")
    for title, parts in (("A thousand attempts", per_thousand(run)), ("A month of waiting", per_month(run))):
        print(f"{title}: ${sum(parts.values()):.2f}")
        for part, dollars in parts.items():
            print(f"  {part:35} ${dollars:8.4f}")


def as_of() -> str:
    """The months of the oldest and the newest price."""
    months = sorted(set(PRICES["as_of"].values()))
    return " to ".join(dict.fromkeys([months[0], months[-1]]))


def of_world(world: Mapping[str, Any]) -> Used:
    """From the logs of a world that is up."""
    logs, of = client("logs", world["aws"]["url"]), client("lambda", world["aws"]["url"])
    lines = {}
    for logical, physical in world["functions"].items():
        group = of.get_function_configuration(FunctionName=physical)["LoggingConfig"]["LogGroup"]
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        lines[logical.removesuffix("Function").lower()] = [e["message"] for page in pages for e in page["events"]]
    return used(lines)


def _lambda(run: Used, function: str, architecture: str) -> float:
    return run.invocations[function] * _lambda_each(run.mean_ms(function), architecture)


def _lambda_each(milliseconds: float, architecture: str) -> float:
    second = float(PRICES["lambda_gb_second"][architecture])
    return _each("lambda_requests", 1) + milliseconds / 1000 * MEMORY_GB * second


def _each(what: str, count: int) -> float:
    return count * float(PRICES["per_million"][what]) / 1e6


def _seconds(report: str) -> float:
    billed = re.search(r"Billed Duration: ([\d.]+) ms", report)
    return float(billed[1]) / 1000 if billed else 0.0


def _freed(line: str) -> int:
    """Hints: one for each attempt that was settled, and for each dial that came to nothing."""
    return int(_sum(line, "Settled")) + (_read(line).get("line_freed") is True)


def _sum(line: str, metric: str) -> float:
    value = _read(line).get(metric)
    return float(sum(value)) if isinstance(value, list) else 0.0


def _read(line: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(line) if line.startswith("{") else {}
    return told
