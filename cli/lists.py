"""`dialer list`: contact lists of any length, put into the store in one stream, and read from there by the dialer."""

import time
from pathlib import Path
from typing import Annotated

import typer

from cli import store
from cli.client import Json
from cli.errors import Refused
from cli.session import AsJson, CampaignId, an_id, api, printer

app = typer.Typer(no_args_is_help=True, help="Upload contact lists, and see what became of their rows.")
_EVERY_S = 1
_OVER = {"read", "refused"}
_SHOWN = ("id", "campaign_id", "name", "state", "reason", "counts", "made_at", "ended_at")


@app.command()
def upload(
    campaign: CampaignId,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a header row and a `phone` column.")],
    region: Annotated[str, typer.Option(help="Country of numbers written without one, such as US.")] = "",
    wait: Annotated[bool, typer.Option(help="Until it has been read.")] = True,
    as_json: AsJson = False,
) -> None:
    """Upload a contact list. The same people again are told what is new, and never added twice."""
    with store.opened(file) as content:
        begun = api().post(f"/campaigns/{campaign}/lists", {"name": file.name[:200], "region": region})
        with printer.bar() as bar:
            task = bar.add_task(f"sending {file.name}", total=file.stat().st_size)
            store.put(begun["upload"], content, on_bytes=lambda count: bar.advance(task, count))
    _told(_read(begun["id"]) if wait else begun["list"])


@app.command()
def report(
    list_id: Annotated[str, typer.Argument(metavar="LIST", callback=an_id, help="The list's id.")],
    rejects: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the rejected rows there.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show how far a list has been read, and what became of its rows."""
    if rejects:
        store.check_place(rejects)
    found = api().get(f"/lists/{list_id}")
    if rejects and not found["rejects_link"]:
        raise Refused("This list has no rejects, or has not been read to its end, or its files have been erased.")
    if rejects:
        store.fetch(found["rejects_link"], rejects)
    _told(found, rejects)


@app.command(name="list")
def list_all(
    campaign: CampaignId,
    as_json: AsJson = False,
) -> None:
    """List a campaign's lists."""
    columns = ("id", "name", "state", "counts", "made_at")
    printer.table(api().get(f"/campaigns/{campaign}/lists")["items"], columns, empty="Nothing has been uploaded yet.")


def _read(list_id: str) -> Json:
    """The dialer reads by itself: whoever is interrupted here loses only the sight of it."""
    with printer.bar() as bar:
        task = bar.add_task("reading", total=None)
        while (found := api().get(f"/lists/{list_id}"))["state"] not in _OVER:
            bar.update(task, total=found["size"] or None, completed=found["offset"])
            time.sleep(_EVERY_S)
    return found


def _told(found: Json, rejects: Path | None = None) -> None:
    """With the file that its rejects have been written into."""
    printer.facts(found, _SHOWN)
    rejected = found["counts"]["rejected"]
    if rejects and not printer.as_json:
        printer.note(f"{rejected:,} rejected rows in {rejects}.")
    if found["state"] == "refused":
        raise Refused(f"The list was refused: {found['reason']}")
    if rejected and not rejects and not printer.as_json:
        printer.note(f"`dialer list report {found['id']} --rejects FILE` fetches the rejected rows.")
