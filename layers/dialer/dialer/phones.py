"""Phone numbers as people write them, in E.164: only what is certain, for a number that is guessed at is somebody's."""

import json
import re
import sys
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path

import phonenumbers

from dialer.calling.group import Group
from dialer.calling.whereabouts import NO_HINTS, Hints, own_group, widened

_DECIMAL = re.compile(r"[.,]0$")
_FORMULA = re.compile(r'="(.*)"')  # how a spreadsheet is told to leave a number alone
_INTERNATIONAL = re.compile(r"\+[1-9][0-9]{6,14}")
_AT_HOME = re.compile(r"[0-9]{7,15}")
_AMERICAN = re.compile(r"1?[2-9][0-9]{9}")
_SHORTEST = len("+1212")  # of a beginning that is remembered: a country and, in America, an area
_REMEMBERED = 20_000
_TABLE = Path(__file__).parent / "calling" / "number_plans.json"


def dialable(written: str, *, region: str | None = None, hints: Hints = NO_HINTS) -> tuple[str, str]:
    """A phone number in E.164 form and its zone group: all that calling hours need to know of where it may ring.

    Raises ValueError with what is wrong with it, also for a number that is shared and for a hint that is none.
    """
    phone = _plain(written, region)
    known = _known(*_beginning(phone)) if phone else None
    if known is None or (known.wrong and phone != written):  # a 0 may yet be part of a number, where it is too short
        phone = e164(written, region=region)
        known = _found(own_group(phonenumbers.parse(phone)))
    if known.wrong:
        raise ValueError(known.wrong)
    return phone, known.text if hints is NO_HINTS else str(widened(known.group, hints))


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What all numbers of one beginning and length have in common."""

    group: Group = field(default_factory=lambda: Group(places=(), zones=()))
    text: str = ""
    wrong: str = ""


def _found(group: Group) -> _Known:
    return _Known(group=group, text=sys.intern(str(group)))


def _plain(written: str, region: str | None) -> str:
    """In E.164 form what is written with nothing but digits, where that needs no thought; else nothing."""
    if _INTERNATIONAL.fullmatch(written):
        return written
    if region is None or not _AT_HOME.fullmatch(written):
        return ""
    if region in {"US", "CA"} and _AMERICAN.fullmatch(written):
        return f"+1{written[-10:]}"
    code = _plans().trunk.get(region)
    return f"+{code}{written[1:]}" if code and written[0] == "0" != written[1] else ""


def _beginning(phone: str) -> tuple[str, int]:
    """As many digits as decide about a number of this length."""
    undecided, end, length = _plans().undecided, _SHORTEST, len(phone)
    while end < length and phone[:end] in undecided:
        end += 1
    return phone[:end], length


@lru_cache(maxsize=_REMEMBERED)
def _known(beginning: str, length: int) -> _Known | None:
    """Finding this out anew for each number is what an import would wait for. None: it must be, number by number."""
    if beginning.startswith(_plans().never):
        return None
    sample = beginning.ljust(length, "5")
    try:
        phone = e164(sample)
        return _found(own_group(phonenumbers.parse(phone))) if phone == sample else None
    except ValueError as wrong:
        return _Known(wrong=str(wrong))


@dataclass(frozen=True, kw_only=True)
class _Plans:
    """Of all numbering plans what decides: `python -m local.number_plans` reads it off the library's patterns."""

    undecided: frozenset[str]
    """Beginnings behind which some digit still decides."""
    never: tuple[str, ...]
    """Beginnings that the library may take a digit from."""
    trunk: dict[str, int]
    """The country codes of countries where a number is written with a 0 that is no part of it."""


@cache
def _plans() -> _Plans:
    told = {name: value.split() for name, value in json.loads(_TABLE.read_text()).items()}
    return _Plans(
        undecided=frozenset(f"+{one}" for one in told["undecided"]),
        never=tuple(f"+{one}" for one in told["never"]),
        trunk={region: phonenumbers.country_code_for_region(region) for region in told["trunk"]},
    )


def is_country(code: str) -> bool:
    """Whether numbers can be written as at home there: two letters, as ISO 3166 has them."""
    return code in phonenumbers.SUPPORTED_REGIONS


def e164(written: str, *, region: str | None = None) -> str:
    """A phone number in E.164 form. Raises ValueError with what is wrong with it.

    Stricter than a person would be: a number that is guessed at is somebody else's.
    """
    number = _FORMULA.sub(r"\1", written.strip()).strip().lstrip("'")
    if not number:
        raise ValueError("no phone number")
    if "E+" in number.upper():
        raise ValueError("the number was turned into scientific notation by a spreadsheet: format the column as text")
    if _DECIMAL.search(number):
        raise ValueError("the number was turned into a decimal by a spreadsheet: format the column as text")
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException as wrong:
        raise ValueError(_PARSE_ERRORS.get(wrong.error_type, "not a phone number")) from None
    if parsed.extension:
        raise ValueError("has an extension, which cannot be dialed")
    if any(character.isalpha() for character in number):
        raise ValueError("has letters in it: write digits only")
    if phonenumbers.is_possible_number_with_reason(parsed) != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise ValueError("too short or too long for its country")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


_PARSE_ERRORS = {
    phonenumbers.NumberParseException.INVALID_COUNTRY_CODE: "no country code: write the number as +<country><number>",
    phonenumbers.NumberParseException.NOT_A_NUMBER: "not a phone number",
    phonenumbers.NumberParseException.TOO_SHORT_AFTER_IDD: "too short",
    phonenumbers.NumberParseException.TOO_SHORT_NSN: "too short",
    phonenumbers.NumberParseException.TOO_LONG: "too long",
}
