"""A forecast: when everybody will have been called at a steady pace, each within the hours in which they may be."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dialer.calling.week import Stretch

AHEAD = timedelta(days=13)
"""So far openings must be known; what takes longer goes on as these days went."""
_LATEST = timedelta(days=3650)
_MINUTE = timedelta(minutes=1)
_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """People who may be called at the same times."""

    people: int
    openings: Sequence[Stretch]
    """In order, without overlap."""

    def is_open(self, moment: datetime) -> bool:
        before = bisect_right(self.openings, (moment, _LAST)) - 1
        return before >= 0 and moment < self.openings[before][1]


def done_at(crowds: Sequence[Crowd], *, per_minute: float, now: datetime) -> datetime | None:
    """When the last of them is done. None where somebody may never be called.

    Those who may be called share the pace, the larger crowd with the larger part of it; while nobody may, nothing is
    done.
    """
    left = [float(crowd.people) for crowd in crowds]
    moment = now
    for change in _changes(crowds, now):
        callable_now = [place for place, crowd in enumerate(crowds) if left[place] and crowd.is_open(moment)]
        waiting = sum(left[place] for place in callable_now)
        done = per_minute * ((change - moment) / _MINUTE)
        for place in callable_now:
            left[place] *= 1 - min(1.0, done / waiting)
        if not any(left):
            return moment + waiting / per_minute * _MINUTE
        moment = change
    return _extrapolated(crowds, left, now)


def _changes(crowds: Sequence[Crowd], now: datetime) -> Sequence[datetime]:
    """Every moment at which a crowd's hours begin or end, and the last that is looked at."""
    end = now + AHEAD
    moments = {moment for crowd in crowds for opening in crowd.openings for moment in opening}
    return [*sorted(moment for moment in moments if now < moment < end), end]


def _extrapolated(crowds: Sequence[Crowd], left: Sequence[float], now: datetime) -> datetime | None:
    whole = sum(crowd.people for crowd in crowds)
    done = whole - sum(left)
    never = any(rest and not crowd.openings for crowd, rest in zip(crowds, left, strict=True))
    if never or done <= 0:
        return None
    return now + min(_LATEST, AHEAD * (whole / done))
