"""Decisions: why a contact waits, is in doubt, or was let go, as its own document remembers it beside its attempts.

A decision is written by the very update that carries it out. The same one again and again, such as a phone that is busy
elsewhere, is written once; what an attempt came to is in the story of attempts already.
"""

from typing import Any

from dialer.adapters.mongo import Document, literal
from dialer.lifecycle import State
from dialer.model import Decision

KEPT = 20  # the latest: half of the story of attempts


def noted(state: State, reason: str, *, due_at: Any = None, anew: bool = False) -> Document:
    """What a stage sets beside the state; `anew`: something has happened since the same was decided before."""
    entry: Document = {"at": "$$NOW", "state": str(state), "reason": literal(reason)}
    if due_at is not None:
        entry["due_at"] = due_at
    said = literal(f"{state} {reason}")
    longer = {"$slice": [{"$concatArrays": [{"$ifNull": ["$decisions", []]}, [entry]]}, -KEPT]}
    unless_said = {"$cond": {"if": {"$eq": ["$decided", said]}, "then": "$decisions", "else": longer}}
    return {"decisions": longer if anew else unless_said, "decided": said}


def decisions_of(document: Document) -> tuple[Decision, ...]:
    return tuple(
        Decision(at=one["at"], state=State(one["state"]), reason=one["reason"], due_at=one.get("due_at"))
        for one in document.get("decisions", ())
    )
