"""The life of a contact: one table of moves, from which the database's guards are derived.

A pair of state and move that is not in the table is a no-op, so every redelivery is harmless. `docs/states.md` draws
this table, and a test holds the two together.
"""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where a contact stands; who may move it on, and what a crash leaves behind."""

    PENDING = "pending"
    """Waits for `due_at`. Only a tick moves it on. Has no attempt."""
    CLAIMED = "claimed"
    """A tick gave it an attempt and a slot. If nobody dials before the attempt's `until`, reconcile returns it."""
    DIALING = "dialing"
    """One call function holds the only permission to dial. A crash leaves it here until reconcile doubts it."""
    PLACED = "placed"
    """The carrier has the call, and its id is known. If the carrier falls silent, reconcile asks; if it no longer knows
    the call, it is failed as unknown after a day."""
    UNCERTAIN = "uncertain"
    """The request may or may not have reached the carrier. Never redialed; reconcile asks the carrier."""
    HELD = "held"
    """The carrier cannot tell. A late callback or a person settles it; after a day it is failed as unknown."""
    DONE = "done"
    """Reached. Terminal."""
    FAILED = "failed"
    """Attempts used up, number refused, or given up. Terminal."""
    SUPPRESSED = "suppressed"
    """Must not be called. Terminal."""


TERMINAL = frozenset({State.DONE, State.FAILED, State.SUPPRESSED})
UNSETTLED = frozenset({State.DIALING, State.PLACED, State.UNCERTAIN, State.HELD})
"""The carrier may be calling: a phone is in one of these at most once, whatever the campaign."""
LIVE = frozenset({State.DIALING, State.PLACED, State.UNCERTAIN})
"""Occupies a line."""
BOOKED = LIVE | {State.CLAIMED}
"""Occupies a line now or within its slot's horizon."""
IN_FLIGHT = UNSETTLED | {State.CLAIMED}
"""Has an attempt, and the attempt has an `until` by which reconcile looks at it: nothing in flight can be stuck."""


class Owner(StrEnum):
    """Which function, or person, makes a move."""

    TICK = "tick"
    CALL = "call"
    VOICE = "voice"
    RECONCILE = "reconcile"
    PERSON = "person"


class Move(StrEnum):
    """What can happen to a contact."""

    CLAIM = "claim"
    SIFT = "sift"
    UNSEND = "unsend"
    EXPIRE = "expire"
    TAKE_LINE = "take line"
    PUT_OFF = "put off"
    FORBID = "forbid"
    STEP_BACK = "step back"
    ACCEPT = "accept"
    RECOVER = "recover"
    REFUSE = "refuse"
    NOT_PLACED = "not placed"
    DOUBT = "doubt"
    FALL_SILENT = "fall silent"
    HEAR = "hear"
    ANSWER = "answer"
    SETTLE = "settle"
    ADOPT = "adopt"
    HOLD = "hold"
    RELEASE = "release"
    GIVE_UP = "give up"
    RESOLVE = "resolve"
    POSTPONE = "postpone"
    CANCEL = "cancel"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Who may make a move, from which states, to which."""

    step: str
    owner: Owner
    sources: frozenset[State]
    targets: frozenset[State]
    why: str


def _rule(step: str, owner: Owner, sources: set[State], targets: set[State], why: str) -> Rule:
    return Rule(step=step, owner=owner, sources=frozenset(sources), targets=frozenset(targets), why=why)


_P, _C, _D, _L, _U, _H = (
    State.PENDING,
    State.CLAIMED,
    State.DIALING,
    State.PLACED,
    State.UNCERTAIN,
    State.HELD,
)
_DONE, _FAILED, _SUPPRESSED = State.DONE, State.FAILED, State.SUPPRESSED

MOVES: dict[Move, Rule] = {
    Move.CLAIM: _rule("T1", Owner.TICK, {_P}, {_C}, "due, attempts left, and a slot reserved"),
    Move.SIFT: _rule("T1b", Owner.TICK, {_C}, {_P, _SUPPRESSED}, "may not be called now, or ever"),
    Move.UNSEND: _rule("T2", Owner.TICK, {_C}, {_P}, "the queue named the message as not taken"),
    Move.EXPIRE: _rule("T3", Owner.RECONCILE, {_C}, {_P, _FAILED}, "nobody dialed before the claim's end"),
    Move.TAKE_LINE: _rule("T4", Owner.CALL, {_C}, {_D}, "the one permission to dial"),
    Move.PUT_OFF: _rule("T4", Owner.CALL, {_C}, {_P}, "cannot be dialed now; no attempt is used"),
    Move.FORBID: _rule("T4b", Owner.CALL, {_D}, {_P, _SUPPRESSED}, "the last look says no; nothing was sent"),
    Move.STEP_BACK: _rule("T5", Owner.CALL, {_D}, {_P}, "no permit or no time left; nothing was sent"),
    Move.ACCEPT: _rule("T7", Owner.CALL, {_D, _U, _L, _H}, {_L}, "the carrier took the call"),
    Move.RECOVER: _rule(
        "T7", Owner.CALL, {_C}, {_L}, "the carrier took a call whose permission was rolled back: alarm"
    ),
    Move.REFUSE: _rule(
        "T8",
        Owner.CALL,
        {_D, _U},
        {_FAILED, _P},
        "the carrier refuses this number for good; pending means another number",
    ),
    Move.NOT_PLACED: _rule("T9", Owner.CALL, {_D, _U}, {_P}, "proved that no call exists; no attempt is used"),
    Move.DOUBT: _rule("T11", Owner.CALL, {_D, _U}, {_U}, "the reply was lost or cannot be read"),
    Move.FALL_SILENT: _rule("T12", Owner.RECONCILE, {_D}, {_U}, "the function died with the permission in hand"),
    Move.HEAR: _rule("T13", Owner.VOICE, {_D, _U, _L, _H}, {_L}, "the carrier reports progress"),
    Move.SETTLE: _rule(
        "T13",
        Owner.VOICE,
        {_D, _U, _L, _H},
        {_DONE, _FAILED, _P},
        "the carrier reports the end; pending means another attempt",
    ),
    Move.ADOPT: _rule("T14", Owner.RECONCILE, {_U}, {_L}, "the carrier's list has exactly one call that must be ours"),
    Move.HOLD: _rule("T14", Owner.RECONCILE, {_U}, {_H}, "the carrier cannot tell, after the horizon"),
    Move.RELEASE: _rule("T14", Owner.RECONCILE, {_U}, {_P, _FAILED}, "the same, where the campaign chose to redial"),
    Move.GIVE_UP: _rule(
        "T14", Owner.RECONCILE, {_H, _L}, {_FAILED}, "the carrier knows of no call for longer than it can queue one"
    ),
    Move.RESOLVE: _rule("T14", Owner.PERSON, {_H}, {_P, _FAILED}, "a person decides"),
    Move.POSTPONE: _rule(
        "T17", Owner.PERSON, {_P, _C}, {_P}, "a person says when: not until released, now, or at a time"
    ),
    Move.CANCEL: _rule(
        "T17", Owner.PERSON, {_P, _C}, {_FAILED}, "a person, or their list, takes them out of the campaign"
    ),
    Move.ANSWER: _rule("T16", Owner.VOICE, {_D, _U, _L, _H}, {_L}, "the first answer for this attempt may speak"),
}


def allows(state: State, move: Move) -> bool:
    """Whether the move does anything to a contact in this state; otherwise it is a no-op."""
    return state in MOVES[move].sources


def target(move: Move, wanted: State) -> State:
    """The wanted state, if the table lets the move end there; a programming error otherwise."""
    if wanted not in MOVES[move].targets:
        raise ValueError(f"{move} never ends in {wanted}")
    return wanted
