"""The names of columns that say where somebody is, and what is told of a zone group's source."""

import subprocess
import sys
from dataclasses import fields
from itertools import product

import phonenumbers
import pytest

from dialer.calling import hinted
from dialer.calling.hinted import hint_named, zone_source
from dialer.calling.whereabouts import Hints, group_for

NUMBERS = ("+12125550100", "+12685551234", "+18765551234", "+442079460999", "+4930123456", "+61412345678")
CELLS = {
    "timezone": ("", "Asia/Tokyo"),
    "postal_code": ("", "33101", "SW1A 1AA"),
    "state": ("", "FL", "Bavaria", "nowhere"),
    "country": ("", "US", "DE", "JM"),
}


@pytest.mark.parametrize(
    ("region", "variables", "source"),
    [
        ("US-NY New_York", {}, "number"),
        ("US-NY New_York", {"name": "Ada", "state": ""}, "number"),
        ("US-FL+US-NY New_York", {"State": "FL", "ZIP": "33101"}, "number, postal_code, state"),
        ("US-?+US-NY New_York", {"state": "nowhere"}, "number, state"),
        ("US-NY New_York", {"time-zone": "UTC", "country": "US"}, "number, timezone, country"),
        ("GB Europe/London", {"state": "Kent", "postal_code": "TN1"}, "number"),
        ("GB+US-FL New_York", {"state": "FL", "country": "US"}, "number, state, country"),
        ("DE Europe/Berlin", {"country": "no such"}, "number"),
        ("US", {"state": "FL"}, "number"),
        ("", {"state": "FL"}, ""),
    ],
)
def test_what_a_zone_group_was_made_from_is_the_number_and_the_hints_that_were_read(
    region: str, variables: dict[str, str], source: str
) -> None:
    assert zone_source(region, variables) == source


@pytest.mark.parametrize("number", NUMBERS)
def test_a_hint_that_is_not_named_made_nothing_of_the_group(number: str) -> None:
    phone = phonenumbers.parse(number)
    for cells in product(*CELLS.values()):
        said = dict(zip(CELLS, cells, strict=True))
        region = str(group_for(phone, Hints(**said)))
        named = zone_source(region, said).split(", ")
        assert region == str(group_for(phone, Hints(**{hint: cell for hint, cell in said.items() if hint in named})))


def test_every_hint_has_a_column() -> None:
    assert {field.name for field in fields(Hints)} == {hint_named(name) for name in hinted._IN_ORDER}


def test_states_are_read_where_the_numbering_plan_is_north_america_s() -> None:
    assert set(phonenumbers.region_codes_for_country_code(1)) == hinted._NORTH_AMERICA


def test_a_dial_loads_no_numbering_plans() -> None:
    """A function that only dials would start a good deal later for them."""
    loaded = "import sys, dialer.dial; print('phonenumbers' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", loaded], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == "False"
