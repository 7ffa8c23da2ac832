"""Every row of every place: open when its table says so, in the purposes and voices it is for, and closed otherwise.

The tables here are written by hand from docs/decisions/0012-who-may-be-called-when.md, not read from the data.
"""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dialer.calling import rules
from dialer.calling.lawful import Closed, Open, first_open, look
from dialer.calling.rules import caps_for, every_cap, every_row, rows_for, rule_version
from dialer.caps import caps_of
from dialer.model import CallPlan, Campaign, Cap, Purpose, Voice
from tests.builders import a_campaign

RING = timedelta(seconds=25)
MARGIN = RING + timedelta(seconds=60)
MONDAY = date(2026, 11, 16)  # of a week without any holiday
SALES = (Purpose.TELEMARKETING, Purpose.CHARITY)
NOT_SALES = tuple(sorted(set(Purpose) - set(SALES)))
Days = tuple[str, str, str]

# Monday to Friday, Saturday, Sunday; several spans with a comma between them; empty: nobody is called that day.
ALL_DAYS = ("08:00-21:00",) * 3
STATE_SALES: dict[str, Days] = {
    "AL": ("08:00-20:00", "08:00-20:00", ""),
    "AZ": ALL_DAYS,
    "CA": ALL_DAYS,
    "CT": ("09:00-20:00",) * 3,
    "FL": ("08:00-20:00",) * 3,
    "GA": ALL_DAYS,
    "IN": ALL_DAYS,
    "KY": ("10:00-21:00",) * 3,
    "LA": ("08:00-20:00", "08:00-20:00", ""),
    "MA": ("08:00-20:00",) * 3,
    "MD": ("08:00-20:00",) * 3,
    "ME": ALL_DAYS,
    "MI": ("09:00-21:00",) * 3,
    "MN": ("09:00-21:00",) * 3,
    "MS": ("08:00-20:00", "08:00-20:00", ""),
    "NE": ALL_DAYS,
    "NJ": ALL_DAYS,
    "NM": ("09:00-21:00",) * 3,
    "NV": ("09:00-20:00",) * 3,
    "OK": ("08:00-20:00",) * 3,
    "OR": ("08:00-20:00",) * 3,
    "PA": ("09:00-19:00", "09:00-19:00", ""),
    "RI": ("09:00-18:00", "10:00-17:00", ""),
    "SD": ("09:00-21:00", "09:00-21:00", ""),
    "TX": ("09:00-21:00", "09:00-21:00", "12:00-21:00"),
    "UT": ("08:00-21:00", "08:00-21:00", ""),
    "WA": ("08:00-20:00",) * 3,
    "WY": ("08:00-20:00",) * 3,
    "?": ("10:00-18:00", "10:00-17:00", ""),
}
STATE_AUTOMATED: dict[str, Days] = {
    "CA": ("09:00-21:00",) * 3,
    "GA": ALL_DAYS,
    "IN": ("09:00-20:00",) * 3,
    "ME": ("09:00-17:00", "", ""),
    "NE": ALL_DAYS,
    "?": ("10:00-17:00", "", ""),
}
FRENCH = ("10:00-13:00,14:00-20:00", "", "")
COUNTRIES: dict[tuple[str, Purpose], Days] = {
    ("CA", Purpose.TELEMARKETING): ("09:00-21:00", "10:00-18:00", "10:00-18:00"),  # 21:30, and 21:00 everywhere
    ("CA", Purpose.INFORMATIONAL): ("09:00-21:00", "10:00-18:00", "10:00-18:00"),
    ("GB", Purpose.TELEMARKETING): ("08:00-21:00", "09:00-20:00", ""),
    ("GB", Purpose.SURVEY): ("08:00-21:00", "09:00-20:00", ""),
    ("GB", Purpose.INFORMATIONAL): ALL_DAYS,
    ("AU", Purpose.TELEMARKETING): ("09:00-20:00", "09:00-17:00", ""),
    ("AU", Purpose.SURVEY): ("09:00-20:30", "09:00-17:00", "09:00-17:00"),
    ("AU", Purpose.INFORMATIONAL): ALL_DAYS,
    ("IN", Purpose.TELEMARKETING): ("10:00-21:00",) * 3,
    ("IN", Purpose.COLLECTIONS): ("08:00-19:00",) * 3,
    ("IN", Purpose.INFORMATIONAL): ALL_DAYS,
    ("FR", Purpose.TELEMARKETING): FRENCH,
    ("FR", Purpose.INFORMATIONAL): ALL_DAYS,
    ("ES", Purpose.TELEMARKETING): ("09:00-21:00", "", ""),
    ("ES", Purpose.COLLECTIONS): ALL_DAYS,
    ("IT", Purpose.CHARITY): ("09:00-20:00", "10:00-19:00", ""),
    ("IT", Purpose.POLITICAL): ALL_DAYS,
    ("DE", Purpose.TELEMARKETING): FRENCH,
    ("DE", Purpose.SURVEY): ALL_DAYS,
    ("BR", Purpose.TELEMARKETING): FRENCH,  # no row of its own: the strictest of any country
    ("BR", Purpose.INFORMATIONAL): ALL_DAYS,
    ("PR", Purpose.TELEMARKETING): ALL_DAYS,  # federal law
    ("VI", Purpose.TELEMARKETING): ALL_DAYS,
    ("GU", Purpose.TELEMARKETING): ALL_DAYS,
    ("MP", Purpose.TELEMARKETING): ALL_DAYS,
    ("AS", Purpose.TELEMARKETING): ALL_DAYS,
}


def a_plan(purpose: Purpose, voice: Voice = Voice.LIVE) -> Campaign:
    return a_campaign(purpose=purpose, voice=voice, any_hour_because="", call=CallPlan(say="Hi.", ring_timeout=RING))


def assert_open_as(days: Days, campaign: Campaign, region: str, zone: str) -> None:
    """In every hour of a week, and a moment before and after every edge."""
    for ahead, spans in enumerate([days[0]] * 5 + [days[1], days[2]]):
        day = MONDAY + timedelta(days=ahead)
        edges = [tuple(_at(day, clock, zone) for clock in span.split("-")) for span in spans.split(",") if span]
        moments = {_at(day, f"{hour:02}:{minute:02}", zone) for hour in range(24) for minute in (30,)}
        for opens, closes in edges:
            moments |= {opens - timedelta(seconds=1), opens, closes - MARGIN - timedelta(seconds=1), closes - MARGIN}
        for moment in moments:
            expected = any(opens <= moment < closes - MARGIN for opens, closes in edges)
            assert isinstance(look(campaign, region, moment), Open) is expected, (
                region,
                moment.astimezone(ZoneInfo(zone)),
            )


def _at(day: date, clock: str, zone: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize("state", STATE_SALES)
@pytest.mark.parametrize("purpose", SALES)
def test_sales_keep_the_hours_of_the_state(state: str, purpose: Purpose) -> None:
    assert_open_as(STATE_SALES[state], a_plan(purpose), f"US-{state} Chicago", "America/Chicago")


@pytest.mark.parametrize("state", STATE_SALES)
def test_what_is_no_sale_keeps_the_federal_hours_where_a_person_speaks(state: str) -> None:
    for purpose in NOT_SALES:
        assert_open_as(ALL_DAYS, a_plan(purpose), f"US-{state} Chicago", "America/Chicago")


@pytest.mark.parametrize("state", STATE_AUTOMATED)
@pytest.mark.parametrize("voice", [Voice.PRERECORDED, Voice.AI])
def test_an_automated_voice_keeps_the_stricter_hours_of_some_states_whatever_it_says(state: str, voice: Voice) -> None:
    for purpose in NOT_SALES:
        assert_open_as(STATE_AUTOMATED[state], a_plan(purpose, voice), f"US-{state} Chicago", "America/Chicago")


def test_an_automated_sale_keeps_both_rows() -> None:
    both = ("09:00-17:00", "", "")
    assert_open_as(both, a_plan(Purpose.TELEMARKETING, Voice.AI), "US-ME New_York", "America/New_York")
    strictest = ("10:00-17:00", "", "")
    assert_open_as(strictest, a_plan(Purpose.TELEMARKETING, Voice.AI), "US-? New_York", "America/New_York")


@pytest.mark.parametrize("state", ["NY", "OH", "VT", "AK"])
def test_a_state_without_a_row_has_the_federal_hours(state: str) -> None:
    for voice in Voice:
        assert_open_as(ALL_DAYS, a_plan(Purpose.TELEMARKETING, voice), f"US-{state} New_York", "America/New_York")


@pytest.mark.parametrize(("country", "purpose"), COUNTRIES)
def test_a_country_has_the_hours_of_its_row_for_the_purpose(country: str, purpose: Purpose) -> None:
    assert_open_as(COUNTRIES[country, purpose], a_plan(purpose), f"{country} Europe/Paris", "Europe/Paris")


@pytest.mark.parametrize("row", every_row(), ids=lambda row: row.id)
def test_every_row_of_the_data_is_in_a_table_above(row: rules.Row) -> None:
    known = {
        f"US-{state} {kind}"
        for kind, table in (("sales", STATE_SALES), ("automated", STATE_AUTOMATED))
        for state in table
    }
    known |= {
        "every place",
        "US federal",
        "US unknown state, sales",
        "US unknown state, automated",
        "a country without a row",
    }
    known |= {f"{place} federal" for place in ("PR", "VI", "GU", "MP", "AS")}
    known |= {"CA", "GB", "AU telemarketing", "AU research", "IN marketing", "IN collections", "FR", "ES", "IT", "DE"}
    assert row.id in known
    assert row.source


BANNED = {"AL": "2027-02-09", "LA": "2027-03-26", "PA": "2026-12-25", "RI": "2026-08-10", "UT": "2026-07-24"}
"""States that bar sales on legal holidays, with one that is their own where they have one."""


@pytest.mark.parametrize("state", STATE_SALES)
def test_on_legal_holidays_nobody_is_sold_anything_where_the_state_bars_it(state: str) -> None:
    christmas = _at(date(2026, 12, 25), "12:30", "America/Chicago")
    barred = state in BANNED or state == "?"
    assert isinstance(look(a_plan(Purpose.TELEMARKETING), f"US-{state} Chicago", christmas), Closed) is barred
    assert isinstance(look(a_plan(Purpose.SURVEY), f"US-{state} Chicago", christmas), Open)


@pytest.mark.parametrize(("state", "day"), BANNED.items())
def test_a_state_has_holidays_of_its_own_and_a_state_that_is_not_known_has_them_all(state: str, day: str) -> None:
    noon = _at(date.fromisoformat(day), "12:30", "America/Chicago")
    for region in (f"US-{state} Chicago", "US-? Chicago"):
        assert isinstance(look(a_plan(Purpose.TELEMARKETING), region, noon), Closed)
    assert isinstance(look(a_plan(Purpose.TELEMARKETING), "US-NY Chicago", noon), Open)


@pytest.mark.parametrize(
    ("region", "zone", "day"),
    [
        ("FR Europe/Paris", "Europe/Paris", "2026-07-14"),
        ("ES Europe/Madrid", "Europe/Madrid", "2026-10-12"),
        ("IT Europe/Rome", "Europe/Rome", "2026-06-02"),
        ("AU Australia/Sydney", "Australia/Sydney", "2027-01-26"),
    ],
)
def test_countries_that_bar_sales_on_their_holidays(region: str, zone: str, day: str) -> None:
    noon = _at(date.fromisoformat(day), "12:30", zone)
    assert isinstance(look(a_plan(Purpose.TELEMARKETING), region, noon), Closed)
    assert isinstance(look(a_plan(Purpose.INFORMATIONAL), region, noon), Open)
    assert first_open(a_plan(Purpose.TELEMARKETING), region, noon) > noon + timedelta(hours=12)


def test_past_the_last_known_holiday_every_day_may_be_one() -> None:
    known_to = date.fromisoformat(json.loads((Path(rules.__file__).parent / "holidays.json").read_text())["known_to"])
    later = datetime.combine(known_to + timedelta(days=3), time(18), UTC)
    assert isinstance(look(a_plan(Purpose.TELEMARKETING), "US-PA New_York", later), Closed)
    assert isinstance(look(a_plan(Purpose.SURVEY), "US-PA New_York", later), Open)
    assert known_to >= date.fromisoformat(rule_version()) + timedelta(days=10 * 365)


def test_a_refusal_names_the_rule_the_time_there_and_the_version_of_the_rules() -> None:
    late = _at(MONDAY, "20:10", "America/New_York")
    said = look(a_plan(Purpose.TELEMARKETING), "US-FL Chicago,New_York", late)
    opens = _at(MONDAY + timedelta(days=1), "08:00", "America/Chicago")
    reason = f"calling hours: US-FL sales, Mon 20:10 America/New_York, rules {rule_version()}"
    assert said == Closed(until=opens, reason=reason)


@pytest.mark.parametrize("region", ["", "001", "XX", "US Moon/Base", "US ../passwd"])
def test_where_no_zone_is_known_nobody_is_called(region: str) -> None:
    for hour in range(24):
        moment = datetime(2026, 11, 16, hour, tzinfo=UTC)
        assert isinstance(look(a_plan(Purpose.INFORMATIONAL), region, moment), Closed)


def test_a_contact_of_before_there_were_zone_groups_has_the_strictest_row_in_every_zone_of_its_country() -> None:
    assert rows_for("US", Purpose.TELEMARKETING, Voice.LIVE) == rows_for("US-?", Purpose.TELEMARKETING, Voice.LIVE)
    campaign = a_plan(Purpose.INFORMATIONAL)
    day = [datetime(2026, 11, 16, 6, tzinfo=UTC) + timedelta(minutes=10 * step) for step in range(144)]
    opens = [moment for moment in day if isinstance(look(campaign, "US", moment), Open)]
    begins, ends = datetime(2026, 11, 16, 18, tzinfo=UTC), datetime(2026, 11, 17, 0, 30, tzinfo=UTC)
    assert opens == [moment for moment in day if begins <= moment < ends - MARGIN]


def test_at_any_hour_only_the_campaigns_own_window_counts() -> None:
    night = datetime(2026, 11, 16, 8, tzinfo=UTC)
    assert isinstance(look(a_campaign(any_hour_because="an outage"), "US-NY New_York", night), Open)
    assert isinstance(look(a_campaign(any_hour_because="an outage"), "", night), Open)


THREE_A_DAY, ONE_IN_EIGHT_HOURS, FOUR_A_MONTH = (3, 24), (1, 8), (4, 30 * 24)
CAPS: dict[str, tuple[list[tuple[int, int]], list[tuple[int, int]]]] = {
    **{f"US-{state}": ([THREE_A_DAY], [THREE_A_DAY]) for state in ("FL", "MD", "OK", "OR")},
    "US-ME": ([], [ONE_IN_EIGHT_HOURS]),
    "US-?": ([THREE_A_DAY], [THREE_A_DAY, ONE_IN_EIGHT_HOURS]),
    "US": ([THREE_A_DAY], [THREE_A_DAY, ONE_IN_EIGHT_HOURS]),
    "FR": ([FOUR_A_MONTH], [FOUR_A_MONTH]),
    **{place: ([], []) for place in ("US-NY", "US-TX", "PR", "CA", "GB", "DE", "BR", "")},
}
"""Of sales calls: by a person, and by a machine. Calls, and hours."""


@pytest.mark.parametrize("place", CAPS)
@pytest.mark.parametrize("voice", Voice)
def test_sales_calls_are_capped_as_the_law_of_the_place_says_and_no_other_calls(place: str, voice: Voice) -> None:
    by_person, by_machine = CAPS[place]
    caps = caps_for(place, Purpose.TELEMARKETING, voice)
    hours = [(cap.most, cap.within / timedelta(hours=1)) for cap in caps]
    assert hours == (by_person if voice is Voice.LIVE else by_machine)
    assert all(cap.name.endswith(f", rules {rule_version()}") for cap in caps)
    assert [caps_for(place, purpose, voice) for purpose in set(Purpose) - {Purpose.TELEMARKETING}] == [()] * 5


def test_every_cap_of_the_data_is_in_the_table_above_and_the_unknown_state_has_those_of_all_states() -> None:
    assert {row.place for row in every_cap()} == {place for place, caps in CAPS.items() if any(caps)} - {"US"}
    for row in every_cap():
        same = replace(row.cap, name="")
        anywhere = [cap for voice in row.voices for cap in caps_for("US-?", Purpose.TELEMARKETING, voice)]
        assert not row.place.startswith("US-") or same in [replace(cap, name="") for cap in anywhere]
        assert row.source


def test_a_campaign_has_its_own_caps_and_those_of_every_place_where_the_phone_may_ring() -> None:
    own = Cap(name="own", most=9, within=timedelta(days=1))
    campaign = replace(a_plan(Purpose.TELEMARKETING), caps=(own,))
    names = [cap.name.partition(",")[0] for cap in caps_of(campaign, "US-FL+US-GA+US-OR Chicago,New_York")]
    assert names == ["own", "US-FL sales calls", "US-OR sales calls"]
    assert caps_of(replace(campaign, purpose=Purpose.SURVEY), "US-FL New_York") == (own,)
