"""A failing seed made short: the faults it does not need are left out, and what is left is told in order."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tests.simulation.world import Outcome, history_of

_MOST_RUNS = 400


def shrunk(failed: Outcome, live: Callable[[frozenset[str]], Outcome] | None = None) -> Outcome:
    """The same universe with as few faults as still break the same law."""
    live = live or (lambda spared: history_of(failed.seed, spared=spared))
    law, spared, best = failed.breaches[0].law, frozenset[str](), failed
    size = max(1, len(best.faults) // 2)
    for _ in range(_MOST_RUNS):
        for part in _parts(best.faults, size):
            tried = live(spared | frozenset(part))
            if tried.breaches and tried.breaches[0].law == law:
                spared, best = spared | frozenset(part), tried
                break
        else:
            if size == 1:
                return best
            size = max(1, size // 2)
    return best


def _parts(faults: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (faults[start : start + size] for start in range(0, len(faults), size))


def told(outcome: Outcome) -> str:
    """What happened to the contact whose law was broken, in order, in words."""
    breach = outcome.breaches[0]
    about = [one for one in outcome.history if breach.contact_id in f"{one.what}{one.answer!r}"]
    callers = {one.who for one in about if one.who.startswith(("call ", "voice ", "operator "))}
    lines = [one for one in outcome.history if one in about or one.who in {*callers, "LAW"}]
    return "\n".join(
        [
            f"seed {outcome.seed}: {breach}",
            f"again: PYTHONHASHSEED=0 python -m tests.simulation {outcome.seed}",
            f"{len(outcome.faults)} faults are needed:",
            *(f"  - {fault}" for fault in outcome.faults),
            f"what happened to {breach.contact_id or 'all'}:",
            *(f"{one.at / 1000:10.3f}  {one.who:30} {one.what}{_so(one.answer, breach.contact_id)}" for one in lines),
        ]
    )


def _so(answer: Any, contact_id: str) -> str:
    """An answer in few words: of documents only the contact's, and of it only where it stands."""
    match answer:
        case None:
            return ""
        case dict() if "state" in answer and "used" in answer:
            attempt = answer.get("attempt") or {}
            known = {name: value for name, value in attempt.items() if name in {"id", "token", "sid", "status"}}
            return f": {answer['state']}, {answer['used']} of {answer['max']} used, {known}"
        case dict():
            return f": {answer.get('state', 'yes')}"
        case list() if all(isinstance(one, dict) for one in answer):
            return "".join(_so(one, contact_id) for one in answer if one.get("_id") == contact_id) or f": {len(answer)}"
        case BaseException():
            return f": {type(answer).__name__}"
        case _:
            return f": {answer!r}"[:120]
