"""When a campaign wishes to call: weekly windows in its own time zone, which narrow what calling hours allow."""

from datetime import datetime

from dialer.calling.week import Schedule, Span, Week, minutes, united
from dialer.model import Hours, Window


def is_open(hours: Hours | None, now: datetime) -> bool:
    """Whether a window is open at this moment; without any it is always open."""
    return hours is None or opens_next(hours, now) == now


def opens_next(hours: Hours | None, now: datetime) -> datetime:
    """The first moment from now on at which a window is open: now itself when one is. UTC."""
    opens = None if hours is None else schedule_of(hours).opens_next(now)
    return opens or now


def schedule_of(hours: Hours) -> Schedule:
    windows = hours.windows or (hours,)
    return Schedule(zone=hours.zone, week=Week(days=tuple(_day(windows, day) for day in range(7))))


def _day(windows: tuple[Window, ...], day: int) -> tuple[Span, ...]:
    return united((minutes(one.opens), minutes(one.closes)) for one in windows if day in one.days)
