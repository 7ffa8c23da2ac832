"""The forecast: a steady pace, within the hours in which people may be called."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dialer import forecast
from dialer.calling.lawful import Open, look, openings
from dialer.forecast import AHEAD, Crowd
from dialer.lifecycle import State
from dialer.model import Campaign, Hours
from dialer.office_ports import Sums, WaitingGroup
from dialer.statistics import Figures, figures
from dialer.views import Progress
from tests.builders import a_campaign

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ALWAYS = ((NOW, NOW + 15 * DAY),)
DAILY = tuple((NOW + day * DAY, NOW + day * DAY + 10 * MINUTE) for day in range(15))
"""Ten minutes a day, and they have just begun."""


def crowd(people: int, openings: Sequence[tuple[datetime, datetime]] = ALWAYS) -> Crowd:
    return Crowd(people=people, openings=openings)


def done_in(*crowds: Crowd, per_minute: float = 60) -> timedelta | None:
    done = forecast.done_at(crowds, per_minute=per_minute, now=NOW)
    return None if done is None else done - NOW


def about(span: timedelta) -> Any:
    return pytest.approx(span, abs=timedelta(seconds=1))


def test_a_crowd_that_may_always_be_called_is_done_at_the_pace() -> None:
    assert done_in(crowd(1000)) == about(1000 * MINUTE / 60)


def test_hours_that_end_before_put_the_rest_off_to_the_next() -> None:
    """A thousand at sixty a minute are sixteen minutes and more; ten of them are today."""
    assert done_in(crowd(1000, DAILY)) == about(DAY + 400 * MINUTE / 60)


def test_a_crowd_whose_hours_have_not_begun_waits_for_them() -> None:
    later = tuple((opens + HOUR, closes + HOUR) for opens, closes in DAILY)
    assert done_in(crowd(60, later)) == about(HOUR + MINUTE)


def test_those_who_may_be_called_have_the_whole_pace_while_the_others_may_not() -> None:
    later = tuple((opens + HOUR, closes + HOUR) for opens, closes in DAILY)
    assert done_in(crowd(600), crowd(60, later)) == about(HOUR + MINUTE)
    assert done_in(crowd(600, DAILY), crowd(300, DAILY)) == about(DAY + 300 * MINUTE / 60)


def test_what_takes_longer_than_hours_are_known_goes_on_as_it_went() -> None:
    """Six hundred a day, for thirteen days and then again."""
    assert done_in(crowd(2 * 13 * 600, DAILY)) == about(2 * AHEAD)
    assert done_in(crowd(10**12)) == timedelta(days=3650)


def test_where_somebody_may_never_be_called_nothing_is_promised() -> None:
    assert done_in(crowd(10), crowd(1, ())) is None
    assert done_in(crowd(10, ((NOW + 20 * DAY, NOW + 21 * DAY),))) is None


@pytest.mark.parametrize(
    "region", ["US-NY New_York", "US-FL Chicago,New_York", "GB Europe/London", "JP Asia/Tokyo", "XX"]
)
@pytest.mark.parametrize(
    "own", [None, Hours(zone="America/Denver", opens="10:00", closes="16:30", days=frozenset({0, 2}))]
)
def test_openings_are_the_moments_at_which_people_may_be_called(region: str, own: Hours | None) -> None:
    """By the look that decides about every call, at moments over a whole week."""
    campaign = a_campaign(any_hour_because="", hours=own)
    told = Crowd(people=1, openings=openings(campaign, region, NOW))
    for step in range(7 * 24 * 3):
        moment = NOW + step * 20 * MINUTE + timedelta(seconds=1)
        assert told.is_open(moment) == isinstance(look(campaign, region, moment), Open), moment


def test_without_hours_of_any_kind_it_is_always_open() -> None:
    campaign = a_campaign(any_hour_because="news that cannot wait")
    assert Crowd(people=1, openings=openings(campaign, "", NOW)).is_open(NOW + AHEAD)


def told(
    campaign: Campaign, waiting: Sequence[WaitingGroup], *, in_flight: int = 0, settled: Sequence[tuple[datetime, int]]
) -> Figures:
    sums = Sums(
        ended=[], attempts=0, attempted=0, outcomes={}, settled_by_minute=settled, dials_by_minute=[], ends=[],
        answers={}, upto=NOW, whole=True, now=NOW,
    )  # fmt: skip
    counts = {State.PENDING: sum(one.contacts for one in waiting), State.PLACED: in_flight}
    return figures(Progress(campaign=campaign, counts=counts), sums, waiting)


def group(region: str, contacts: int, **given: Any) -> WaitingGroup:
    return WaitingGroup(
        **{"region": region, "contacts": contacts, "due": contacts, "held_back": 0, "next_at": None, **given}
    )


SIXTY = [(NOW - minute * MINUTE, 60) for minute in range(10, 0, -1)]


def test_figures_say_when_everybody_is_done_in_their_hours_and_how_long_calling_takes() -> None:
    """A thousand at sixty a minute, ten minutes before the campaign closes for the day; nobody is called in the last 85
    seconds, which are for ringing."""
    closing = a_campaign(any_hour_because="why not", hours=Hours(zone="UTC", opens="08:00", closes="15:10"))
    some = told(closing, [group("US-NY New_York", 1000)], settled=SIXTY)
    assert some.calling_left == timedelta(minutes=1000 / 60)
    assert some.done_at is not None
    assert some.done_at == about_moment(NOW.replace(hour=8) + DAY + 485 * MINUTE / 60)


def about_moment(moment: datetime) -> Any:
    return pytest.approx(moment, abs=timedelta(seconds=1))


def test_while_nobody_may_be_called_the_pace_is_that_of_the_hours_before() -> None:
    night = a_campaign(any_hour_because="why not", hours=Hours(zone="UTC", opens="08:00", closes="12:00"))
    evening = [(at - 3 * HOUR, settled) for at, settled in SIXTY]
    closed = told(night, [group("US", 120)], settled=evening)
    assert closed.settled_per_minute is None
    assert closed.done_at == about_moment(NOW.replace(hour=8) + DAY + 2 * MINUTE)


def test_who_is_on_hold_is_not_waited_for_and_who_is_due_later_is() -> None:
    always = a_campaign(any_hour_because="why not")
    held = told(always, [group("US", 120, due=60, held_back=60)], settled=SIXTY)
    assert held.done_at == about_moment(NOW + MINUTE)
    nowhere = group("XX", 60, due=0, held_back=60)  # no hour is lawful for these
    lawful = told(a_campaign(any_hour_because=""), [group("US-NY New_York", 60), nowhere], settled=SIXTY)
    assert lawful.done_at == about_moment(NOW + MINUTE)
    later = told(always, [group("US", 60, due=0, next_at=NOW + HOUR)], settled=SIXTY)
    assert later.done_at == about_moment(NOW + HOUR + MINUTE)
    assert told(always, [group("US", 60, due=0, held_back=60)], settled=SIXTY).done_at is None


def test_who_is_in_flight_is_counted_and_many_small_zones_are_like_the_large_ones() -> None:
    always = a_campaign(any_hour_because="why not")
    assert told(always, [], in_flight=60, settled=SIXTY).done_at == about_moment(NOW + MINUTE)
    many = [group(f"US-{n:03}", 6) for n in range(1000)]
    assert told(always, many, settled=SIXTY).done_at == about_moment(NOW + 100 * MINUTE)
