"""Run the demo: import, start, watch, judge. Exit code 1 on any duplicate, loss, stuck contact or missing fault."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live

from dialer import wiring
from dialer.campaign_form import checked
from dialer.errors import BadInput
from dialer.intake import ImportReport
from dialer.views import Progress
from local import operator
from local.carrier.control import Carrier
from local.demo import faults, screen
from local.demo.pace import BOUNDS, MIX, SEED, TIME_SCALE
from local.environments import Refused
from local.world import Wish, World

HERE = Path(__file__).parent
STALLED_S = 90  # without any change: longer than every bound of the demo

app = typer.Typer()
Json = dict[str, Any]


@app.command()
def demo(
    contacts: Annotated[Path, typer.Option("--list", help="CSV with a `phone` column.")] = HERE / "contacts.csv",
    with_faults: Annotated[bool, typer.Option("--faults", help="Lose replies, lose webhooks, kill functions.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the world and its page up until Ctrl-C.")] = False,
) -> None:
    """Dial a list through the whole local world, and judge what the carrier saw."""
    if not contacts.is_file():
        raise Refused(f"There is no list at {contacts}.")
    console = Console()
    wish = Wish(parameters=BOUNDS, time_scale=TIME_SCALE, calls_per_second=0, carrier_seed=SEED)
    with World(wish, say=lambda step: console.print(f"{step} …", style="dim")) as world:
        operator.enter(world.describe())
        _show_the_page(world, console)
        good = _play(world, console, contacts, with_faults=with_faults)
        if keep:
            _wait(world, console)
    raise typer.Exit(0 if good else 1)


def _show_the_page(world: World, console: Console) -> None:
    """On lines of their own, to be copied whole."""
    for told in (f"The page: {world.page_url}", f"Its token: {world.operator_token}"):
        console.print(told, soft_wrap=True, highlight=False, markup=False)


def _wait(world: World, console: Console) -> None:
    console.print("The world stays up until Ctrl-C.")
    _show_the_page(world, console)
    with suppress(KeyboardInterrupt):
        while True:
            time.sleep(1)


def _play(world: World, console: Console, contacts: Path, *, with_faults: bool) -> bool:
    carrier = Carrier(world.carrier_url)
    carrier.set_fates(mix=MIX, seed=SEED)
    if with_faults:
        carrier.set_faults(faults.REQUESTS, faults.CALLBACKS)
    campaign_id, report = _prepare(console, contacts)
    hunting = faults.Killer(lambda: world.worker_pids("CallFunction")) if with_faults else nullcontext()
    with hunting as killer:
        wiring.campaign_office().ask(campaign_id, "start")
        progress = _watch(console, carrier, campaign_id)
    carrier.wait_idle()
    return _judge(console, carrier, progress, report, killer)


def _prepare(console: Console, contacts: Path) -> tuple[str, ImportReport]:
    form = json.loads((HERE / "campaign.json").read_text())
    try:
        campaign = wiring.campaign_office().create(**checked(form))
        with contacts.open("rb") as stream:
            report = wiring.intake()(campaign.id, stream, region="US")
    except BadInput as wrong:
        raise Refused(str(wrong)) from None
    console.print(screen.import_table(report))
    if not report.added:
        raise Refused("The list has nobody to call: see the reasons above.")
    return campaign.id, report


def _watch(console: Console, carrier: Carrier, campaign_id: str) -> Progress:
    """Until everybody is settled or held, or nothing has moved for too long."""
    began = changed = time.monotonic()
    progress = wiring.views().progress(campaign_id)
    view = screen.Screen(sum(progress.counts.values()))
    with _live(console) as live:
        while not progress.completed and time.monotonic() - changed < STALLED_S:
            live.update(view.frame(seconds=time.monotonic() - began, progress=progress, calls=carrier.calls()))
            time.sleep(0.5)
            before, progress = progress.counts, wiring.views().progress(campaign_id)
            changed = time.monotonic() if progress.counts != before else changed
        live.update(view.frame(seconds=time.monotonic() - began, progress=progress, calls=carrier.calls()))
    return progress


@contextmanager
def _live(console: Console) -> Iterator[Live]:
    """Redrawn in place on a terminal; elsewhere only the last frame is printed."""
    with Live(console=console, auto_refresh=False, transient=False) as live:
        draw = live.update
        live.update = lambda frame, **_: draw(frame, refresh=console.is_terminal)  # type: ignore[method-assign]
        yield live


def _judge(
    console: Console, carrier: Carrier, progress: Progress, report: ImportReport, killer: faults.Killer | None
) -> bool:
    rows = [operator.row(contact) for contact in operator.everyone(progress.campaign.id)]
    retry = progress.campaign.retry
    policy = {
        "max_attempts": retry.max_attempts,
        "retry_on": [str(outcome) for outcome in retry.delays],
        "doubt": str(progress.campaign.doubt),
    }
    verdict = carrier.verdict([_for_judge(row) for row in rows], policy)
    missing = lost_rows(report, rows)
    console.print(screen.result_table(progress, verdict), screen.held_table(verdict))
    struck = faults.strikes(carrier.state()["strikes"], killer.killed) if killer else {}
    if killer:
        console.print(screen.strikes_table(struck))
    console.print(screen.verdict_line(verdict, missing=missing))
    for kind in ("lost", "stuck", "wrong_count", "unasked", "overlapping"):
        for found in verdict[kind][:5]:
            console.print(f"  {kind}: {found}", style="red")
    unexplained = max(0, len(verdict["held"]) - faults.may_hold(struck))
    if unexplained:
        console.print(f"{unexplained} held contacts that no fault explains.", style="red")
    rare = [kind for kind, count in struck.items() if count < faults.ENOUGH]
    if rare:
        console.print(f"Too rare to prove anything: {', '.join(rare)}. Use a longer list.", style="red")
    return bool(verdict["ok"]) and not missing and not rare and not unexplained and progress.completed


def _for_judge(row: Mapping[str, Any]) -> Json:
    return {name: row[name] for name in ("phone", "numbers", "campaign_id", "contact_id", "state", "reason")}


def lost_rows(report: ImportReport, rows: Sequence[Mapping[str, Any]]) -> int:
    """How many rows were taken, or are told nowhere, and have no contact. A refused row is none of them."""
    told = report.added + report.updated + report.known + report.repeated + report.rejected
    contacts = len({row["contact_id"] for row in rows})
    return max(0, report.rows - told) + max(0, report.added - contacts)
