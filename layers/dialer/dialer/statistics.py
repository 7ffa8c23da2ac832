"""Statistics: how a campaign goes, from counts of states, sums over what is settled, and permits granted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dialer.lifecycle import TERMINAL, State
from dialer.model import Campaign, Outcome
from dialer.ports import Ended, Statistics, Sums
from dialer.views import Progress, Views

_PACE = timedelta(minutes=15)
_RECENT = timedelta(minutes=1)
_AT_LEAST = timedelta(seconds=10)  # between two looks that a rate is made from
_SUMMING = timedelta(seconds=5)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """How a campaign goes."""

    at: datetime
    counts: Mapping[State, int]
    """Contacts in each state."""
    ended: Sequence[Ended]
    """The settled ones, by state and reason."""
    outcomes: Mapping[str, int]
    """How the settled contacts' attempts ended."""
    dials: int
    """Permits granted so far: requests to the carrier, but for those that stepped back after their permit."""
    calls_per_minute: float | None
    """Over the last minute; None while nobody has counted for ten seconds."""
    settled_per_minute: float | None
    """Over the last quarter of an hour; None while nobody was settled in it."""
    answer_rate: float | None
    """Answered by a person, of all attempts of settled contacts; None while there are none."""
    attempts_per_contact: float | None
    """Of the settled contacts that were called at all."""
    left: int
    """Contacts that are neither settled nor held for a person."""
    done_at: datetime | None
    """When all are settled, if it goes on at this pace; None where that cannot be told."""
    settled_upto: datetime
    """Sums over settled contacts are up to here."""
    whole: bool
    """Whether that is now; a long list that nobody has asked about yet takes several looks."""


@dataclass(frozen=True, kw_only=True)
class Survey:
    """The parts that count."""

    views: Views
    statistics: Statistics

    def __call__(self, campaign_id: str) -> Figures:
        progress = self.views.progress(campaign_id)
        return figures(progress, self.statistics.sums(campaign_id, within=_SUMMING))


def figures(progress: Progress, sums: Sums) -> Figures:
    """All from counts that were taken, at one moment or nearly so."""
    counts = progress.counts
    left = sum(counts.get(state, 0) for state in State if state not in TERMINAL | {State.HELD})
    pace = settled_per_minute(sums)
    ended = sum(sums.outcomes.values())
    return Figures(
        at=sums.now,
        counts=counts,
        ended=sums.ended,
        outcomes=sums.outcomes,
        dials=progress.campaign.dials,
        calls_per_minute=calls_per_minute(progress.campaign, sums),
        settled_per_minute=pace,
        answer_rate=sums.outcomes.get(Outcome.ANSWERED, 0) / ended if ended else None,
        attempts_per_contact=sums.attempts / sums.attempted if sums.attempted else None,
        left=left,
        done_at=_done_at(progress.campaign, sums.now, left, pace),
        settled_upto=sums.upto,
        whole=sums.whole,
    )


def calls_per_minute(campaign: Campaign, sums: Sums) -> float | None:
    """From the latest count that is at least a minute old, or else from the oldest that is at least ten seconds old."""
    old = [sample for sample in sums.dials_by_minute if sums.now - sample[0] >= _AT_LEAST]
    a_minute = [sample for sample in old if sums.now - sample[0] >= _RECENT]
    if not old:
        return None
    at, dials = a_minute[-1] if a_minute else old[0]
    return (campaign.dials - dials) / ((sums.now - at) / timedelta(minutes=1))


def settled_per_minute(sums: Sums) -> float | None:
    """Over the last quarter of an hour, or since the first was settled in it."""
    recent = [(at, settled) for at, settled in sums.settled_by_minute if sums.now - at <= _PACE]
    if not recent:
        return None
    span = max(timedelta(minutes=1), sums.now - recent[0][0])
    return sum(settled for _, settled in recent) / (span / timedelta(minutes=1))


def _done_at(campaign: Campaign, now: datetime, left: int, pace: float | None) -> datetime | None:
    if not left:
        return now
    if not campaign.running or not pace:
        return None
    return now + min(timedelta(days=3650), timedelta(minutes=left / pace))
