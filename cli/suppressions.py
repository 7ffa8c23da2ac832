"""`dialer suppress`: who must not be called. Lists are plain CSV, one phone (or exported hash) a line."""

import csv
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.progress import Progress

from cli import printing, suppression_file
from cli.client import Json
from cli.errors import Misused, Refused
from cli.session import AsJson, Sure, api, because, confirm, printer
from cli.suppression_file import Row

app = typer.Typer(no_args_is_help=True, help="Say who must not be called, and who may be again.")
Phone = Annotated[
    str, typer.Argument(metavar="PHONE", help="Such as +12125550100; with --region also as it is written there.")
]
Region = Annotated[str, typer.Option(help="Country of numbers written without one, such as US.")]
Scope = Annotated[str, typer.Option(help="`global`, `campaign:ID` or `purpose:NAME`.")]
_SHOWN = 20
_BAD = re.compile(r"^phone (\d+): ?(.*)$", re.DOTALL)
Reason = Annotated[str, typer.Option("--reason", "-m", help="Why.")]


@app.command()
def add(
    phone: Phone, reason: Reason = "asked for it", scope: Scope = "global", region: Region = "", as_json: AsJson = False
) -> None:
    """Suppress a phone; done when no request to it can leave any more."""
    done = api().post("/suppressions", {"phone": phone, "region": region, "scope": scope, "reason": reason})
    printer.say(done, "Suppressed." if done["new"] else "It was suppressed already.")


@app.command()
def remove(phone: Phone, reason: Reason, scope: Scope = "global", region: Region = "", as_json: AsJson = False) -> None:
    """Let a phone be called again, in one scope."""
    wish = {"phone": phone, "region": region, "scope": scope, "reason": reason}
    done = api().post("/suppressions/remove", wish)
    printer.say(done, "It may be called again in this scope.")


@app.command()
def find(phone: Phone, region: Region = "", as_json: AsJson = False) -> None:
    """Ask whether a phone is suppressed, and why."""
    found = api().post("/suppressions/find", {"phone": phone, "region": region})
    if printer.as_json:
        printer.say(found)
    else:
        printer.table(found["scopes"], suppression_file.TOLD, empty="It is not suppressed.")
        printer.note(f"`dialer audit --about {found['hash']}` says who has changed this.")


@app.command()
def erase(
    phone: Phone,
    reason: Annotated[str, typer.Option("--reason", "-m", help="Why; kept in the audit log alone.")] = "",
    region: Region = "",
    sure: Sure = False,
    as_json: AsJson = False,
) -> None:
    """Forget a person in every campaign, with the files of these campaigns; that they must not be called is kept, as a
    hash."""
    confirm("What is known of this phone is removed for good, and its campaigns' files. Go on?", sure=sure)
    done = api().post("/erase", {"phone": phone, "region": region, **because(reason)})
    waiting, files = len(done["waiting"]), len(done["open_files"])
    printer.say(
        done,
        f"{done['erased']} contacts and {done['files']} files erased.",
        *([f"Ask again later: {files} files are still being read or written."] if files else []),
        *(
            [f"Ask again later: {waiting} contacts may be ringing, are held, or wait for such a file."]
            if waiting
            else []
        ),
    )


@app.command(name="import")
def bring(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV: the first column is a phone or an exported hash. A header is optional; it may name scope, "
            "source, reason and at, as an export does."
        ),
    ],
    reason: Annotated[str, typer.Option("--reason", "-m", help="Why, for rows that say none.")] = "imported",
    scope: Annotated[
        str, typer.Option(help="`global`, `campaign:ID` or `purpose:NAME`, for rows that say none.")
    ] = "global",
    region: Region = "",
    as_json: AsJson = False,
) -> None:
    """Suppress every phone in a file. Doing it twice is harmless; lines that cannot be taken are named."""
    broken: Misused | None = None
    with suppression_file.opened(file) as stream, printer.bar() as bar:
        task = bar.add_task(file.name, total=suppression_file.size(stream))
        wish = {"region": region, "scope": scope, "reason": reason, "source": "import"}
        rows, new = 0, 0
        rejects: list[Json] = []
        left_out: list[Json] = []
        try:
            for part in suppression_file.parts(stream):
                added, refused = _send(part, wish, begins=rows == 0)
                rows, new, rejects = rows + len(part), new + added, [*rejects, *refused]
                left_out += [{"line": row.line, "columns": list(row.left_out)} for row in part if row.left_out]
                bar.update(task, completed=suppression_file.place(stream))
        except Misused as cause:
            broken = cause
    report = {"rows": rows, "new": new, "known": rows - new - len(rejects), "rejects": rejects, "left_out": left_out}
    sums = f"{rows} rows: {new} new, {report['known']} known, {len(rejects)} rejected."
    printer.say(report, sums, *_told(rejects), *_told_left_out(left_out))
    if broken:
        raise broken
    if rejects:
        raise Refused("Some lines are not taken; all others are suppressed.")


@app.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to; standard output where not given.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write all suppressions as CSV. Phones are kept as hashes only; `import` takes them back.

    With --json and no file they are JSON lines.
    """
    if file is None and printer.as_json:
        for found in api().every("/suppressions"):
            printer.say(found)
        return
    with file.open("w", newline="") if file else nullcontext(sys.stdout) as stream, _count(stream) as bar:
        rows = _write(stream, on_rows=lambda rows: bar.update(bar.task_ids[0], completed=rows))
    if file:
        printer.say({"rows": rows, "file": str(file)}, f"{rows:,} rows in {file}.")


def _write(stream: TextIO, *, on_rows: Callable[[int], object]) -> int:
    writer, rows = csv.writer(stream, lineterminator="\n"), 0
    writer.writerow(("hash", *suppression_file.TOLD))
    for found in api().every("/suppressions"):
        writer.writerows(
            [found["hash"], *(one[name] or "" for name in suppression_file.TOLD)] for one in found["scopes"]
        )
        rows += len(found["scopes"])
        on_rows(rows)
    return rows


def _count(stream: TextIO) -> Progress:
    """How many there are nobody has counted. What is written to a screen shows itself how far it is."""
    bar = printer.bar(*printing.COUNTING)
    bar.disable = bar.disable or stream.isatty()
    bar.add_task("suppressions", total=None)
    return bar


def _send(part: Sequence[Row], wish: dict[str, str], *, begins: bool) -> tuple[int, list[Json]]:
    """A part is taken whole or not at all, and the answer names its first bad row: without it, again.

    Raises Misused where nothing at the file's beginning can be taken.
    """
    left = [row for row in part if not row.bad]
    rejects = [(row.line, row.bad) for row in part if row.bad]
    new = 0
    while left or rejects:
        if begins:
            suppression_file.demand_hope(part, rejects)
        if not left:
            break
        try:
            new = api().post("/suppressions/import", {**wish, "rows": [row.said for row in left]})["new"]
            break
        except Refused as refused:
            bad = _BAD.match(str(refused))
            if bad is None:
                raise
            rejects.append((left.pop(int(bad[1])).line, bad[2]))
    return new, [{"line": line, "reason": reason} for line, reason in sorted(rejects)]


def _told(rejects: Sequence[Json]) -> list[str]:
    more = [f"  and {len(rejects) - _SHOWN} more (--json names all)"] if len(rejects) > _SHOWN else []
    homeless = any(suppression_file.NO_COUNTRY in one["reason"] for one in rejects)
    advice = [suppression_file.GIVE_REGION] if homeless else []
    return [*(f"  line {one['line']}: {one['reason']}" for one in rejects[:_SHOWN]), *more, *advice]


def _told_left_out(left_out: Sequence[Json]) -> list[str]:
    """Whoever is named there is suppressed all the same."""
    if not left_out:
        return []
    columns = ", ".join(sorted({name for one in left_out for name in one["columns"]}))
    return [f"{len(left_out)} rows are suppressed without their own {columns}, which cannot be kept (--json: which)."]
