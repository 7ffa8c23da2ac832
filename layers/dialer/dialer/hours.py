"""When a campaign may call: one weekly window in its own time zone, daylight saving included."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dialer.model import Hours

_LOOK_AHEAD = 15  # days: the same weekday twice more, in case today's window has closed and the next one falls out


def is_open(hours: Hours | None, now: datetime) -> bool:
    """Whether the window is open at this moment; no window is always open."""
    return hours is None or opens_next(hours, now) == now


def opens_next(hours: Hours | None, now: datetime) -> datetime:
    """The first moment from now on at which the window is open: now itself when it is. UTC."""
    if hours is None:
        return now
    today = now.astimezone(ZoneInfo(hours.zone)).date()
    windows = (
        _window(hours, today + timedelta(days=ahead)) for ahead in range(_LOOK_AHEAD) if _opens_on(hours, today, ahead)
    )
    return next(max(now, opens) for opens, closes in windows if max(now, opens) < closes)


def _opens_on(hours: Hours, today: date, ahead: int) -> bool:
    return (today + timedelta(days=ahead)).weekday() in hours.days


def _window(hours: Hours, day: date) -> tuple[datetime, datetime]:
    """The part of a day in which no reading of a clock that is just being set says "closed"."""
    return max(_readings(hours, day, hours.opens)), min(_readings(hours, day, hours.closes))


def _readings(hours: Hours, day: date, clock: str) -> tuple[datetime, datetime]:
    """What a time of day can mean on a day that has it twice, or never; on any other, the same moment twice."""
    hour, minute = map(int, clock.split(":"))
    wall = datetime.combine(day + timedelta(days=hour // 24), time(hour % 24, minute), ZoneInfo(hours.zone))
    return wall.replace(fold=0).astimezone(UTC), wall.replace(fold=1).astimezone(UTC)
