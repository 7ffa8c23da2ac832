"""What a spreadsheet would do with a cell: a text that it would run as a formula is marked, so that it stays a text."""

import re

_FORMULA = re.compile(r"\s*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|[\t\r\n]")
_ONLY_FIGURES = re.compile(r"[+\-]?[0-9][0-9 ().,/:\-]*")


def harmless(cell: object) -> object:
    """The cell, with an apostrophe before what a spreadsheet would run. Numbers and phones stay as they are."""
    if isinstance(cell, str) and _FORMULA.match(cell) and not _ONLY_FIGURES.fullmatch(cell):
        return f"'{cell}"
    return cell
