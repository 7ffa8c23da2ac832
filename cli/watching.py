"""Watching a campaign: one frame from what the API says, again and again."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cli.client import Api, Json
from cli.errors import Unreachable
from cli.printing import Printer, cell, moment

_OVER = {"stopped", "archived"}
_SETTLED = ("done", "failed", "suppressed", "held")
_IN_VAIN = "Nobody who is left is called by itself: the watch ends. Release them, or change the campaign."


def watch(api: Api, campaign_id: str, *, every: float, printer: Printer) -> None:
    """Until nobody is left whom the campaign calls by itself; an API that is away for a moment is waited for."""
    first = _look(api, campaign_id)  # which has to succeed: a wrong id or token is no reason to wait
    looks = partial(_looks, api, campaign_id, every, first)
    if printer.as_json:
        for seen in looks(lost=printer.note):
            state, reason = seen["campaign"]["state"], seen["campaign"]["reason"]
            now = {name: seen[name] for name in ("why", "waiting", "lines")}
            printer.say({"state": state, "reason": reason, **now, **seen["stats"]})
        return
    with Live(frame(first), console=printer.console, auto_refresh=False) as live:
        for seen in looks(lost=lambda why: live.update(Text(why), refresh=True)):
            live.update(frame(seen), refresh=True)
    if waits_in_vain(seen):
        printer.note(_IN_VAIN)


def _looks(api: Api, campaign_id: str, every: float, first: Json, *, lost: Callable[[str], object]) -> Iterator[Json]:
    """The first one, and those after it. What the API has just seen it remembers for a moment, so that only a second
    look finds whom somebody has released meanwhile."""
    before, seen = None, first
    while True:
        yield seen
        if is_over(seen) or (before and waits_in_vain(before) and waits_in_vain(seen)):
            return
        time.sleep(every)
        try:
            before, seen = seen, _look(api, campaign_id)
        except Unreachable as away:
            lost(f"{away} Trying again.")


def _look(api: Api, campaign_id: str) -> Json:
    return api.get(f"/campaigns/{campaign_id}/live")


def is_over(seen: Json) -> bool:
    state = seen["campaign"]["state"]
    return state in _OVER or not (seen["stats"]["left"] or state == "draft")


def waits_in_vain(seen: Json) -> bool:
    """Whether everybody who is left is on hold, or can never be called as the campaign is, until a person does more."""
    told = seen["waiting"]
    everybody: int = told["due"] + told["later"] + told["on_hold"]
    is_running: bool = seen["campaign"]["state"] == "running"
    return is_running and 0 < everybody == told["in_vain"] == seen["stats"]["left"]


def frame(seen: Json) -> RenderableType:
    campaign, figures = seen["campaign"], seen["stats"]
    counts = figures["counts"]
    total = sum(counts.values())
    settled = sum(counts.get(state, 0) for state in _SETTLED)
    head = Text.assemble(campaign["name"], ": ", cell(campaign["state"]), f"  {sentence(campaign, seen['why'])}")
    bar = Table.grid(padding=(0, 2))
    bar.add_row(ProgressBar(total=max(1, total), completed=settled, width=40), f"{settled:,} of {total:,} settled")
    facts = Table.grid(padding=(0, 2))
    facts.add_row(Text("contacts", "dim"), cell({state: count for state, count in counts.items() if count}))
    facts.add_row(Text("waiting", "dim"), cell(waiting(seen)))
    facts.add_row(Text("outcomes", "dim"), cell(figures["outcomes"]))
    facts.add_row(Text("calls a minute", "dim"), cell(figures["calls_per_minute"]))
    facts.add_row(Text("done at", "dim"), cell(figures["done_at"] or "not to be told yet"))
    return Group(head, bar, facts)


def sentence(campaign: Json, why: Json) -> str:
    """What a campaign is doing and why, and until when, on the clock that decides it: as the page has it."""
    text = f"{why['text'][:1].upper()}{why['text'][1:]}"
    if why["until"]:
        word = "at" if campaign["state"] == "draft" else "until"
        text += f" {word} {_on_the_clock(why['until'], why['zone'])}"
    return f"{text.rstrip('.')}."


def _on_the_clock(text: str, zone: str) -> str:
    """Of that zone; of this machine where none is named."""
    return f"{datetime.fromisoformat(text).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} {zone}" if zone else moment(text)


def waiting(seen: Json) -> dict[str, int]:
    """Those who wait, by what for, where anybody does. Who can never be called is among the others."""
    told = seen["waiting"]
    counts = {
        "for a line": told["due"] - told["closed"],
        "outside their hours": told["closed"],
        "due later": told["later"],
        "on hold": told["on_hold"],
        "of these never": told["never"],
    }
    return {what: count for what, count in counts.items() if count > 0}
