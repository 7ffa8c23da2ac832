"""Watching a campaign: one frame from what the API says, again and again."""

import time
from collections.abc import Callable, Iterator

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cli.client import Api, Json
from cli.errors import Unreachable
from cli.printing import Printer, cell

_OVER = {"stopped", "archived"}
_SETTLED = ("done", "failed", "suppressed", "held")


def watch(api: Api, campaign_id: str, *, every: float, printer: Printer) -> None:
    """Until nobody is left to call or the campaign is over; an API that is away for a moment is waited for."""
    if printer.as_json:
        for campaign, figures in _looks(api, campaign_id, every, lost=printer.aside.print):
            printer.say({"state": campaign["state"], "reason": campaign["reason"], **figures})
        return
    with Live(Text("…"), console=printer.console, auto_refresh=False) as live:
        for campaign, figures in _looks(api, campaign_id, every, lost=lambda why: live.update(Text(why), refresh=True)):
            live.update(frame(campaign, figures), refresh=True)


def _looks(api: Api, campaign_id: str, every: float, *, lost: Callable[[str], object]) -> Iterator[tuple[Json, Json]]:
    """The first look has to succeed: a wrong id or token is no reason to wait."""
    look = _look(api, campaign_id)
    while True:
        yield look
        campaign, figures = look
        if campaign["state"] in _OVER or not (figures["left"] or campaign["state"] == "draft"):
            return
        time.sleep(every)
        try:
            look = _look(api, campaign_id)
        except Unreachable as away:
            lost(f"{away} Trying again.")


def _look(api: Api, campaign_id: str) -> tuple[Json, Json]:
    return api.get(f"/campaigns/{campaign_id}"), api.get(f"/campaigns/{campaign_id}/stats")


def frame(campaign: Json, figures: Json) -> RenderableType:
    counts = figures["counts"]
    total = sum(counts.values())
    settled = sum(counts.get(state, 0) for state in _SETTLED)
    head = Text.assemble(campaign["name"], ": ", cell(campaign["state"]), f"  {campaign['reason']}".rstrip())
    bar = Table.grid(padding=(0, 2))
    bar.add_row(ProgressBar(total=max(1, total), completed=settled, width=40), f"{settled:,} of {total:,} settled")
    facts = Table.grid(padding=(0, 2))
    facts.add_row(Text("contacts", "dim"), cell({state: count for state, count in counts.items() if count}))
    facts.add_row(Text("outcomes", "dim"), cell(figures["outcomes"]))
    facts.add_row(Text("calls a minute", "dim"), cell(figures["calls_per_minute"]))
    facts.add_row(Text("done at", "dim"), cell(figures["done_at"] or "not to be told yet"))
    return Group(head, bar, facts)
