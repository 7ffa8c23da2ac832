"""`dialer contact`: find people, read their story, and decide about them."""

from collections.abc import Iterator
from typing import Annotated

import typer

from cli.client import Json
from cli.errors import Misused
from cli.session import AsJson, Why, an_id, api, because, printer

app = typer.Typer(no_args_is_help=True, help="Find contacts, read their story, and decide about them.")
Id = Annotated[str, typer.Argument(metavar="CONTACT", callback=an_id, help="The contact's id.")]
_SHOWN = (
    "id", "campaign_id", "external_id", "phone", "numbers", "caller_id", "region", "state", "reason", "due_at",
    "priority", "used", "max", "vars",
)  # fmt: skip
_PAGE = 200
_DECISION = ("at", "state", "reason", "due_at")
_ATTEMPT = ("n", "to", "from_number", "dial_at", "ended_at", "outcome", "detail", "sid")


@app.command()
def find(
    phone: Annotated[str, typer.Option(help="In every campaign.")] = "",
    region: Annotated[str, typer.Option(help="Country of a --phone without one, such as US.")] = "",
    external_id: Annotated[str, typer.Option(help="In every campaign.")] = "",
    campaign: Annotated[str, typer.Option(help="Of this campaign, with --state.")] = "",
    state: Annotated[str, typer.Option(help="pending, held, done …; with --campaign.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Find contacts by phone, by external id, or by campaign and state."""
    if [bool(phone), bool(external_id), bool(campaign or state)].count(True) != 1 or bool(campaign) != bool(state):
        raise Misused("Give --phone, or --external-id, or --campaign and --state.")
    if region and not phone:
        raise Misused("--region is the country of a --phone: give both.")
    asked = {"phone": phone, "region": region, "external_id": external_id, "campaign_id": campaign, "state": state}
    wanted = {name: value for name, value in asked.items() if value}
    columns = ("id", "campaign_id", "phone", "external_id", "state", "reason", "due_at", "used")
    printer.table(_pages(wanted, limit), columns, empty="Nobody was found.")


def _pages(wanted: Json, limit: int) -> Iterator[Json]:
    """Phones are asked for in bodies, so each page is a POST."""
    while limit > 0:
        page = api().post("/contacts/find", {**wanted, "limit": min(limit, _PAGE)})
        yield from page["items"]
        limit -= len(page["items"])
        if not page["next"]:
            return
        wanted = {**wanted, "cursor": page["next"]}


@app.command()
def show(contact: Id, as_json: AsJson = False) -> None:
    """Show a contact's whole story: every attempt and what became of it, every decision and its reason."""
    found = api().get(f"/contacts/{contact}")
    printer.facts(found, _SHOWN)
    if not printer.as_json:
        printer.table(found["attempts"], _ATTEMPT, empty="It has not been called yet.")
        printer.table(found["decisions"], _DECISION, empty="Nothing else has been decided about it.")


@app.command()
def hold(contact: Id, reason: Why = "", as_json: AsJson = False) -> None:
    """Put a contact on hold: it is not called until it is released."""
    _move(contact, "hold", because(reason))


@app.command()
def release(contact: Id, reason: Why = "", as_json: AsJson = False) -> None:
    """Release a contact that is on hold: due when it was before, or at once where that is past, within its hours."""
    _move(contact, "release", because(reason))


@app.command()
def call_back(
    contact: Id,
    at: Annotated[str, typer.Option(help="When, with its zone: 2026-03-02T10:00-05:00.")],
    reason: Why = "",
    as_json: AsJson = False,
) -> None:
    """Call a contact back at a certain time, in its campaign's hours; who is being called now, after that call."""
    _move(contact, "call-back", {"at": at, **because(reason)})


@app.command()
def cancel(contact: Id, reason: Why = "", as_json: AsJson = False) -> None:
    """Cancel a contact: not called any more in this campaign."""
    _move(contact, "cancel", because(reason))


@app.command()
def resolve(
    contact: Id,
    reason: Annotated[str, typer.Option("--reason", "-m", help="What you know that the carrier could not say.")],
    again: Annotated[bool, typer.Option("--call-again/--do-not-call", help="What is to become of it.")],
    as_json: AsJson = False,
) -> None:
    """Settle a contact that is held because the carrier could not say whether a call went out."""
    _move(contact, "resolve", {"to": "pending" if again else "failed", "reason": reason})


def _move(contact: str, verb: str, body: dict[str, str]) -> None:
    moved = api().post(f"/contacts/{contact}/{verb}", body)
    printer.say(moved, f"{moved['id']} is {moved['state']}: {moved['reason']}")
