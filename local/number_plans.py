"""How much of a phone number decides what the dialer asks of it, as a table: `python -m local.number_plans` writes it.

Whether a number is one, where it rings, and whether it is shared, the phone library finds out by patterns, and that is
what an import would wait for. But behind its first digits no pattern looks at a number any more, save at its length.
This reads the patterns and names the beginnings behind which some digit still decides. What is known of one number
holds for every other one of its length and beginning: `phones.py` remembers by these, and a test compares.
"""

import json
import re._constants as kinds  # type: ignore[import-not-found]
import re._parser as patterns  # type: ignore[import-not-found]
from collections import defaultdict
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import phonenumbers
from phonenumbers import PhoneMetadata
from phonenumbers.tzdata import TIMEZONE_DATA

TABLE = Path(__file__).parents[1] / "layers/dialer/dialer/calling/number_plans.json"
_DIGITS = frozenset("0123456789")
_KINDS = (
    "general_desc", "fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number", "voip",
    "pager", "uan", "voicemail",
)  # fmt: skip
_LOOKED_AT_BY_US = 3  # our own tables go by the area code
Places = tuple[frozenset[str], ...]
"""For each digit of a number those that a pattern allows there."""


def table() -> dict[str, Any]:
    """`undecided` and `never` are beginnings with their country code; `trunk` are countries."""
    undecided: list[str] = []
    never: list[str] = []
    for code, regions in sorted(_regions().items()):
        trunk = {_decisive(form) for form in _plain_forms(_main(code).national_prefix_for_parsing)}
        looked_at = {_decisive(form) for region in regions for form in _forms(region)} | trunk | set(_zones(code))
        if code == 1:
            looked_at.add((_DIGITS,) * _LOOKED_AT_BY_US)
        undecided += [f"{code}{beginning}" for beginning in _undecided(looked_at)]
        never += [f"{code}{beginning}" for form in trunk for beginning in _written(form)]
    return {
        "source": f"the Python package phonenumbers {version('phonenumbers')}",
        "trunk": [region for region in sorted(phonenumbers.SUPPORTED_REGIONS) if _has_a_plain_trunk_zero(region)],
        "never": sorted(
            {*never, "10"}
        ),  # a zero behind +1 is no area code, and our own tables would see the next three
        "undecided": sorted(undecided),
    }


def _regions() -> dict[int, list[PhoneMetadata]]:
    found: dict[int, list[PhoneMetadata]] = defaultdict(list)
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        known = _metadata(region)
        found[known.country_code].append(known)
    return found


def _metadata(region: str) -> Any:
    return PhoneMetadata.metadata_for_region(region, None)


def _main(code: int) -> Any:
    """Whose rules hold for a number that is written with this country code."""
    return _metadata(phonenumbers.region_code_for_country_code(code))


def _forms(region: Any) -> Iterator[Places]:
    for kind in _KINDS:
        yield from _plain_forms(getattr(getattr(region, kind), "national_number_pattern", None))
    yield from _plain_forms(region.leading_digits)


def _zones(code: int) -> Iterator[Places]:
    for beginning in TIMEZONE_DATA:
        if beginning.startswith(str(code)) and beginning != str(code):
            yield tuple(frozenset(digit) for digit in beginning.removeprefix(str(code)))


def _has_a_plain_trunk_zero(region: str) -> bool:
    """0 and then a number that does not begin with 0: the library takes that 0 away, whatever follows."""
    known = _metadata(region)
    before = [form for form in _plain_forms(known.national_prefix_for_parsing) if form and "0" in form[0]]
    if before != [(frozenset("0"),)] or known.national_prefix_transform_rule:
        return False
    abroad = _plain_forms(known.international_prefix)
    own = _plain_forms(known.general_desc.national_number_pattern)
    looks_like_abroad = any("0" in form[0] and (len(form) == 1 or form[1] != frozenset("0")) for form in abroad)
    return not looks_like_abroad and not any("0" in form[0] for form in own)


def _decisive(form: Places) -> Places:
    """Without the digits at its end that may be any."""
    end = len(form)
    while end and form[end - 1] == _DIGITS:
        end -= 1
    return form[:end]


def _undecided(forms: Iterable[Places]) -> Iterator[str]:
    waiting = [("", [form for form in forms if form])]
    while waiting:
        beginning, live = waiting.pop()
        if live:
            yield beginning
            place = len(beginning)
            waiting += [
                (beginning + digit, [form for form in live if len(form) > place + 1 and digit in form[place]])
                for digit in sorted(_DIGITS)
            ]


def _written(form: Places) -> Iterator[str]:
    """Each beginning that a trunk prefix may be."""
    beginnings = [""]
    for place in form:
        beginnings = [beginning + digit for beginning in beginnings for digit in sorted(place)]
    yield from filter(None, beginnings)


def _plain_forms(pattern: str | None) -> set[Places]:
    """Everything that a pattern matches, as digits that may be in each place."""
    return set(_read(patterns.parse(pattern))) if pattern and pattern != "NA" else set()


def _read(parts: Any) -> list[Places]:
    forms: list[Places] = [()]
    for kind, what in parts:
        forms = list(dict.fromkeys(form + more for form in forms for more in _one(kind, what)))
    return forms


def _one(kind: Any, what: Any) -> list[Places]:
    if kind is kinds.LITERAL:
        return [(frozenset(chr(what)),)]
    if kind is kinds.IN:
        return [(frozenset(digit for one in what for digit in _digits(*one)),)]
    if kind is kinds.SUBPATTERN:
        return _read(what[3])
    if kind is kinds.BRANCH:
        return list(dict.fromkeys(form for branch in what[1] for form in _read(branch)))
    if kind is kinds.AT:
        return [()]  # an end that must be here: less is looked at, never more
    if kind is kinds.MAX_REPEAT:
        return _repeated(*what)
    raise TypeError(f"a pattern has something new in it: {kind}")


def _repeated(least: int, most: int, part: Any) -> list[Places]:
    forms: list[Places] = []
    once = _read(part)
    so_far: list[Places] = [()]
    for count in range(most + 1):
        if count >= least:
            forms += so_far
        so_far = list(dict.fromkeys(form + more for form in so_far for more in once))
    return list(dict.fromkeys(forms))


def _digits(kind: Any, what: Any) -> frozenset[str]:
    if kind is kinds.LITERAL:
        return frozenset(chr(what))
    if kind is kinds.RANGE:
        return frozenset(map(chr, range(what[0], what[1] + 1)))
    if kind is kinds.CATEGORY and what is kinds.CATEGORY_DIGIT:
        return _DIGITS
    raise TypeError(f"a pattern has something new in it: {kind}")


def main() -> None:
    new = {name: " ".join(value) if isinstance(value, list) else value for name, value in table().items()}
    TABLE.write_text(json.dumps(new, indent=1) + "\n")


if __name__ == "__main__":
    main()
