"""What the commands print: tables for people, JSON lines for programs; numbers only as the API gave them."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

Json = Mapping[str, Any]
COLOURS = {
    "running": "green", "done": "green", "paused": "yellow", "held": "yellow", "uncertain": "yellow",
    "stopped": "red", "failed": "red", "suppressed": "magenta",
}  # fmt: skip
_NEVER = "9999-01-01T"
"""When somebody on hold is due, to the API."""
COUNTING = (
    SpinnerColumn(),
    TextColumn("{task.description}"),
    BarColumn(),
    TextColumn("{task.completed:,.0f} rows"),
    TimeElapsedColumn(),
)
"""Of work whose end may not be known."""


class Printer:
    """One per command: it knows whether a person or a program reads."""

    def __init__(self) -> None:
        self.as_json = False
        self.console = Console(highlight=False)
        self.aside = Console(stderr=True, highlight=False)
        """For what is no result: progress, warnings."""

    def say(self, value: Json, *sentences: str) -> None:
        """One thing: its JSON, or these sentences about it."""
        if self.as_json:
            self._line(value)
            return
        for sentence in sentences:
            self.console.print(Text(sentence), soft_wrap=True)

    def note(self, sentence: str, style: str = "") -> None:
        """Beside the result. A sentence is never broken into lines here: a terminal does that, and a script reads it
        whole."""
        self.aside.print(Text(sentence, style), soft_wrap=True)

    def table(
        self, rows: Iterable[Json], columns: Sequence[str], *, empty: str, title: str = "", one_line: str = ""
    ) -> None:
        """A row each, with one column that is not broken into lines; a JSON line each for programs, with everything."""
        if self.as_json:
            for row in rows:
                self._line(row)
            return
        shown = Table(title=title or None, box=None, pad_edge=False)
        for column in columns:
            shown.add_column(column.replace("_", " "), no_wrap=column == one_line)
        for row in rows:
            shown.add_row(*(cell(row.get(column)) for column in columns))
        if shown.row_count:
            self.console.print(shown)
        else:
            self.note(empty)

    def facts(self, value: Json, names: Sequence[str], *, title: str = "") -> None:
        """One thing, a line for each of its facts that is not empty."""
        if self.as_json:
            self._line(value)
            return
        shown = Table(show_header=False, box=None, pad_edge=False, title=title or None, title_justify="left")
        for name in names:
            if value.get(name) not in (None, "", [], {}):
                shown.add_row(Text(name.replace("_", " "), "dim"), cell(value[name]))
        self.console.print(shown)

    def bar(self, *columns: ProgressColumn) -> Progress:
        """How far long work is: beside the result, for a person alone, and gone when it is over."""
        hidden = self.as_json or not self.aside.is_terminal
        return Progress(*columns, console=self.aside, transient=True, disable=hidden)

    def _line(self, value: Json) -> None:
        sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
        sys.stdout.flush()


def cell(value: Any) -> Text:
    text = _text(value)
    return Text(text, COLOURS.get(text, ""))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}" if value < 100 else f"{value:,.0f}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_text(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return moment(str(value))


def moment(text: str) -> str:
    """A moment of the API in this machine's own time, to the second; any other text as it is."""
    if text.startswith(_NEVER):
        return "when released"
    if len(text) < len("2026-01-01T00:00:00Z") or text[10] != "T":
        return text
    try:
        return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M:%S %Z}"
    except ValueError:
        return text
