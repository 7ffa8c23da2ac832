"""Phone numbers as people write them, in E.164: only what is certain, for a number that is guessed at is somebody's."""

import re
from functools import lru_cache

import phonenumbers

_DECIMAL = re.compile(r"[.,]0$")
_FORMULA = re.compile(r'="(.*)"')  # how a spreadsheet is told to leave a number alone
_PLAIN = re.compile(r"\+?[0-9]{9,15}")
_AMERICAN = re.compile(r"\+1[0-9]{10}")
_AMERICAN_AT_HOME = re.compile(r"1?[0-9]{10}")
_REMEMBERED = 50_000


def e164(written: str, *, region: str | None = None) -> tuple[str, str]:
    """A phone number in E.164 form and its country. Raises ValueError with what is wrong with it.

    Stricter than a person would be: a number that is guessed at is somebody else's.
    """
    if _PLAIN.fullmatch(written):
        end = _free_digits(written, region)
        known = _beginning(written[:-end], end, region)
        if known:
            beginning, country = known
            return beginning + written[-end:], country
    return _parsed(written, region)


def _free_digits(written: str, region: str | None) -> int:
    """How many digits at the end of a plain number never decide about its country or its shape.

    In North America all behind the area code and the next digit; elsewhere four. A test looks at every area code, and
    at numbers of every country.
    """
    american = _AMERICAN.fullmatch(written) or (region in {"US", "CA"} and _AMERICAN_AT_HOME.fullmatch(written))
    return 6 if american else 4


@lru_cache(maxsize=_REMEMBERED)
def _beginning(written: str, free: int, region: str | None) -> tuple[str, str] | None:
    """What the beginning of a number becomes, and its country: parsing each number anew is what an import waits for."""
    end = "5" * free
    try:
        phone, country = _parsed(written + end, region)
    except ValueError:
        return None
    return (phone[:-free], country) if phone.endswith(end) else None


def _parsed(written: str, region: str | None) -> tuple[str, str]:
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
    country = phonenumbers.region_code_for_number(parsed) or phonenumbers.region_code_for_country_code(
        parsed.country_code or 0
    )
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164), country


_PARSE_ERRORS = {
    phonenumbers.NumberParseException.INVALID_COUNTRY_CODE: "no country code: write the number as +<country><number>",
    phonenumbers.NumberParseException.NOT_A_NUMBER: "not a phone number",
    phonenumbers.NumberParseException.TOO_SHORT_AFTER_IDD: "too short",
    phonenumbers.NumberParseException.TOO_SHORT_NSN: "too short",
    phonenumbers.NumberParseException.TOO_LONG: "too long",
}
