"""Weekly hours in one time zone, on the clock of a wall: several spans a day, days without any, clocks that are set."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Span = tuple[int, int]
"""From and to, in minutes since midnight; the end does not belong to it."""
Stretch = tuple[datetime, datetime]
"""From and to, as moments in UTC; the end does not belong to it."""
_LOOK_AHEAD = 15  # days: the same weekday twice more, in case today's spans are over and the next ones fall out
_MIDNIGHT = 24 * 60


@dataclass(frozen=True, kw_only=True)
class Week:
    """The spans of each weekday, in order; Monday is first."""

    days: tuple[tuple[Span, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A week in a zone, without the holidays."""

    zone: str
    week: Week
    holidays: frozenset[date] = frozenset()
    holidays_known_to: date | None = None
    """The last day whose holidays are known, where holidays matter; after it every day is one."""
    margin: timedelta = timedelta(0)
    """So long before a span's end it is closed already: whoever is called then must still be able to answer."""

    def opens_next(self, now: datetime) -> datetime | None:
        """The first moment from now on at which it is open: now itself when it is. None within two weeks. UTC."""
        return next((max(now, opens) for opens, closes in self._spans(now) if max(now, opens) < closes), None)

    def closes_next(self, now: datetime) -> datetime | None:
        """When it closes, while it is open. None while it is closed, and where it stays open for two weeks. UTC."""
        closes = next((closes for opens, closes in self._spans(now) if opens <= now < closes), None)
        return closes if closes and closes - now < timedelta(days=_LOOK_AHEAD - 2) else None

    def stretches(self, now: datetime) -> list[Stretch]:
        """When it is open, in order: from the beginning of today, in its own zone, two weeks ahead."""
        return [(opens, closes) for opens, closes in self._spans(now) if opens < closes]

    def _spans(self, now: datetime) -> Iterator[tuple[datetime, datetime]]:
        """From today on, in order; spans that meet, at midnight for instance, are one, with one margin."""
        pending: tuple[datetime, datetime] | None = None
        for opens, closes in self._single_spans(now.astimezone(ZoneInfo(self.zone)).date()):
            if pending is None:
                pending = opens, closes
            elif opens <= pending[1]:
                pending = pending[0], max(pending[1], closes)
            else:
                yield pending[0], pending[1] - self.margin
                pending = opens, closes
        if pending is not None:
            yield pending[0], pending[1] - self.margin

    def _single_spans(self, today: date) -> Iterator[tuple[datetime, datetime]]:
        for day in (today + timedelta(days=ahead) for ahead in range(_LOOK_AHEAD)):
            if not self._is_holiday(day):
                spans = (self._moments(day, begins, ends) for begins, ends in self.week.days[day.weekday()])
                yield from ((opens, closes) for opens, closes in spans if opens < closes)

    def _is_holiday(self, day: date) -> bool:
        return day in self.holidays or (self.holidays_known_to is not None and day > self.holidays_known_to)

    def _moments(self, day: date, begins: int, ends: int) -> tuple[datetime, datetime]:
        """The part of a span in which no reading of a clock that is just being set says "closed"."""
        return max(self._readings(day, begins)), min(self._readings(day, ends))

    def _readings(self, day: date, minute: int) -> tuple[datetime, datetime]:
        """What a time of day can mean on a day that has it twice, or never; on any other, the same moment twice."""
        on, clock = day + timedelta(days=minute // _MIDNIGHT), time(minute % _MIDNIGHT // 60, minute % 60)
        wall = datetime.combine(on, clock, ZoneInfo(self.zone))
        return wall.replace(fold=0).astimezone(UTC), wall.replace(fold=1).astimezone(UTC)


def minutes(clock: str) -> int:
    """Minutes since midnight of a time of day such as 09:30."""
    hour, minute = clock.split(":")
    return 60 * int(hour) + int(minute)


def united(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The spans of a day in order; those that overlap or meet are one."""
    apart: list[Span] = []
    for begins, ends in sorted(spans):
        if apart and begins <= apart[-1][1]:
            apart[-1] = apart[-1][0], max(apart[-1][1], ends)
        else:
            apart.append((begins, ends))
    return tuple(apart)


def open_together(schedules: tuple[Schedule, ...], now: datetime) -> datetime | None:
    """The first moment from now on at which all of them are open. None when there is none within two weeks."""
    moment, latest = now, now + timedelta(days=_LOOK_AHEAD - 1)
    while moment <= latest:
        opens = [schedule.opens_next(moment) for schedule in schedules]
        later = max((one for one in opens if one is not None), default=moment)
        if len(opens) != sum(one is not None for one in opens):
            return None
        if later == moment:
            return moment
        moment = later
    return None


def stretches_together(schedules: tuple[Schedule, ...], now: datetime) -> list[Stretch]:
    """When all of them are open, in order, two weeks ahead; without any schedule that is all the time."""
    common = [(now, now + timedelta(days=_LOOK_AHEAD))]
    for schedule in schedules:
        common = _common(common, schedule.stretches(now))
    return common


def _common(some: list[Stretch], others: list[Stretch]) -> list[Stretch]:
    both = ((max(one[0], other[0]), min(one[1], other[1])) for one in some for other in others)
    return [(opens, closes) for opens, closes in both if opens < closes]
