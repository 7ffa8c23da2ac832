"""Breaker: when so much goes wrong between us and the carrier that the campaign had better stop and ask a person.

A setback is an attempt that came to no call for a cause that is not the contact's: no connection, no clear answer, no
time. A failure is a call that the carrier took and could not put through. Errors of the account stop the campaign at
the first (`dial`, T10); these stop it when they are many.
"""

from dataclasses import dataclass

STREAK = 20
"""So many in a row, without a call between them, trip it."""
MANY, AMONG = 20, 40
"""So do so many among the last dials: a carrier that takes every second request is no better."""
FORGIVEN = 4
"""A call that got through makes up for so many failures: some numbers always fail, but not four of five."""
PROBATION = 5
"""After a trip an operator's resume is a trial: so many more trip it again. A call that is placed ends the streak."""


@dataclass(frozen=True, kw_only=True)
class Setbacks:
    """What a campaign has counted when one more was added."""

    streak: int
    spread: int | None
    """Among how many dials the last `MANY` lie, the latest one included; None while there were fewer."""


def tripped(setbacks: Setbacks) -> str:
    """Why the campaign has to stop; empty while it may go on."""
    if setbacks.streak >= STREAK:
        return f"{STREAK} in a row"
    if setbacks.spread is not None and setbacks.spread <= AMONG:
        return f"{MANY} of the last {setbacks.spread} dials"
    return ""


def failing(failures: int) -> bool:
    """Whether the campaign has to stop, by its failures less those that were made up for."""
    return failures >= STREAK
