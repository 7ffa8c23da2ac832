"""Where a number may ring: every trap of the numbering plans, and what a list's own columns add."""

import phonenumbers
import pytest

from dialer.calling.group import Group
from dialer.calling.places import canonical_zone, place_of_area, states_of_postal_code
from dialer.calling.whereabouts import Hints, group_for

CHICAGO, NEW_YORK, DENVER = "America/Chicago", "America/New_York", "America/Denver"


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


def test_a_brazilian_mobile_carries_its_area() -> None:
    mobile = phonenumbers.parse("+5511961234567")
    assert group_for(mobile).zones == ("America/Sao_Paulo",)


@pytest.mark.parametrize(
    ("number", "what"),
    [
        ("+18005550100", "a toll-free number"),
        ("+18885550100", "a toll-free number"),
        ("+19005550100", "a premium-rate number"),
        ("+15005550100", "a personal number"),
        ("+448001111", "a toll-free number"),
        ("+443001110100", "a company-wide number"),
        ("+80012345678", "a toll-free number"),
        ("+870773111632", "belongs to no country"),
    ],
)
def test_a_number_that_is_shared_or_belongs_nowhere_is_not_dialed(number: str, what: str) -> None:
    with pytest.raises(ValueError, match=f"^{what}"):
        group(number)


def test_an_area_code_that_nobody_knows_has_the_strictest_row_in_every_zone() -> None:
    found = group("+12115550100")
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
