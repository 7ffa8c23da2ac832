"""Abandonment: of the people who answered, how many were handed on and found nobody, and when that is too many.

A live answer is a call that a person answered, or somebody who could not be told from one. It is abandoned when a
transfer of it was tried and none was taken, also where the person hung up while it rang. Why so, and where the numbers
come from, is in `docs/decisions/0020-abandonment.md`.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from dialer.model import CallPlan
from dialer.script import transfers

WINDOW = timedelta(days=30)
"""47 CFR 64.1200(a)(7): measured over 30 days, for each campaign."""
LOOSEST = 0.03
"""The law's limit, which no campaign may set aside."""
FEWEST = 200
"""With fewer live answers the share is taken of so many, or the first transfer that fails would stop a campaign."""


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What became of a campaign's calls that were answered live within the window."""

    live: int
    abandoned: int

    @property
    def rate(self) -> float | None:
        """None while nobody has answered."""
        return self.abandoned / self.live if self.live else None


def hands_on(call: CallPlan) -> bool:
    """Whether a call may go to somebody who can be missing. What an own TwiML document does, nobody sees."""
    return transfers(call.script)


def too_many(answers: Answers, *, limit: float) -> bool:
    """Whether the abandoned have reached this share of the live answers, or of `FEWEST` while there are no more."""
    return answers.abandoned >= Decimal(str(limit)) * max(answers.live, FEWEST)


def explained(answers: Answers, *, limit: float) -> str:
    """To an operator: what was counted, against what, and how to go on."""
    share = f"{Decimal(answers.abandoned) / answers.live:.1%}" if answers.live else "all"
    few = f" of the first {FEWEST}" if answers.live < FEWEST else ""
    return (
        f"{answers.abandoned:,} of {answers.live:,} live answers in 30 days found nobody to talk to: {share}, and"
        f" {Decimal(str(limit)):.1%}{few} is the limit. To go on: wait until they are out of the 30 days, take the"
        f" transfers out of `call`, or allow more by `pacing.max_abandon`, at most {LOOSEST}."
    )
