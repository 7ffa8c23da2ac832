"""Nobody's phone rings outside the hours of where it is: neither when they claim, nor when the message comes later."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.journeys.conftest import Numbers
from tests.journeys.journey import Journey, Number, until

# Numbers of the ranges kept for fiction, in four places that are never all asleep, and never all awake.
AROUND_THE_WORLD = {
    "+18085550140": "Pacific/Honolulu",
    "+16715550140": "Pacific/Guam",
    "+447700900140": "Europe/London",
    "+17185550140": "America/New_York",  # in summer the one that sleeps while Honolulu closes and London opens
}
UNSURE = timedelta(minutes=4)  # around an edge: it may pass while the journey goes on


def asleep_and_awake(now: datetime) -> tuple[list[Number], list[Number]]:
    """Who is surely closed, and who is surely open, by the clocks on their walls."""
    asleep, awake = [], []
    for number, zone in AROUND_THE_WORLD.items():
        hours = [_is_day(moment.astimezone(ZoneInfo(zone))) for moment in (now - UNSURE, now, now + UNSURE)]
        if all(hours):
            awake.append(number)
        elif not any(hours):
            asleep.append(number)
    return asleep, awake


def _is_day(wall: datetime) -> bool:
    return 8 <= wall.hour < 21


@pytest.mark.parametrize("day", [date(2026, 1, 15), date(2026, 3, 20), date(2026, 7, 1), date(2026, 10, 28)])
def test_at_every_minute_of_a_day_somebody_is_asleep_and_somebody_awake(day: date) -> None:
    """In winter, in summer, and while only one of the two continents has its summer time."""
    midnight = datetime.combine(day, time(), UTC)
    for minute in range(24 * 60):
        assert all(asleep_and_awake(midnight + timedelta(minutes=minute))), minute


def test_of_a_list_across_zones_only_those_are_called_whose_hours_are_open(journey: Journey) -> None:
    asleep, awake = asleep_and_awake(datetime.now(UTC))
    campaign = journey.campaign([*asleep, *awake], any_hour_because="")
    until(
        lambda: (
            journey.tick(campaign) and [journey.states(campaign)[number] for number in awake] == ["done"] * len(awake)
        ),
        every=0.5,
        what=lambda: journey.show(campaign),
    )
    for _ in range(2):
        journey.tick(campaign)
        journey.reconcile()
    journey.drain()
    assert sorted(request["to"] for request in journey.requests()) == sorted(awake)
    assert {journey.states(campaign)[number] for number in asleep} == {"pending"}
    assert journey.tick(campaign)["closed"] == len(asleep)


def test_a_window_that_closes_while_messages_are_queued_lets_none_of_them_ring(
    journey: Journey, numbers: Numbers
) -> None:
    people = numbers(6)
    with journey.messages_kept():
        campaign = journey.campaign(people)
        journey.tick(campaign)
        messages = journey.take_messages(campaign, count=6)
        opens = journey.closes_now(campaign, until=timedelta(hours=3))
    journey.send_messages(messages)
    journey.drain()
    assert journey.requests() == []
    found = journey.contacts(campaign)
    assert {found[phone]["state"] for phone in people} == {"pending"}
    assert {found[phone]["reason"] for phone in people} == {"outside the campaign's hours"}
    assert {found[phone]["used"] for phone in people} == {0}
    assert set(journey.due_times(campaign)) == {opens}
    assert journey.tick(campaign)["outcome"] == "closed"
    journey.opens_again(campaign)
    journey.finish(campaign)
    assert set(journey.states(campaign).values()) == {"done"}
    journey.assert_kept(campaign, requests=6)


NIGHTS = ("Asia/Tokyo", "Pacific/Honolulu", "Europe/Paris", "America/Los_Angeles")  # somewhere it always is


def test_somebody_the_list_moves_where_it_is_night_is_not_called(journey: Journey, numbers: Numbers) -> None:
    """An American number, and a row that says where its owner lives: both must be awake."""
    night = next(zone for zone in NIGHTS if _deep_night(zone))
    campaign = journey.campaign([], any_hour_because="")
    (person,) = numbers(1)
    journey.add(campaign, [person], timezone=night)
    for _ in range(2):
        assert journey.tick(campaign)["outcome"] == "closed"
    journey.drain()
    assert journey.requests() == []


def _deep_night(zone: str) -> bool:
    return not 7 <= datetime.now(UTC).astimezone(ZoneInfo(zone)).hour < 22
