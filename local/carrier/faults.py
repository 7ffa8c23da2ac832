"""Which requests and callbacks go wrong, and how.

    {"requests":  [{"kind": "accepted_then_cut", "op": "create", "nth": [1, 5]}, …],
     "callbacks": [{"kind": "duplicate", "event": "completed", "copies": 3, "probability": 0.2}, …]}

A rule strikes what its filters let through:
    op           create (default), update, fetch, list, events                                     (requests only)
    event        one or a list of initiated, ringing, answered, completed, amd, answer, keypress   (callbacks only)
    match        one or a list of numbers, or prefixes of them
    nth          [1, 5]: only the 1st and 5th of them
    every        3: each third
    probability  0.1: by seed, number, and how many that number had before
    limit        at most so many strikes
    seconds      of slow, accepted_slow (20) and delay (2); real seconds
    copies       of duplicate, in all (2)

Kinds for create and update
    not processed, no call:  html_502 500_before 503_before 429 reset hang
    processed all the same:  accepted_then_cut accepted_slow accepted_empty accepted_truncated accepted_html_502
                             accepted_500 (these count only requests that are accepted)
Kinds for fetch, list, events: 500 503 html_502 429 reset hang cut slow empty truncated incomplete
    empty: a list without records, or no body at all;  incomplete: half a page, the rest on the next
Kinds for callbacks
    lost; duplicate; delay (others overtake it); reorder (sent after the call's next one);
    forged (one more before it, wrongly signed, says completed); early (delivered before create is answered).
    answer and keypress are requests that wait for TwiML: only duplicate and delay strike them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from local.carrier.chance import fraction
from local.carrier.reading import (
    Json,
    MalformedError,
    integer,
    integers,
    listing,
    mapping,
    number,
    one_of,
    only,
    optional,
    texts,
)

UNPROCESSED = ("html_502", "500_before", "503_before", "429", "reset", "hang")
PROCESSED = (
    "accepted_then_cut",
    "accepted_slow",
    "accepted_empty",
    "accepted_truncated",
    "accepted_html_502",
    "accepted_500",
)
READS = ("500", "503", "html_502", "429", "reset", "hang", "cut", "slow", "empty", "truncated", "incomplete")
DELIVERIES = ("lost", "duplicate", "delay", "reorder", "forged", "early")
QUESTIONS = ("answer", "keypress")
EVENTS = ("initiated", "ringing", "answered", "completed", "amd", *QUESTIONS)
OPS = ("create", "update", "fetch", "list", "events")
SHARED = ("kind", "match", "nth", "every", "probability", "limit", "seconds")


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """`where`: the operations or events it is about. Without `nth`, `every` and `probability` it strikes each time."""

    kind: str
    where: tuple[str, ...]
    match: tuple[str, ...] = ("",)
    nth: tuple[int, ...] = ()
    every: int = 0
    probability: float = 1.0
    limit: int | None = None
    seconds: float = 20.0
    copies: int = 2

    def concerns(self, where: str, to: str) -> bool:
        return where in self.where and to.startswith(self.match)


class Running:
    """A rule in force, and what it has seen so far."""

    def __init__(self, rule: Rule, seed: int) -> None:
        self.rule = rule
        self._seed = seed
        self._seen: Counter[str] = Counter()
        self._struck = 0

    def strikes(self, to: str) -> bool:
        """Counts this one; chance depends on the number and its own count alone."""
        rule = self.rule
        self._seen[to] += 1
        total = self._seen.total()
        in_turn = total in rule.nth if rule.nth else not rule.every or total % rule.every == 0
        lucky = fraction(self._seed, "fault", rule.kind, to, self._seen[to]) < rule.probability
        spent = rule.limit is not None and self._struck >= rule.limit
        self._struck += in_turn and lucky and not spent
        return in_turn and lucky and not spent


class Faults:
    """The rules in force, in their order: the first that strikes wins."""

    def __init__(self, *, seed: int = 0) -> None:
        self.strikes: Counter[str] = Counter()
        self._seed = seed
        self.replace([], [])

    def replace(self, requests: Sequence[Rule], callbacks: Sequence[Rule]) -> None:
        """New rules count from the start; `strikes` go on."""
        self._requests = [Running(rule, self._seed) for rule in requests]
        self._callbacks = [Running(rule, self._seed) for rule in callbacks]

    def on_request(self, op: str, to: str, kinds: Sequence[str]) -> Rule | None:
        return self._first(self._requests, op, to, kinds)

    def on_callback(self, event: str, to: str, kinds: Sequence[str]) -> Rule | None:
        return self._first(self._callbacks, event, to, kinds)

    def _first(self, rules: Sequence[Running], where: str, to: str, kinds: Sequence[str]) -> Rule | None:
        for running in rules:
            rule = running.rule
            if rule.kind in kinds and rule.concerns(where, to) and running.strikes(to):
                self.strikes[rule.kind] += 1
                return rule
        return None


def read_faults(value: object) -> tuple[list[Rule], list[Rule]]:
    faults = mapping(value, "faults")
    only(faults, "faults", ("requests", "callbacks"))
    requests = listing(faults.get("requests", []), "faults.requests")
    callbacks = listing(faults.get("callbacks", []), "faults.callbacks")
    return (
        [_read_request_rule(rule, f"faults.requests[{index}]") for index, rule in enumerate(requests)],
        [_read_callback_rule(rule, f"faults.callbacks[{index}]") for index, rule in enumerate(callbacks)],
    )


def _read_request_rule(value: object, where: str) -> Rule:
    rule = mapping(value, where)
    only(rule, where, (*SHARED, "op"))
    op = one_of(rule.get("op", "create"), f"{where}.op", OPS)
    kinds = UNPROCESSED + PROCESSED if op in ("create", "update") else READS
    kind = one_of(rule.get("kind"), f"{where}.kind", kinds)
    return Rule(kind=kind, where=(op,), **_read_shared(rule, where, seconds=20.0))


def _read_callback_rule(value: object, where: str) -> Rule:
    rule = mapping(value, where)
    only(rule, where, (*SHARED, "event", "copies"))
    kind = one_of(rule.get("kind"), f"{where}.kind", DELIVERIES)
    events = optional(rule, "event", where, texts) or _usual_events(kind)
    for event in events:
        one_of(event, f"{where}.event", EVENTS if kind in ("duplicate", "delay") else _usual_events(kind))
    copies = integer(rule.get("copies", 2), f"{where}.copies", least=1)
    return Rule(kind=kind, where=events, copies=copies, **_read_shared(rule, where, seconds=2.0))


def _usual_events(kind: str) -> tuple[str, ...]:
    return EVENTS[:4] if kind == "early" else EVENTS[:5]


def _read_shared(rule: Json, where: str, *, seconds: float) -> dict[str, Any]:
    chosen = [name for name in ("nth", "every", "probability") if rule.get(name) is not None]
    if len(chosen) > 1:
        raise MalformedError(f"{where} must choose one of {' and '.join(chosen)}.")
    probability = number(rule.get("probability", 1), f"{where}.probability")
    if probability > 1:
        raise MalformedError(f"{where}.probability must be from 0 to 1.")
    return {
        "match": optional(rule, "match", where, texts) or ("",),
        "nth": optional(rule, "nth", where, integers) or (),
        "every": optional(rule, "every", where, integer) or 0,
        "probability": probability,
        "limit": optional(rule, "limit", where, integer),
        "seconds": number(rule.get("seconds", seconds), f"{where}.seconds"),
    }
