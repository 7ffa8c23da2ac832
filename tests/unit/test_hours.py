"""The weekly window: open only when a clock on the wall of its zone says so, also when that clock is set."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dialer.hours import is_open, opens_next, schedule_of
from dialer.model import Hours, Window

OFFICE = Hours(zone="America/New_York", opens="09:00", closes="17:00", days=frozenset(range(5)))
ALL_DAY = Hours(zone="Europe/London")
ZONES = (
    "UTC",
    "America/New_York",
    "Europe/London",
    "Asia/Kolkata",  # half an hour off, no summer time
    "Australia/Lord_Howe",  # its summer time is half an hour
    "Pacific/Chatham",  # three quarters of an hour off, set in the night of the south
    "Africa/Cairo",  # its clocks are set at midnight
    "America/Havana",  # likewise
)
SPRING = datetime(2026, 3, 8, 7, 0, tzinfo=UTC)  # New York: 01:59 EST is followed by 03:00 EDT
AUTUMN = datetime(2026, 11, 1, 6, 0, tzinfo=UTC)  # New York: 01:59 EDT is followed by 01:00 EST


def at(zone: str, moment: str) -> datetime:
    """A moment by the clock of a zone, in UTC."""
    return datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "open_"),
    [
        ("2026-03-02T08:59:59", False),
        ("2026-03-02T09:00:00", True),
        ("2026-03-02T16:59:59", True),
        ("2026-03-02T17:00:00", False),
        ("2026-03-07T12:00:00", False),  # a Saturday
    ],
)
def test_the_window_includes_its_first_moment_and_not_its_last(moment: str, *, open_: bool) -> None:
    assert is_open(OFFICE, at(OFFICE.zone, moment)) == open_


def test_without_a_window_it_is_always_open() -> None:
    now = datetime(2026, 3, 7, 3, 30, tzinfo=UTC)
    assert is_open(None, now)
    assert opens_next(None, now) == now


def test_an_open_window_opens_now() -> None:
    now = at(OFFICE.zone, "2026-03-02T12:00:00")
    assert opens_next(OFFICE, now) == now


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        ("2026-03-02T07:00:00", "2026-03-02T09:00:00"),  # the same morning
        ("2026-03-02T17:00:00", "2026-03-03T09:00:00"),  # the next morning
        ("2026-03-06T17:00:00", "2026-03-09T09:00:00"),  # over the weekend, in which the clocks are set
        ("2026-10-30T18:00:00", "2026-11-02T09:00:00"),  # and back
    ],
)
def test_a_closed_window_opens_at_its_hour_on_the_next_of_its_days(moment: str, opens: str) -> None:
    assert opens_next(OFFICE, at(OFFICE.zone, moment)) == at(OFFICE.zone, opens)


def test_a_window_on_one_day_opens_a_week_later_once_it_has_closed() -> None:
    mondays = Hours(zone="Asia/Kolkata", opens="10:00", closes="11:00", days=frozenset({0}))
    now = at(mondays.zone, "2026-03-02T11:00:00")
    assert opens_next(mondays, now) == at(mondays.zone, "2026-03-09T10:00:00")


def test_twenty_four_oclock_is_the_end_of_the_day() -> None:
    late = Hours(zone="Asia/Kolkata", opens="22:00", closes="24:00", days=frozenset({4}))
    assert is_open(late, at(late.zone, "2026-03-06T23:59:59"))
    assert not is_open(late, at(late.zone, "2026-03-07T00:00:00"))


@pytest.mark.parametrize("hour", range(24 * 8))
def test_a_window_that_never_closes_is_open_at_every_hour(hour: int) -> None:
    assert is_open(ALL_DAY, datetime(2026, 3, 25, tzinfo=UTC) + timedelta(hours=hour))  # the clocks are set on the 29th


def test_the_hour_is_the_zones_own_in_winter_and_in_summer() -> None:
    assert is_open(OFFICE, datetime(2026, 3, 6, 14, 0, tzinfo=UTC))  # 9:00 EST
    assert not is_open(OFFICE, datetime(2026, 3, 6, 13, 0, tzinfo=UTC))
    assert is_open(OFFICE, datetime(2026, 3, 9, 13, 0, tzinfo=UTC))  # 9:00 EDT
    assert not is_open(OFFICE, datetime(2026, 3, 9, 12, 59, tzinfo=UTC))


def test_a_window_that_closes_in_the_hour_that_is_skipped_is_closed_after_it() -> None:
    """02:30 never comes on that day: at 03:00, one minute after 01:59, the window must not be open still."""
    night = Hours(zone="America/New_York", opens="00:00", closes="02:30")
    assert not is_open(night, SPRING)
    assert not is_open(night, SPRING + timedelta(minutes=29))


def test_a_window_that_lies_in_the_hour_that_is_skipped_does_not_open_that_day() -> None:
    sunday = Hours(zone="America/New_York", opens="02:15", closes="02:45", days=frozenset({6}))
    assert opens_next(sunday, SPRING - timedelta(hours=6)) == at(sunday.zone, "2026-03-15T02:15:00")


def test_a_window_that_opens_in_the_hour_that_comes_twice_is_not_open_before_its_minute_in_either() -> None:
    night = Hours(zone="America/New_York", opens="01:30", closes="04:00")
    assert not is_open(night, AUTUMN + timedelta(minutes=15))  # 01:15 for the second time
    assert is_open(night, AUTUMN + timedelta(minutes=30))


def test_a_window_that_closes_in_the_hour_that_comes_twice_stays_closed() -> None:
    night = Hours(zone="America/New_York", opens="00:00", closes="01:30")
    assert is_open(night, AUTUMN - timedelta(minutes=31))
    assert not is_open(night, AUTUMN - timedelta(minutes=30))
    assert not is_open(night, AUTUMN + timedelta(minutes=15))


def test_windows_that_overlap_or_meet_are_one_in_whatever_order() -> None:
    """Also in the hour that comes twice: a seam between two of them would be closed in it."""
    clocks = (("03:00", "04:00"), ("00:30", "01:30"), ("01:30", "03:30"), ("00:45", "01:00"))
    parts = tuple(Window(opens=opens, closes=closes) for opens, closes in clocks)
    apart = schedule_of(Hours(zone="America/New_York", windows=parts))
    assert apart == schedule_of(Hours(zone="America/New_York", opens="00:30", closes="04:00"))


QUARTERS = st.integers(0, 96).map(lambda quarter: f"{quarter // 4:02}:{quarter % 4 * 15:02}")
CLOCKS = st.lists(QUARTERS, min_size=2, max_size=2, unique=True).map(sorted)
DAYS = st.frozensets(st.integers(0, 6), min_size=1)
WINDOW = st.builds(lambda clocks, days: Window(opens=clocks[0], closes=clocks[1], days=days), CLOCKS, DAYS)
WINDOWS = st.builds(
    lambda zone, first, more: Hours(
        zone=zone, opens=first.opens, closes=first.closes, days=first.days, windows=(first, *more) if more else ()
    ),
    st.sampled_from(ZONES),
    WINDOW,
    st.lists(WINDOW, max_size=3),
)
MOMENTS = st.integers(0, 366 * 96).map(
    lambda quarter: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=15 * quarter)
)


def on_the_wall(hours: Hours, moment: datetime) -> bool:
    """What somebody in the zone would say, looking at the clock and at the windows."""
    local = moment.astimezone(ZoneInfo(hours.zone))
    windows = hours.windows or (hours,)
    return any(one.opens <= f"{local:%H:%M}" < one.closes and local.weekday() in one.days for one in windows)


@given(hours=WINDOWS, moment=MOMENTS)
@example(hours=Hours(zone="America/New_York", opens="00:00", closes="02:30"), moment=SPRING)
@example(hours=Hours(zone="America/New_York", opens="01:30", closes="04:00"), moment=AUTUMN)
def test_it_is_never_open_when_the_clock_on_the_wall_says_closed(hours: Hours, moment: datetime) -> None:
    assert on_the_wall(hours, moment) or not is_open(hours, moment)


@given(hours=WINDOWS, moment=MOMENTS)
def test_it_is_open_when_the_clock_says_so_unless_the_clock_is_set_that_day(hours: Hours, moment: datetime) -> None:
    zone, day = ZoneInfo(hours.zone), timedelta(days=1)
    near = {(moment + shift).astimezone(zone).utcoffset() for shift in (-day, timedelta(0), day)}
    if len(near) == 1:
        assert is_open(hours, moment) == on_the_wall(hours, moment)


@given(hours=WINDOWS, moment=MOMENTS)
def test_the_next_opening_is_the_first_open_moment_from_now_on(hours: Hours, moment: datetime) -> None:
    opens = opens_next(hours, moment)
    assert opens >= moment
    assert opens.utcoffset() == timedelta(0)
    assert is_open(hours, opens)
    if opens > moment:
        assert not is_open(hours, opens - timedelta(seconds=1))
        assert not is_open(hours, moment + (opens - moment) / 2)
