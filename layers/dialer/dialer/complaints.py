"""Complaints: what is wrong with a field that somebody has filled in, in words that they can follow."""

from collections.abc import Mapping
from typing import Any

from dialer.model import Purpose

_SHAPES = {
    r"[0-9a-f]{12}": "is no id: it has 12 characters, each of 0-9 and a-f",
    r"[0-9a-f]{24}": "is no id of a contact: it has 24 characters, each of 0-9 and a-f",
    r"[A-Z]{2}": "must be a country's two capital letters, such as US or GB",
    r"\+[1-9]\d{6,14}": "must be a number in international form, such as +12125550100",
    r"([01]\d|2[0-4]):[0-5]\d": "must be a time of day in four digits, such as 09:30",
    rf"(global|campaign:[0-9a-f]{{12}}|purpose:({'|'.join(Purpose)}))": (
        f"must be `global`, `campaign:ID` or `purpose:NAME`, where NAME is one of {', '.join(Purpose)}"
    ),
    r"[A-Za-z][A-Za-z _-]*": "must begin with a letter, and have letters, spaces, - and _ alone",
    r"[a-z][a-z0-9_]{0,39}": "must begin with a small letter, and have small letters, digits and _ alone, at most 40",
    r"[A-Za-z]\w{0,39}": "must begin with a letter, and have letters, digits and _ alone, at most 40",
    r"[A-Za-z_][A-Za-z0-9_]*": "must be a column's name: letters, digits and _ alone, and no digit first",
    r"[\w -]{1,60}": "must have 1 to 60 letters, digits, spaces, - and _, and nothing else",
    r"[0-9]?": "must be one digit",
    r"[0-9*#]": "must be one key of a phone: a digit, * or #",
    r"[^\r\n]+": "must be one line",
}
"""What the forms' patterns ask for."""
IN_WORDS = {pattern: words for core, words in _SHAPES.items() for pattern in (f"^{core}$", f"^({core})?$")}
_A_MOMENT = "must be a moment with its offset, such as 2026-11-02T09:00:00-05:00"
_KINDS = dict.fromkeys(("timezone_aware", "datetime_parsing", "datetime_from_date_parsing"), _A_MOMENT)
_NOT_OURS = "Value error, "


def complaint(error: Mapping[str, Any]) -> str:
    """Of one error of a form: in the words of whoever wrote the rule, and of a pattern what it asks for."""
    pattern = str((error.get("ctx") or {}).get("pattern", ""))
    ours = IN_WORDS.get(pattern) or _KINDS.get(str(error.get("type")))
    return ours or str(error.get("msg", "is wrong")).removeprefix(_NOT_OURS)
