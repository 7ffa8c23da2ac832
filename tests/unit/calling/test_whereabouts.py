"""Where a number may ring: every trap of the numbering plans, and what a list's own columns add."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
import tzdata  # type: ignore[import-untyped]  # a folder of data
from hypothesis import given
from hypothesis import strategies as st

from dialer.calling.group import Group
from dialer.calling.lawful import openings
from dialer.calling.places import canonical_zone, place_of_area, states_of_postal_code
from dialer.calling.whereabouts import Hints, group_for
from dialer.model import Purpose, Voice
from tests.builders import a_campaign

CHICAGO, NEW_YORK, DENVER = "America/Chicago", "America/New_York", "America/Denver"
LOS_ANGELES, TORONTO, PUERTO_RICO = "America/Los_Angeles", "America/Toronto", "America/Puerto_Rico"
HONOLULU, GUAM, PAGO_PAGO = "Pacific/Honolulu", "Pacific/Guam", "Pacific/Pago_Pago"
ANYWHERE = ("America/St_Johns", PUERTO_RICO, "America/Adak", HONOLULU, PAGO_PAGO, GUAM)


def group(number: str, **hints: str) -> Group:
    return group_for(phonenumbers.parse(number), Hints(**hints))


def example(country: str, kind: int) -> phonenumbers.PhoneNumber:
    number = phonenumbers.example_number_for_type(country, kind)
    assert number is not None
    return number


@pytest.mark.parametrize(
    ("number", "places", "zones"),
    [
        ("+12125550100", ("US-NY",), {NEW_YORK}),
        ("+12085550100", ("US-ID",), {DENVER, "America/Boise", "America/Los_Angeles"}),
        ("+18085550100", ("US-HI",), {"Pacific/Honolulu"}),
        ("+12195550100", ("US-IN",), {CHICAGO, NEW_YORK}),  # the library says New York of most of its exchanges
        ("+14235550100", ("US-TN",), {CHICAGO, NEW_YORK}),  # and Chicago of most of these
        ("+12705550100", ("US-KY",), {CHICAGO, NEW_YORK}),
        ("+13645550100", ("US-KY",), {CHICAGO, NEW_YORK}),
        ("+14485550100", ("US-FL",), {CHICAGO, NEW_YORK}),
        ("+19305550100", ("US-IN",), {CHICAGO, NEW_YORK}),
        ("+18505550100", ("US-FL",), {CHICAGO, NEW_YORK}),
        ("+17295550100", ("US-TN",), {CHICAGO, NEW_YORK}),  # new: the library takes its numbers for invalid
        ("+16045550100", ("CA",), {"America/Vancouver"}),
        ("+442079460100", ("GB",), {"Europe/London"}),
        ("+447700900100", ("GB",), {"Europe/London"}),  # the library names London and three islands of one time
    ],
)
def test_every_zone_and_state_of_a_number_is_known(number: str, places: tuple[str, ...], zones: set[str]) -> None:
    found = group(number)
    assert found.places == places
    assert set(found.zones) >= zones
    assert {zone.split("/")[0] for zone in found.zones} == {zone.split("/")[0] for zone in zones}


def test_one_place_with_one_time_has_one_zone() -> None:
    assert group("+447700900100").zones == ("Europe/London",)
    assert group("+12125550100").zones == (NEW_YORK,)
    assert str(group("+12125550100")) == "US-NY New_York"


def test_an_australian_mobile_may_ring_in_every_zone_of_australia_and_a_russian_one_in_russia_s() -> None:
    australian = example("AU", phonenumbers.PhoneNumberType.MOBILE)
    russian = example("RU", phonenumbers.PhoneNumberType.MOBILE)
    kazakh = example("KZ", phonenumbers.PhoneNumberType.MOBILE)
    assert {"Australia/Sydney", "Australia/Perth", "Australia/Eucla"} <= set(group_for(australian).zones)
    assert {"Europe/Kaliningrad", "Europe/Moscow", "Asia/Vladivostok"} <= set(group_for(russian).zones)
    assert not {"Europe/Bucharest", "Asia/Almaty"} & set(group_for(russian).zones)
    assert "Asia/Almaty" in group_for(kazakh).zones
    assert "Europe/Moscow" not in group_for(kazakh).zones


def test_an_indonesian_mobile_may_ring_in_all_three_zones_though_the_library_names_jakarta_alone() -> None:
    mobile = example("ID", phonenumbers.PhoneNumberType.MOBILE)
    assert {"Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"} <= set(group_for(mobile).zones)


def test_a_caribbean_mobile_rings_in_its_own_country_and_not_in_all_of_north_america() -> None:
    jamaican = example("JM", phonenumbers.PhoneNumberType.MOBILE)
    assert group_for(jamaican).places == ("JM",)
    assert group_for(jamaican).zones == (canonical_zone("America/Jamaica"),)


def test_an_indian_number_has_the_zone_under_its_present_name() -> None:
    mobile = example("IN", phonenumbers.PhoneNumberType.MOBILE)
    assert group_for(mobile).zones == ("Asia/Kolkata",)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("+5511961234567", "BR Sao_Paulo"),
        ("+5592961234567", "BR Manaus"),
        ("+559232123456", "BR Manaus"),
        ("+556832123456", "BR Rio_Branco"),
        ("+525512345678", "MX Mexico_City"),
        ("+526641234567", "MX Tijuana"),
        ("+74232123456", "RU Asia/Vladivostok"),
        ("+34911234567", "ES Europe/Madrid"),
        ("+34928123456", "ES Atlantic/Canary"),
        ("+351296123456", "PT Atlantic/Azores"),
    ],
)
def test_a_number_that_carries_its_area_has_that_area_s_zone(number: str, text: str) -> None:
    """Mobiles of Brazil and Mexico carry theirs, too."""
    assert str(group(number)) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("+34612345678", "ES Atlantic/Canary,Europe/Madrid"),
        ("+351912345678", "PT Atlantic/Azores,Europe/Lisbon"),
        ("+64211234567", "NZ Pacific/Auckland,Pacific/Chatham"),
    ],
)
def test_a_mobile_of_a_country_with_islands_of_another_time_has_both_times(number: str, text: str) -> None:
    assert str(group(number)) == text


@pytest.mark.parametrize("number", ["+61861234567", "+61881234567", "+61889123456"])
def test_an_australian_08_number_has_the_hours_of_perth_and_adelaide_and_of_all_between(number: str) -> None:
    """The code is Darwin's as well, and Broken Hill's and Eucla's."""
    found = group(number)
    assert str(found) == "AU Australia/Adelaide,Australia/Perth"
    between = {f"Australia/{name}" for name in ("Perth", "Eucla", "Darwin", "Broken_Hill", "Adelaide")}
    for day in (datetime(2026, 1, 10, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)):
        spans = open_in(found, day)
        assert spans
        for opens, closes in spans:
            assert_within_hours(opens, closes, between)


@pytest.mark.parametrize(
    ("number", "what"),
    [
        ("+18005550100", "a toll-free number"),
        ("+18885550100", "a toll-free number"),
        ("+18335550100", "a toll-free number"),
        ("+19005550100", "a premium-rate number"),
        ("+15005550100", "a personal number"),
        ("+448001111", "a toll-free number"),
        ("+443001110100", "a company-wide number"),
        ("+611300123456", "a shared-cost number"),
        ("+611800123456", "a toll-free number"),
        ("+80012345678", "a toll-free number"),
        ("+979123456789", "a premium-rate number"),
        ("+979012345678", "belongs to no country"),  # the library takes it for invalid
        ("+881612345678", "belongs to no country"),
        ("+870773111632", "belongs to no country"),
    ],
)
def test_a_number_that_is_shared_or_belongs_nowhere_is_not_dialed(number: str, what: str) -> None:
    with pytest.raises(ValueError, match=f"^{what}"):
        group(number)


@pytest.mark.parametrize("number", ["+12115550100", "+15555550100", "+17105550100"])
def test_an_area_code_that_nobody_knows_has_the_strictest_row_in_every_zone(number: str) -> None:
    """555 is a directory's, 710 the government's: neither has a place."""
    found = group(number)
    assert found.places == ("US-?",)
    assert {"Pacific/Honolulu", "America/Puerto_Rico", "America/St_Johns"} <= set(found.zones)


def test_what_the_list_says_is_added_to_what_the_number_says() -> None:
    assert group("+12125550100", timezone="America/Denver") == Group(places=("US-NY",), zones=(DENVER, NEW_YORK))
    assert group("+12125550100", timezone="us/mountain").zones == (DENVER, NEW_YORK)
    assert group("+12125550100", state="FL") == Group(places=("US-NY", "US-FL"), zones=(CHICAGO, NEW_YORK))
    assert group("+12125550100", state="florida").places == ("US-NY", "US-FL")
    assert group("+12125550100", postal_code="33101") == group("+12125550100", state="FL")
    assert group("+12125550100", postal_code="33101-1234", state="FL") == group("+12125550100", state="FL")
    assert group("+12125550100", postal_code="73301").places == ("US-NY", "US-TX")  # Texas among Oklahoma's
    assert group("+12125550100", postal_code="2134").places == ("US-NY", "US-MA")  # a spreadsheet took its zero
    assert group("+12125550100", postal_code="06390").places == ("US-NY", "US-CT")  # either state
    assert group("+12125550100", country="US", state="NY") == group("+12125550100")


def test_a_hint_that_is_not_understood_may_be_any_state() -> None:
    for hints in ({"state": "Atlantis"}, {"postal_code": "ABC"}, {"postal_code": "00000"}, {"postal_code": "09012"}):
        found = group("+12125550100", **hints)
        assert found.places == ("US-NY", "US-?")
        assert "Pacific/Honolulu" in found.zones


def test_a_state_that_the_list_names_makes_an_unknown_area_known() -> None:
    found = group("+12115550100", state="WA")
    assert found.places == ("US-WA",)
    assert "America/Los_Angeles" in found.zones


def test_somebody_who_lives_in_another_country_has_the_hours_of_both() -> None:
    found = group("+447700900100", country="US", state="TX")
    assert found.places == ("GB", "US-TX")
    assert set(found.zones) == {"Europe/London", CHICAGO, DENVER}
    assert group("+447700900100", country="Germany").places == ("GB", "DE")
    assert group("+447700900100", country="United States").places == ("GB", "US-?")
    canadian = group("+12125550100", country="CA", postal_code="V5K 0A1")
    assert canadian.places == ("US-NY", "CA")
    assert {"America/Vancouver", NEW_YORK} <= set(canadian.zones)
    assert group("+447700900100", state="TX", postal_code="SW1A 1AA") == group("+447700900100")


@pytest.mark.parametrize(
    ("hints", "reason"),
    [
        ({"timezone": "Eastern"}, "timezone 'Eastern' is not a time zone such as America/New_York"),
        ({"timezone": "Etc/Unknown"}, "timezone 'Etc/Unknown' is not a time zone"),
        ({"timezone": "../../etc/passwd"}, "timezone '../../etc/passwd' is not a time zone"),
        ({"country": "Narnia"}, "country 'Narnia' is not a country code such as US"),
    ],
)
def test_a_hint_that_is_no_zone_or_country_is_refused_by_name(hints: dict[str, str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        group("+12125550100", **hints)


SPLIT = (  # noqa: SIM905  a line that can be read
    "208 219 236 250 270 306 308 364 367 418 423 432 448 458 474 541 574 581 605 606 620 639 672 701 709 729 775 778 "
    "785 807 812 850 867 879 906 907 928 930 931 986"
).split()


@pytest.mark.parametrize("area", SPLIT)
def test_a_split_area_code_has_all_its_zones_whatever_the_library_says_of_an_exchange(area: str) -> None:
    assert len(group(f"+1{area}5550100").zones) >= 2


def test_every_area_code_that_the_library_knows_is_in_our_table_and_in_the_same_country() -> None:
    for code in range(200, 1000):
        number = phonenumbers.parse(f"+1{code}5550100")
        country = phonenumbers.region_code_for_number(number)
        if country in {"US", "CA"} and phonenumbers.number_type(number) in {
            phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
            phonenumbers.PhoneNumberType.FIXED_LINE,
        }:
            assert place_of_area(str(code))[:2] == country, code


@pytest.mark.parametrize(
    ("code", "country", "states"),
    [
        ("10001", "US", ("US-NY",)),
        ("00501", "US", ("US-NY",)),
        ("99999", "US", ("US-AK",)),
        ("96201", "US", ()),  # a soldier's: anywhere
        ("123456", "US", ()),
        ("K1A 0B1", "CA", ("CA-ON",)),
        ("X1A 0A1", "CA", ("CA-NT", "CA-NU")),
        ("D0D 0D0", "CA", ()),
    ],
)
def test_a_postal_code_names_its_states(code: str, country: str, states: tuple[str, ...]) -> None:
    assert states_of_postal_code(code, country) == states


NEW_YORKER, TORONTONIAN, PUERTO_RICAN, JAMAICAN = "+12125550100", "+14165550100", "+17875550100", "+18765550100"
VIRGIN_ISLANDER, GUAMANIAN, SAMOAN = "+13405550100", "+16715550100", "+16845550100"


@pytest.mark.parametrize(
    ("number", "hints", "text"),
    [
        (PUERTO_RICAN, {"state": "CA"}, "PR+US-CA Los_Angeles,Puerto_Rico"),
        (PUERTO_RICAN, {"postal_code": "90001"}, "PR+US-CA Los_Angeles,Puerto_Rico"),
        (PUERTO_RICAN, {"state": "PR"}, "PR Puerto_Rico"),
        (PUERTO_RICAN, {"state": "PR", "country": "US", "postal_code": "901"}, "PR Puerto_Rico"),
        (PUERTO_RICAN, {"state": "CA", "country": "PR"}, "PR+US-CA Los_Angeles,Puerto_Rico"),
        (JAMAICAN, {"state": "CA"}, "JM+US-CA Jamaica,Los_Angeles"),
        (JAMAICAN, {"postal_code": "90001"}, "JM+US-CA Jamaica,Los_Angeles"),
        (JAMAICAN, {"state": "CA", "country": "JM"}, "JM+US-CA Jamaica,Los_Angeles"),
        (VIRGIN_ISLANDER, {"state": "CA"}, "VI+US-CA Los_Angeles,Puerto_Rico"),
        (GUAMANIAN, {"state": "CA"}, "GU+US-CA Los_Angeles,Pacific/Guam"),
        (SAMOAN, {"state": "Hawaii"}, "AS+US-HI Pacific/Honolulu,Pacific/Pago_Pago"),
        (TORONTONIAN, {"state": "FL"}, "CA+US-FL Chicago,New_York,Toronto"),
        (TORONTONIAN, {"postal_code": "90001"}, "CA+US-CA Los_Angeles,Toronto"),
        (TORONTONIAN, {"postal_code": "90001", "country": "CA"}, "CA+US-CA Los_Angeles,Toronto"),
        (TORONTONIAN, {"state": "Québec"}, "CA Halifax,Toronto"),
        (TORONTONIAN, {"state": "P.Q."}, "CA Halifax,Toronto"),
        (TORONTONIAN, {"state": "Newfoundland & Labrador"}, "CA Halifax,St_Johns,Toronto"),
        (NEW_YORKER, {"state": "ON"}, "US-NY+CA New_York,Toronto,Winnipeg"),
        (NEW_YORKER, {"postal_code": "K1A 0B1"}, "US-NY+CA New_York,Toronto,Winnipeg"),
        (NEW_YORKER, {"state": "D.C."}, "US-NY+US-DC New_York"),
        (NEW_YORKER, {"state": "FM"}, "US-NY+FM New_York,Pacific/Guadalcanal,Pacific/Kosrae,Pacific/Port_Moresby"),
    ],
)
def test_a_state_is_looked_up_in_every_country_that_has_states(number: str, hints: dict[str, str], text: str) -> None:
    assert str(group(number, **hints)) == text


@pytest.mark.parametrize(
    ("code", "name", "postal_code", "zone"),
    [
        ("GU", "Guam", "96910", GUAM),
        ("MP", "Northern Mariana Islands", "96950", GUAM),
        ("AS", "American Samoa", "96799", PAGO_PAGO),
        ("PR", "Puerto Rico", "00901", PUERTO_RICO),
        ("VI", "U.S. Virgin Islands", "00802", PUERTO_RICO),
    ],
)
def test_a_territory_has_its_own_zone_whichever_column_names_it(
    code: str, name: str, postal_code: str, zone: str
) -> None:
    """And one group, however it is named: a group is a key of the claim index."""
    expected = Group(places=("US-NY", code), zones=tuple(sorted({NEW_YORK, zone})))
    named: list[dict[str, str]] = [{"country": code}, {"state": code}, {"state": name}, {"postal_code": postal_code}]
    for hints in (*named, {"country": "US", "state": code}, {"country": code, "state": code}):
        assert group(NEW_YORKER, **hints) == expected
    abroad = group("+442079460100", country=code)
    assert (abroad.places, abroad.zones) == (("GB", code), tuple(sorted({"Europe/London", zone})))


@pytest.mark.parametrize("number", [NEW_YORKER, TORONTONIAN, PUERTO_RICAN, JAMAICAN, VIRGIN_ISLANDER, GUAMANIAN])
@pytest.mark.parametrize(
    "hints",
    [
        {"state": "Atlantis"},
        {"state": "Atlantis", "country": "US"},
        {"state": "Atlantis", "country": "PR"},
        {"state": "AE"},  # a soldier's
        {"state": "AP"},
        {"postal_code": "09012"},  # likewise
        {"postal_code": "34002"},
        {"postal_code": "96201"},
        {"postal_code": "ABC"},
        {"postal_code": "SW1A 1AA"},
        {"postal_code": "00000", "state": "CA"},
    ],
)
def test_a_hint_that_is_not_understood_may_be_any_state_or_territory(number: str, hints: dict[str, str]) -> None:
    found = group(number, **hints)
    assert "US-?" in found.places
    assert set(found.zones) >= {*ANYWHERE, *group(number).zones}


def test_a_parish_beside_its_country_is_there_and_nowhere_else() -> None:
    assert group(JAMAICAN, state="Kingston", country="JM") == group(JAMAICAN)
    assert group(NEW_YORKER, state="Bayern", country="DE") == group(NEW_YORKER, country="DE")
    assert "US-?" in group(JAMAICAN, state="Kingston").places


def test_the_outermost_clocks_leave_none_of_a_country_with_states_out() -> None:
    """Who may be called by all of these may be called by every clock in the two countries and the territories."""
    inside = {zone for country in ("US", "CA", "PR", "VI", "GU", "MP", "AS") for zone in of_country(country)}
    assert len(inside) > 40
    for opens, closes in open_in(group(NEW_YORKER, state="Atlantis")):
        assert_within_hours(opens, closes, inside)


AREAS = [code for code in range(200, 1000) if code % 100 not in {0, 11} and code % 111]
STATES = {
    "": (), "CA": (LOS_ANGELES,), "florida": (NEW_YORK, CHICAGO), "AK": ("America/Anchorage", "America/Adak"),
    "HI": (HONOLULU,), "TX": (CHICAGO, DENVER), "ON": (TORONTO, "America/Winnipeg"), "NL": ("America/St_Johns",),
    "British Columbia": ("America/Vancouver",), "PR": (PUERTO_RICO,), "VI": (PUERTO_RICO,), "GU": (GUAM,),
    "mp": (GUAM,), "AS": (PAGO_PAGO,), "Atlantis": ANYWHERE, "AE": ANYWHERE,
}  # fmt: skip
POSTAL_CODES = {
    "": (), "10001": (NEW_YORK,), "90001-1234": (LOS_ANGELES,), "99501": ("America/Anchorage", "America/Adak"),
    "96813": (HONOLULU,), "96799": (PAGO_PAGO,), "96910": (GUAM,), "96951": (GUAM,), "901": (PUERTO_RICO,),
    "00802": (PUERTO_RICO,), "A1A 1A1": ("America/St_Johns",), "V5K": ("America/Vancouver",), "96201": ANYWHERE,
    "ABC": ANYWHERE,
}  # fmt: skip
COUNTRIES = {
    "": (), "US": (), "CA": (), "JM": ("America/Jamaica",), "GB": ("Europe/London",), "PR": (PUERTO_RICO,),
    "VI": (PUERTO_RICO,), "GU": (GUAM,), "MP": (GUAM,), "AS": (PAGO_PAGO,),
}  # fmt: skip
EVERY_CLOCK = {
    "US": (NEW_YORK, CHICAGO, DENVER, LOS_ANGELES, "America/Adak", HONOLULU),
    "CA": ("America/St_Johns", TORONTO),
}
PARTS_OF_IT = {"JM", "GB"}  # what is not understood beside one of these is a part of it


@given(
    area=st.sampled_from(AREAS),
    state=st.sampled_from(sorted(STATES)),
    postal_code=st.sampled_from(sorted(POSTAL_CODES)),
    country=st.sampled_from(sorted(COUNTRIES)),
    timezone=st.sampled_from(["", NEW_YORK, HONOLULU, GUAM]),
    day=st.sampled_from(
        [datetime(2026, 1, 10, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)]
    ),
)
def test_nobody_is_called_at_night_by_the_clocks_of_anywhere_that_the_number_or_a_hint_can_mean(
    area: int, state: str, postal_code: str, country: str, timezone: str, day: datetime
) -> None:
    number = f"+1{area}5550100"
    try:
        own = group(number)
    except ValueError:
        return  # nobody's, or everybody's: not dialed
    found = group(number, state=state, postal_code=postal_code, country=country, timezone=timezone)
    meant = [STATES[state], POSTAL_CODES[postal_code]]
    possible = {zone for zones in meant if zones != ANYWHERE or country not in PARTS_OF_IT for zone in zones}
    possible |= {*own.zones, *COUNTRIES[country], *filter(None, [timezone])}
    if country != own.places[0][:2] and not any(meant):
        possible |= set(EVERY_CLOCK.get(country, ()))
    for opens, closes in open_in(found, day):
        assert_within_hours(opens, closes, possible)


def open_in(found: Group, day: datetime = datetime(2026, 1, 10, tzinfo=UTC)) -> list[tuple[datetime, datetime]]:
    """When a person tells somebody there something, in the two weeks from a day on."""
    campaign = a_campaign(purpose=Purpose.INFORMATIONAL, voice=Voice.LIVE, hours=None, any_hour_because="")
    return list(openings(campaign, str(found), day))


def assert_within_hours(opens: datetime, closes: datetime, zones: set[str]) -> None:
    for zone in zones:
        first, last = (moment.astimezone(ZoneInfo(zone)) for moment in (opens, closes))
        assert first.date() == last.date(), zone
        assert 8 <= first.hour <= (last - timedelta(seconds=1)).hour < 21, zone


def of_country(code: str) -> list[str]:
    """Every zone that the tz database has for a country."""
    lines = (Path(tzdata.__file__).parent / "zoneinfo" / "zone.tab").read_text().splitlines()
    return [line.split("\t")[2] for line in lines if line.startswith(f"{code}\t")]
