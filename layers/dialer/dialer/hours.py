"""When a campaign wishes to call: one weekly window in its own time zone, which narrows what calling hours allow."""

from datetime import datetime

from dialer.calling.week import Schedule, Week, minutes
from dialer.model import Hours


def is_open(hours: Hours | None, now: datetime) -> bool:
    """Whether the window is open at this moment; no window is always open."""
    return hours is None or opens_next(hours, now) == now


def opens_next(hours: Hours | None, now: datetime) -> datetime:
    """The first moment from now on at which the window is open: now itself when it is. UTC."""
    opens = None if hours is None else schedule_of(hours).opens_next(now)
    return opens or now


def schedule_of(hours: Hours) -> Schedule:
    span = (minutes(hours.opens), minutes(hours.closes))
    return Schedule(zone=hours.zone, week=Week(days=tuple((span,) if day in hours.days else () for day in range(7))))
