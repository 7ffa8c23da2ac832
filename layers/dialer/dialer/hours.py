"""When a campaign may call: one weekly window in its own time zone, daylight saving included."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dialer.model import Hours

_WEEK = 8  # days to look ahead: the same weekday again, in case today's window has closed


def is_open(hours: Hours | None, now: datetime) -> bool:
    """Whether the window is open at this moment; no window is always open."""
    return hours is None or opens_next(hours, now) == now


def opens_next(hours: Hours | None, now: datetime) -> datetime:
    """The first moment from now on at which the window is open: now itself when it is. UTC."""
    if hours is None:
        return now
    today = now.astimezone(ZoneInfo(hours.zone)).date()
    windows = (
        _window(hours, today + timedelta(days=ahead)) for ahead in range(_WEEK) if _opens_on(hours, today, ahead)
    )
    return next(max(now, opens) for opens, closes in windows if now < closes)


def _opens_on(hours: Hours, today: date, ahead: int) -> bool:
    return (today + timedelta(days=ahead)).weekday() in hours.days


def _window(hours: Hours, day: date) -> tuple[datetime, datetime]:
    return _moment(hours, day, hours.opens), _moment(hours, day, hours.closes)


def _moment(hours: Hours, day: date, clock: str) -> datetime:
    hour, minute = map(int, clock.split(":"))
    at = datetime.combine(day + timedelta(days=hour // 24), time(hour % 24, minute), ZoneInfo(hours.zone))
    return at.astimezone(UTC)
