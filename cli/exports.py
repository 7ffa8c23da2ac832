"""`dialer export`: a campaign's calls, contacts or lists as CSV."""

import time
from pathlib import Path
from typing import Annotated

import typer

from cli import store
from cli.client import Json
from cli.errors import Denied
from cli.printing import COUNTING
from cli.session import AsJson, CampaignId, api, printer

app = typer.Typer(no_args_is_help=True, help="Write a campaign's calls, contacts or lists into a CSV file.")
File = Annotated[Path | None, typer.Argument(metavar="FILE", help="Where to; CAMPAIGN-calls.csv or so by itself.")]
_EVERY_S = 1


@app.command()
def calls(campaign: CampaignId, file: File = None, as_json: AsJson = False) -> None:
    """A line for each attempt."""
    _export(campaign, "calls", file)


@app.command()
def status(campaign: CampaignId, file: File = None, as_json: AsJson = False) -> None:
    """A line for each contact, and how it stands."""
    _export(campaign, "contacts", file)


@app.command()
def lists(campaign: CampaignId, file: File = None, as_json: AsJson = False) -> None:
    """A line for each list, and how far its contacts are."""
    _export(campaign, "lists", file)


def _export(campaign: str, kind: str, file: Path | None) -> None:
    path = file or Path(f"{campaign}-{kind}.csv")
    store.check_place(path)
    begun = api().post(f"/campaigns/{campaign}/exports", {"kind": kind})
    found = _written(begun["id"], total=_contacts(campaign) if kind == "contacts" else None)
    if not found["link"]:
        raise Denied("The file has whole phone numbers in it: fetching it needs an operator's token.")
    store.fetch(found["link"], path)
    printer.say({**found, "file": str(path)}, f"{found['rows']:,} rows in {path}.")


def _written(export_id: str, *, total: int | None) -> Json:
    """The dialer writes by itself: whoever is interrupted here can ask for it again."""
    with printer.bar(*COUNTING) as bar:
        task = bar.add_task("writing", total=total)
        while (found := api().get(f"/exports/{export_id}"))["state"] != "written":
            bar.update(task, completed=found["rows"])
            time.sleep(_EVERY_S)
    return found


def _contacts(campaign: str) -> int | None:
    """How many lines there will be; nobody needs to know where no bar is shown."""
    if printer.bar().disable:
        return None
    counts: dict[str, int] = api().get(f"/campaigns/{campaign}/stats")["counts"]
    return sum(counts.values())
