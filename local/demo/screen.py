"""What the demo shows while it runs, and the tables at its end."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dialer.intake import ImportReport
from dialer.lifecycle import TERMINAL, State
from dialer.views import Progress
from local.demo.faults import ENOUGH, MEANINGS

_COLOURS = {State.DONE: "green", State.FAILED: "red", State.HELD: "yellow", State.UNCERTAIN: "yellow"}
_LAST = 8
Json = Mapping[str, Any]


class Screen:
    """One frame from the counts and the carrier's calls."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._past: deque[tuple[float, int]] = deque(maxlen=30)

    def frame(self, *, seconds: float, progress: Progress, calls: Sequence[Json]) -> RenderableType:
        self._past.append((seconds, len(calls)))
        settled = sum(progress.counts.get(state, 0) for state in (*TERMINAL, State.HELD))
        bar = Table.grid(padding=(0, 2))
        bar.add_row(
            ProgressBar(total=max(1, self._total), completed=settled, width=40),
            f"{settled} of {self._total} settled",
            f"{len(calls)} calls",
            f"{self._pace():.0f} calls/min",
            f"{seconds:.0f} s",
        )
        reason = f" ({progress.campaign.reason})" if progress.campaign.reason else ""
        title = f"{progress.campaign.name}: {progress.campaign.state}{reason}"
        return Panel(Group(bar, "", Columns([self._states(progress), self._last(calls)], padding=(0, 6))), title=title)

    def _pace(self) -> float:
        (then, before), (now, after) = self._past[0], self._past[-1]
        return 60 * (after - before) / (now - then) if now > then else 0.0

    def _states(self, progress: Progress) -> Table:
        table = Table("state", "contacts", title="Contacts", box=None)
        for state in State:
            table.add_row(Text(state, _COLOURS.get(state, "")), str(progress.counts.get(state, 0)))
        return table

    def _last(self, calls: Sequence[Json]) -> Table:
        table = Table("to", "status", "answered by", title="Last outcomes", box=None)
        over = [call for call in calls if call["ended"]]
        for call in sorted(over, key=lambda call: float(call["ended"]))[-_LAST:]:
            table.add_row(masked(str(call["to"])), str(call["status"]), str(call["answered_by"] or ""))
        return table


def masked(phone: str) -> str:
    """A phone number as it may be shown: its last four digits."""
    return f"…{phone[-4:]}"


def import_table(report: ImportReport) -> RenderableType:
    table = Table("rows", "added", "already known", "repeated", "rejected", title="The list")
    table.add_row(*map(str, (report.rows, report.added, report.known, report.repeated, report.rejected)))
    rejects = [f"  line {reject.line}: {reject.reason}" for reject in report.rejects[:20]]
    more = [f"  and {len(report.rejects) - 20} more"] if len(report.rejects) > 20 else []
    return Group(table, *rejects, *more)


def result_table(progress: Progress, verdict: Json) -> Table:
    table = Table("what", "count", title="The end")
    for state in State:
        if progress.counts.get(state):
            table.add_row(f"contacts {state}", str(progress.counts[state]))
    table.add_row("requests at the carrier", str(verdict["summary"]["requests"]))
    table.add_row("calls at the carrier", str(verdict["summary"]["calls"]))
    return table


def held_table(verdict: Json) -> RenderableType:
    """Whom a person must decide about: the carrier could not say whether they were called."""
    held = verdict["held"]
    if not held:
        return Text("")
    table = Table("to", "calls", "reason", title=f"Held for a person: {len(held)}")
    for row in held[:20]:
        table.add_row(masked(row["phone"]), str(row["calls"]), row["reason"])
    return Group(table, f"  and {len(held) - 20} more") if len(held) > 20 else table


def strikes_table(counts: Mapping[str, int]) -> Table:
    table = Table("fault", "struck", "what it is", title=f"Faults (each must strike {ENOUGH} times)")
    for kind, count in counts.items():
        table.add_row(kind, Text(str(count), "" if count >= ENOUGH else "red"), MEANINGS[kind])
    return table


def verdict_line(verdict: Json, *, missing: int) -> Text:
    """With the accepted rows of which there is no contact among the lost; a refused row was never to be called."""
    counts = verdict["summary"]
    lost, stuck = counts["lost"] + missing, counts["stuck"]
    line = (
        f"{verdict['duplicates']} duplicates, {lost} lost, {stuck} stuck, {counts['wrong_count']} with a wrong count, "
        f"{counts['unasked']} unasked, {counts['held']} held for a person"
    )
    return Text(line, "bold green" if verdict["ok"] and not missing else "bold red")
