"""`dialer suppress`: who must not be called. Lists are plain CSV, one phone (or exported hash) a line."""

import csv
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer
from rich.progress import Progress

from cli.client import Json
from cli.errors import Misused, Refused
from cli.session import AsJson, Sure, api, confirm, printer

if TYPE_CHECKING:
    import _csv

app = typer.Typer(no_args_is_help=True, help="Say who must not be called, and who may be again.")
Phone = Annotated[str, typer.Argument(help="In international form, such as +12125550100.")]
Scope = Annotated[str, typer.Option(help="`global`, `campaign:ID` or `purpose:NAME`.")]
_PART = 1000
_SCOPE = ("scope", "source", "reason", "at")
_FIRST = ("phone", "phone_number", "number", "hash")
_BAD = re.compile(r"^phone (\d+): ?(.*)$", re.DOTALL)
Reason = Annotated[str, typer.Option("--reason", "-m", help="Why.")]
Row = tuple[int, str]  # the line, and the phone on it


@app.command()
def add(phone: Phone, reason: Reason = "asked for it", scope: Scope = "global", as_json: AsJson = False) -> None:
    """Suppress a phone; done when no request to it can leave any more."""
    done = api().post("/suppressions", {"phone": phone, "scope": scope, "reason": reason})
    printer.say(done, "Suppressed." if done["new"] else "It was suppressed already.")


@app.command()
def remove(phone: Phone, reason: Reason, scope: Scope = "global", as_json: AsJson = False) -> None:
    """Let a phone be called again, in one scope."""
    done = api().post("/suppressions/remove", {"phone": phone, "scope": scope, "reason": reason})
    printer.say(done, "It may be called again in this scope.")


@app.command()
def find(phone: Phone, as_json: AsJson = False) -> None:
    """Ask whether a phone is suppressed, and why."""
    found = api().post("/suppressions/find", {"phone": phone})
    if printer.as_json:
        printer.say(found)
    else:
        printer.table(found["scopes"], _SCOPE, empty="It is not suppressed.")


@app.command()
def erase(phone: Phone, sure: Sure = False, as_json: AsJson = False) -> None:
    """Forget a person in every campaign; that they must not be called is kept, as a hash."""
    confirm("What is known of this phone is removed for good. Go on?", sure=sure)
    done = api().post("/erase", {"phone": phone})
    waiting = [f"Ask again later: {len(done['waiting'])} may be ringing or are held."] if done["waiting"] else []
    printer.say(done, f"{done['erased']} contacts erased.", *waiting)


@app.command(name="import")
def bring(
    file: Annotated[
        Path, typer.Argument(help="CSV: the first column is a phone or an exported hash; a header is optional.")
    ],
    reason: Reason = "imported",
    scope: Scope = "global",
    as_json: AsJson = False,
) -> None:
    """Suppress every phone in a file. Doing it twice is harmless; lines that hold no phone are named."""
    with _opened(file) as stream, Progress(console=printer.aside, transient=True, disable=printer.as_json) as bar:
        task = bar.add_task(file.name, total=file.stat().st_size)
        rows, new = 0, 0
        rejects: list[Json] = []
        source = _rows(stream)
        while part := list(islice(source, _PART)):
            added, refused = _send(part, {"scope": scope, "reason": reason, "source": "import"})
            rows, new, rejects = rows + len(part), new + added, [*rejects, *refused]
            bar.update(task, completed=stream.buffer.tell())
    report = {"rows": rows, "new": new, "known": rows - new - len(rejects), "rejects": rejects}
    told = [f"  line {one['line']}: {one['reason']}" for one in rejects[:20]]
    more = [f"  and {len(rejects) - 20} more (--json names all)"] if len(rejects) > 20 else []
    sums = f"{rows} rows: {new} new, {report['known']} known, {len(rejects)} rejected."
    printer.say(report, sums, *told, *more)
    if rejects:
        raise Refused("Some lines hold no phone; all others are suppressed.")


@app.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to; standard output where not given.")] = None,
) -> None:
    """Write all suppressions as CSV. Phones are kept as hashes only; `import` takes them back."""
    with file.open("w", newline="") if file else nullcontext(sys.stdout) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("hash", *_SCOPE))
        for found in api().every("/suppressions"):
            writer.writerows([found["hash"], *(one[name] or "" for name in _SCOPE)] for one in found["scopes"])


def _send(part: Sequence[Row], wish: dict[str, str]) -> tuple[int, list[Json]]:
    """A part is taken whole or not at all, and the answer names its first bad phone: without it, again."""
    left = list(part)
    rejects: list[Json] = []
    while left:
        try:
            return api().post("/suppressions/import", {**wish, "phones": [phone for _, phone in left]})["new"], rejects
        except Refused as refused:
            bad = _BAD.match(str(refused))
            if bad is None:
                raise
            line, _ = left.pop(int(bad[1]))
            rejects.append({"line": line, "reason": bad[2]})
    return 0, rejects


def _opened(file: Path) -> TextIO:
    try:
        return file.open(encoding="utf-8-sig", newline="")
    except OSError as cause:
        raise Misused(f"{file} cannot be read: {cause.strerror}.") from None


def _rows(stream: TextIO) -> Iterator[Row]:
    reader = csv.reader(stream)
    try:
        yield from _phones(reader)
    except (UnicodeDecodeError, csv.Error):
        raise Misused(f"Line {reader.line_num + 1} is not CSV in UTF-8: the lines before it are suppressed.") from None


def _phones(reader: "_csv.Reader") -> Iterator[Row]:
    for cells in reader:
        phone = cells[0].strip() if cells else ""
        if phone and not (reader.line_num == 1 and phone.lower() in _FIRST):
            yield reader.line_num, phone
