"""A call never starts outside the hours of anybody whose rules may hold: places, zones, purposes, days of all kinds."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dialer.calling.group import Group, country_of, group_of
from dialer.calling.lawful import Closed, Open, allowed_by, first_open, look, never, spell
from dialer.calling.rules import rows_for, rule_version
from dialer.calling.week import Schedule, Week, open_together
from dialer.last_look import Never, NotNow, may_call
from dialer.model import CallPlan, Campaign, Hours, Purpose, Voice, Window
from tests.builders import a_campaign

RING = timedelta(seconds=30)
PLACES = (
    "US-?",
    "US-AL",
    "US-FL",
    "US-KY",
    "US-ME",
    "US-RI",
    "US-TX",
    "US-NY",
    "CA",
    "GB",
    "AU",
    "FR",
    "IT",
    "IN",
    "BR",
)
ZONES = (
    "America/New_York",
    "America/Chicago",
    "America/Phoenix",
    "America/Havana",  # its clocks are set at midnight
    "America/St_Johns",
    "Africa/Cairo",  # likewise
    "Asia/Kolkata",
    "Australia/Lord_Howe",  # its summer time is half an hour
    "Europe/London",
    "Europe/Paris",
    "Pacific/Honolulu",
)
GROUPS = st.builds(
    lambda places, zones: str(Group(places=tuple(places), zones=tuple(zones))),
    st.lists(st.sampled_from(PLACES), min_size=1, max_size=3, unique=True),
    st.lists(st.sampled_from(ZONES), min_size=1, max_size=3, unique=True),
)
HALVES = (Window(opens="13:00", closes="18:15"), Window(opens="09:30", closes="12:00", days=frozenset(range(5))))
WINDOWS = st.none() | st.builds(
    Hours,
    zone=st.sampled_from(ZONES),
    opens=st.just("09:30"),
    closes=st.just("18:15"),
    windows=st.sampled_from([(), HALVES]),
)
CAMPAIGNS = st.builds(
    lambda purpose, voice, hours: a_campaign(
        purpose=purpose, voice=voice, hours=hours, any_hour_because="", call=CallPlan(say="Hi.", ring_timeout=RING)
    ),
    st.sampled_from(Purpose),
    st.sampled_from(Voice),
    WINDOWS,
)
MOMENTS = st.integers(0, 366 * 24 * 12).map(lambda step: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=5 * step))
SPRING, AUTUMN = datetime(2026, 3, 8, 6, 55, tzinfo=UTC), datetime(2026, 11, 1, 5, 55, tzinfo=UTC)


def may_ring(campaign: Campaign, region: str, moment: datetime) -> bool:
    """What somebody would say who looks at every clock on every wall, from the dial to the last ring."""
    group = group_of(region)
    rows = [row for place in group.places for row in rows_for(place, campaign.purpose, campaign.voice)]
    walls = [(moment + later).astimezone(ZoneInfo(zone)) for zone in group.zones for later in (timedelta(0), RING)]
    return all(
        wall.date() not in row.holidays
        and any(begins <= 60 * wall.hour + wall.minute < ends for begins, ends in row.week.days[wall.weekday()])
        for wall in walls
        for row in rows
    )


@given(campaign=CAMPAIGNS, region=GROUPS, moment=MOMENTS)
@example(campaign=a_campaign(any_hour_because=""), region="US-NY New_York", moment=SPRING)
@example(campaign=a_campaign(any_hour_because=""), region="US-NY New_York", moment=AUTUMN)
def test_a_call_never_starts_outside_the_hours_of_any_place_in_any_zone(
    campaign: Campaign, region: str, moment: datetime
) -> None:
    if isinstance(look(campaign, region, moment), Open):
        assert may_ring(campaign, region, moment)
        assert campaign.hours is None or _in_window(campaign.hours, moment)


@given(campaign=CAMPAIGNS, region=GROUPS, moment=MOMENTS)
def test_whoever_must_wait_waits_for_a_moment_that_is_open_or_is_looked_at_again_in_a_day(
    campaign: Campaign, region: str, moment: datetime
) -> None:
    opens = first_open(campaign, region, moment)
    assert opens >= moment
    if isinstance(look(campaign, region, moment), Closed):
        assert opens > moment
        assert isinstance(look(campaign, region, opens), Open) or opens == moment + timedelta(days=1)
        between = moment + (opens - moment) / 2
        assert isinstance(look(campaign, region, between), Closed)


@given(campaign=CAMPAIGNS, region=GROUPS, moment=MOMENTS)
def test_one_place_or_zone_more_only_narrows(campaign: Campaign, region: str, moment: datetime) -> None:
    group = group_of(region)
    parts = [str(Group(places=(place,), zones=(zone,))) for place in group.places for zone in group.zones]
    together = isinstance(look(campaign, region, moment), Open)
    assert together == all(isinstance(look(campaign, part, moment), Open) for part in parts)


def _in_window(hours: Hours, moment: datetime) -> bool:
    """From the dial to the last ring, of which none may be behind a window's end."""
    walls = [(moment + later).astimezone(ZoneInfo(hours.zone)) for later in (timedelta(0), RING)]
    windows = hours.windows or (hours,)
    return all(
        any(one.opens <= f"{wall:%H:%M}" < one.closes and wall.weekday() in one.days for one in windows)
        for wall in walls
    )


@pytest.mark.parametrize("ring_s", [15, 25, 60])
def test_the_last_dial_leaves_time_to_ring_before_the_hours_end(ring_s: int) -> None:
    campaign = a_campaign(any_hour_because="", call=CallPlan(say="Hi.", ring_timeout=timedelta(seconds=ring_s)))
    nine = datetime(2026, 11, 17, 21, tzinfo=ZoneInfo("America/New_York")).astimezone(UTC)
    last = nine - timedelta(seconds=ring_s + 60)
    assert isinstance(look(campaign, "US-NY New_York", last - timedelta(milliseconds=1)), Open)
    assert isinstance(look(campaign, "US-NY New_York", last), Closed)


@pytest.mark.parametrize("ring_s", [15, 60])
@pytest.mark.parametrize("because", ["", "a flood"])
def test_the_campaigns_own_window_leaves_time_to_ring_too(ring_s: int, because: str) -> None:
    window = Hours(zone="America/New_York", opens="10:00", closes="17:00")
    call = CallPlan(say="Hi.", ring_timeout=timedelta(seconds=ring_s))
    campaign = a_campaign(any_hour_because=because, hours=window, call=call)
    last = datetime(2026, 11, 17, 22, tzinfo=UTC) - timedelta(seconds=ring_s + 60)
    assert isinstance(look(campaign, "US-NY New_York", last - timedelta(milliseconds=1)), Open)
    assert isinstance(look(campaign, "US-NY New_York", last), Closed)


@pytest.mark.parametrize("closes", ["12:00", "17:00"])
def test_each_of_several_windows_leaves_time_to_ring(closes: str) -> None:
    windows = (Window(opens="10:00", closes="12:00"), Window(opens="13:00", closes="17:00"))
    campaign = a_campaign(any_hour_because="", hours=Hours(zone="America/New_York", windows=windows))
    end = datetime.combine(date(2026, 11, 17), time.fromisoformat(closes), ZoneInfo("America/New_York"))
    last = end.astimezone(UTC) - campaign.call.ring_timeout - timedelta(seconds=60)
    assert isinstance(look(campaign, "US-NY New_York", last - timedelta(milliseconds=1)), Open)
    assert isinstance(look(campaign, "US-NY New_York", last), Closed)


def test_the_call_that_rings_across_two_windows_that_meet_is_in_hours() -> None:
    windows = (Window(opens="10:00", closes="12:00"), Window(opens="12:00", closes="17:00"))
    campaign = a_campaign(any_hour_because="", hours=Hours(zone="America/New_York", windows=windows))
    assert isinstance(look(campaign, "US-NY New_York", datetime(2026, 11, 17, 16, 59, 59, tzinfo=UTC)), Open)


@pytest.mark.parametrize(
    ("region", "plan", "said"),
    [
        ("US-NY New_York", {}, "every place; US federal"),
        ("US-FL Chicago,New_York", {"purpose": Purpose.TELEMARKETING}, "every place; US federal; US-FL sales"),
        (
            "US-FL+US-GA New_York",
            {"purpose": Purpose.TELEMARKETING, "voice": Voice.AI},
            "every place; US federal; US-FL sales; US-GA sales; US-GA automated",
        ),
        (
            "US",
            {"purpose": Purpose.TELEMARKETING},
            "every place; US federal; US unknown state, sales; US unknown state, automated",
        ),
        ("BR Sao_Paulo", {"hours": Hours()}, "the campaign's hours; every place"),
        ("BR Sao_Paulo", {"purpose": Purpose.TELEMARKETING}, "every place; a country without a row"),
        ("US-FL New_York", {"any_hour_because": "an outage"}, "any hour"),
        ("", {"any_hour_because": "an outage", "hours": Hours()}, "the campaign's hours; any hour"),
        ("", {}, ""),
        ("US Moon/Base", {"hours": Hours()}, ""),
    ],
)
def test_what_allowed_a_call_is_named_once_whichever_places_and_zones_ask_it(
    region: str, plan: dict[str, Any], said: str
) -> None:
    assert allowed_by(a_campaign(**{"any_hour_because": "", **plan}), region) == said


@given(campaign=CAMPAIGNS, region=GROUPS)
def test_every_row_that_must_be_open_is_named_and_no_other(campaign: Campaign, region: str) -> None:
    rows = {row.id for place in group_of(region).places for row in rows_for(place, campaign.purpose, campaign.voice)}
    own = {"the campaign's hours"} if campaign.hours else set()
    named, cut, _ = allowed_by(campaign, region).partition(" and others")
    assert set(named.split("; ")) == rows | own or (cut and set(named.split("; ")) < rows | own)


def test_a_long_list_of_rules_is_cut_behind_a_whole_one() -> None:
    region = "US-CA+US-GA+US-IN+US-ME+US-NE New_York"
    sales = a_campaign(any_hour_because="", purpose=Purpose.TELEMARKETING, voice=Voice.PRERECORDED, hours=Hours())
    known = "US-CA sales; US-CA automated; US-GA sales; US-GA automated; US-IN sales"
    assert allowed_by(sales, region) == f"the campaign's hours; every place; US federal; {known} and others"


LATE = Hours(zone="America/New_York", opens="20:00", closes="22:00")
APART = "US-NY New_York,Asia/Tokyo,Europe/Paris"


def test_where_the_hours_of_two_places_do_not_meet_in_this_season_it_looks_again_in_a_day() -> None:
    """In summer they do, for an hour."""
    moment = datetime(2026, 11, 17, 15, tzinfo=UTC)
    said = look(a_campaign(any_hour_because=""), "US-NY New_York,Asia/Shanghai,Europe/Paris", moment)
    reason = f"no moment within two weeks is open for all its rules, rules {rule_version()}"
    assert said == Closed(until=moment + timedelta(days=1), reason=reason)


@pytest.mark.parametrize(
    ("region", "plan", "reason"),
    [
        (APART, {}, f"no minute of the week is lawful wherever it may ring ({APART}), rules "),
        (APART, {"hours": LATE}, f"no minute of the week is lawful wherever it may ring ({APART}), rules "),
        (
            "US-FL New_York",
            {"hours": LATE, "purpose": Purpose.TELEMARKETING},
            "no minute of the campaign's hours is lawful where it may ring (US-FL New_York), rules ",
        ),
        (
            "US-AL Chicago",
            {"hours": Hours(zone="America/Chicago", days=frozenset({6})), "purpose": Purpose.TELEMARKETING},
            "no minute of the campaign's hours is lawful where it may ring (US-AL Chicago), rules ",
        ),
        ("", {}, "nobody knows where it rings, rules "),
    ],
)
def test_where_no_minute_is_lawful_it_says_so_and_whose_hours_they_are_and_looks_again_in_a_day(
    region: str, plan: dict[str, Any], reason: str
) -> None:
    moment = datetime(2026, 11, 17, 15, tzinfo=UTC)
    campaign = a_campaign(any_hour_because="", **plan)
    said = look(campaign, region, moment)
    by_law = region == APART
    assert said == Closed(
        until=moment + timedelta(days=1), reason=f"{reason}{rule_version()}", never=True, by_law=by_law
    )
    assert never(campaign, region)
    assert spell(campaign, region, moment).until is None


@pytest.mark.parametrize(
    ("region", "hours", "moment"),
    [
        # The two Fridays ahead are legal holidays in Pennsylvania; the third is none.
        ("US-PA New_York", Hours(zone="America/New_York", days=frozenset({4})), datetime(2026, 12, 24, tzinfo=UTC)),
        # Its clocks are an hour further from Greenwich in summer: in winter the window ends before nine.
        ("US-NY New_York", Hours(opens="10:00", closes="13:30"), datetime(2026, 11, 17, tzinfo=UTC)),
    ],
    ids=["holidays", "summer"],
)
def test_whoever_can_be_called_later_in_the_year_is_never_given_up(region: str, hours: Hours, moment: datetime) -> None:
    campaign = a_campaign(any_hour_because="", hours=hours, purpose=Purpose.TELEMARKETING, voice=Voice.LIVE)
    said = look(campaign, region, moment)
    assert isinstance(said, Closed)
    assert not said.never
    assert never(campaign, region) is None


def test_a_reason_names_the_first_of_many_zones() -> None:
    zones = ",".join(f"Asia/{city}" for city in ("Shanghai", "Kolkata", "Tokyo", "Seoul", "Dhaka"))
    closed = never(a_campaign(any_hour_because=""), f"US-? Denver,New_York,{zones}")
    assert closed is not None
    assert "(US-? Denver,New_York,Asia/Shanghai,Asia/Kolkata,Asia/Tokyo and others)" in closed.reason


def test_whom_the_law_lets_nobody_call_is_settled_and_who_waits_for_other_hours_is_not() -> None:
    moment = datetime(2026, 11, 17, 15, tzinfo=UTC)
    lawless, late = a_campaign(any_hour_because=""), a_campaign(any_hour_because="", hours=LATE)
    verdict = may_call(campaign=lawless, region=APART, suppressed=False, now=moment)
    assert isinstance(verdict, Never)
    assert verdict.reason.startswith("no minute of the week is lawful")
    assert isinstance(may_call(campaign=late, region="US-FL Chicago", suppressed=False, now=moment), NotNow)


def test_the_campaigns_own_window_narrows_and_never_widens() -> None:
    wide = Hours(zone="America/New_York", opens="00:00", closes="24:00")
    narrow = Hours(zone="America/New_York", opens="10:00", closes="11:00")
    night = datetime(2026, 11, 17, 3, tzinfo=UTC)
    noon = datetime(2026, 11, 17, 17, tzinfo=UTC)
    assert isinstance(look(a_campaign(any_hour_because="", hours=wide), "US-NY New_York", night), Closed)
    said = look(a_campaign(any_hour_because="", hours=narrow), "US-NY New_York", noon)
    assert isinstance(said, Closed)
    assert said.reason == "outside the campaign's hours"


@given(
    group=st.builds(
        lambda places, zones: Group(places=tuple(places), zones=tuple(sorted(zones))),
        st.lists(st.sampled_from(PLACES), min_size=1, max_size=3, unique=True),
        st.lists(
            st.sampled_from((*ZONES, "America/Indiana/Knox", "Indian/Maldives", "Etc/GMT+3")), min_size=1, unique=True
        ),
    )
)
def test_a_group_is_read_as_it_was_written(group: Group) -> None:
    assert group_of(str(group)) == group
    assert country_of(str(group)) == group.places[0][:2]


def test_a_span_may_end_and_the_next_begin_without_a_gap() -> None:
    """The margin is before a real closing only, and not at every midnight."""
    days = tuple(((0, 24 * 60),) for _ in range(7))
    always = Schedule(zone="Europe/Berlin", week=Week(days=days), margin=timedelta(minutes=5))
    for minute in range(0, 24 * 60, 3):
        moment = datetime(2026, 11, 17, tzinfo=UTC) + timedelta(minutes=minute)
        assert always.opens_next(moment) == moment
    lunch = Schedule(zone="UTC", week=Week(days=(((600, 780), (840, 1200)),) * 7), margin=timedelta(minutes=5))
    assert lunch.opens_next(datetime(2026, 11, 17, 12, 55, tzinfo=UTC)) == datetime(2026, 11, 17, 14, tzinfo=UTC)


def test_schedules_that_alternate_are_searched_no_further_than_two_weeks() -> None:
    morning = Schedule(zone="UTC", week=Week(days=(((0, 720),),) * 7))
    evening = Schedule(zone="UTC", week=Week(days=(((720, 1440),),) * 7))
    assert open_together((morning, evening), datetime(2026, 11, 17, tzinfo=UTC)) is None
