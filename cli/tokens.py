"""`dialer token`: who may use the API."""

from typing import Annotated

import typer

from cli.session import AsJson, Sure, an_id, api, confirm, printer

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke tokens.")
_SHOWN = ("id", "name", "role", "created_at", "created_by", "expires_at", "revoked_at", "used_at")


@app.command()
def make(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is, or what for.")],
    role: Annotated[
        str, typer.Option(help="`viewer` may look, with masked numbers; `operator` may do everything.")
    ] = "viewer",
    days: Annotated[int, typer.Option(min=1, help="How long it lasts.")] = 90,
    as_json: AsJson = False,
) -> None:
    """Make a token. It is shown once; only its hash is kept."""
    made = api().post("/tokens", {"name": name, "role": role, "days": days})
    printer.say(made, made["token"])
    if not printer.as_json:
        printer.note(f"{made['id']}: {made['role']} until {made['expires_at'][:10]}. It is not shown again.")


@app.command(name="list")
def list_all(as_json: AsJson = False) -> None:
    """List all tokens, without their secrets."""
    printer.table(api().get("/tokens")["items"], _SHOWN, empty="There is no token.")


@app.command()
def own(as_json: AsJson = False) -> None:
    """Show the token that you use."""
    printer.facts(api().get("/tokens/own"), _SHOWN)


@app.command()
def revoke(
    token: Annotated[str, typer.Argument(metavar="ID", callback=an_id, help="The token's id.")],
    sure: Sure = False,
    as_json: AsJson = False,
) -> None:
    """End a token: it is refused from now on."""
    confirm("Whoever uses this token is locked out at once. Revoke it?", sure=sure)
    ended = api().delete(f"/tokens/{token}")
    printer.say(ended, f"{ended['name']}'s token is revoked.")
