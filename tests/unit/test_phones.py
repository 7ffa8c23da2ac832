"""What is remembered of a number's beginning is what the whole number says: every area code, and every country."""

import json
from random import Random

import phonenumbers
import pytest

from dialer import phones
from dialer.calling.whereabouts import group_for
from dialer.phones import dialable, e164
from local.number_plans import TABLE, table

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
KINDS = phonenumbers.PhoneNumberType.values()


def in_full(written: str, region: str | None) -> object:
    """As the library says it of this number alone."""
    try:
        phone = e164(written, region=region)
        return phone, str(group_for(phonenumbers.parse(phone)))
    except ValueError as wrong:
        return str(wrong)


def said(written: str, region: str | None) -> object:
    try:
        return dialable(written, region=region)
    except ValueError as wrong:
        return str(wrong)


def test_the_table_of_what_decides_is_the_library_s_own_of_today() -> None:
    """After an upgrade of the library: `python -m local.number_plans` writes it anew."""
    told = json.loads(TABLE.read_text())
    assert {name: value.split() for name, value in told.items()} == {
        name: value.split() if isinstance(value, str) else value for name, value in table().items()
    }


@pytest.mark.parametrize("first", range(10))
def test_in_north_america_every_area_code_is_as_the_whole_number_says(first: int) -> None:
    """All area codes that there can be, with any exchange and end, and written in one of three ways."""
    luck = Random(first)
    for rest in range(100):
        for way in range(3):
            number = f"{first}{rest:02}{luck.randrange(10**7):07}"
            written, region = [(f"+1{number}", None), (number, "US"), (f"1{number}", "CA")][way]
            assert said(written, region) == in_full(written, region), written


@pytest.mark.parametrize("region", REGIONS)
def test_in_every_country_a_number_is_as_the_whole_number_says(region: str) -> None:
    """Around real numbers of each kind that it has: some digits kept, the others any, and too few or too many."""
    luck = Random(region)
    country = phonenumbers.country_code_for_region(region)
    for kind in KINDS:
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None:
            continue
        real = phonenumbers.national_significant_number(example)
        for kept in range(len(real)):
            rest = "".join(luck.choices("0123456789", k=len(real) - kept + luck.choice([0, 0, 0, 1, -1])))
            number = real[:kept] + rest
            for written, at in [(f"+{country}{number}", None), (luck.choice(["", "0"]) + number, region)]:
                assert said(written, at) == in_full(written, at), (written, at)


@pytest.mark.parametrize("region", ["US", "GB", "DE", "FR", "IT", "AR", "BR", "MX", "IN", "JP", "RU", None])
def test_whatever_is_written_is_as_the_whole_number_says(region: str | None) -> None:
    """Nothing but noise, and numbers with noise in them: other digits, marks that cannot be seen, too many zeros."""
    luck = Random(str(region))
    alphabet = "0123456789" * 4 + "+-. ()'=\"\u0660\u0663\uff11\u200e\u200f\u202a\u200b\u00a0xE/;#*a"
    for _ in range(400):
        noise = "".join(luck.choices(alphabet, k=luck.randrange(18)))
        number = f"+{luck.choice(['1', '44', '49', '39', '54', '91', '7', '0', ''])}{luck.randrange(10**11)}"
        place = luck.randrange(len(number))
        for written in (noise, number, number[:place] + luck.choice(alphabet) + number[place:], f"00{number[1:]}"):
            assert said(written, region) == in_full(written, region), (written, region)


def test_what_is_remembered_is_used_and_bounded() -> None:
    """Ten thousand numbers of one exchange are looked up once, and there is an end to what is kept."""
    phones._known.cache_clear()
    for line in range(1000):
        dialable(f"+1212555{line:04}")
    told = phones._known.cache_info()
    assert (told.misses, told.hits, told.maxsize) == (1, 999, 20_000)
