"""What is remembered of a number's beginning is what the whole number says: every area code, and every country."""

from collections.abc import Callable
from random import Random

import phonenumbers
import pytest

from dialer.phones import _parsed, e164

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


@pytest.mark.parametrize("first", range(10))
def test_behind_an_area_code_and_one_digit_nothing_decides_any_more(first: int) -> None:
    """All beginnings that there can be in North America, each with another end, and written in one of three ways."""
    luck = Random(first)
    for rest in range(1000):
        number = f"{first}{rest:03}{luck.randrange(10**6):06}"
        ways = [(f"+1{number}", None), (number, "US"), (f"1{number}", "CA")]
        written, region = ways[rest % 3]
        assert said(e164, written, region) == said(_parsed, written, region), written


@pytest.mark.parametrize("region", REGIONS)
def test_in_every_country_the_last_four_digits_never_decide(region: str) -> None:
    """Around real numbers of each kind that the country has, and some that are none."""
    luck = Random(region)
    country = phonenumbers.country_code_for_region(region)
    for kind in phonenumbers.PhoneNumberType.values():
        example = phonenumbers.example_number_for_type(region, kind)
        national = str(example.national_number) if example else str(luck.randrange(10**8, 10**9))
        for way in range(3):
            number = national[:-4] + f"{luck.randrange(10_000):04}"
            written, at = ((f"+{country}{number}", None), (number, region), (f"0{number}", region))[way]
            assert said(e164, written, at) == said(_parsed, written, at), (written, at)


def said(parse: Callable[..., object], written: str, region: str | None) -> object:
    try:
        return parse(written, region=region) if parse is e164 else parse(written, region)
    except ValueError as wrong:
        return str(wrong)
