"""What a command has at hand: the printer, and the API as soon as it is needed."""

import re
from functools import cache
from typing import Annotated

import typer

from cli import profiles
from cli.client import Api, connect
from cli.errors import Misused
from cli.printing import Printer

printer = Printer()


@cache
def api() -> Api:
    profile = profiles.current()
    return connect(profile.url, profile.token)


def an_id(text: str) -> str:
    """What is put into a path is an id and nothing else. Raises Misused."""
    if not re.fullmatch(r"[0-9a-f]{1,64}", text):
        raise Misused(f"{text!r} is no id: `list` and `find` show them.")
    return text


def _as_json(wanted: bool) -> None:
    printer.as_json = printer.as_json or wanted


CampaignId = Annotated[str, typer.Argument(metavar="CAMPAIGN", callback=an_id, help="The campaign's id.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON: one object, or one a line.", callback=_as_json)]
Why = Annotated[str, typer.Option("--reason", "-m", help="Why; shown beside what is done, and kept in the audit log.")]
Sure = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def because(reason: str) -> dict[str, str]:
    return {"reason": reason} if reason else {}


def confirm(question: str, *, sure: bool) -> None:
    """Asks a person; a program has to say --yes. Raises Misused where nobody can be asked."""
    if sure:
        return
    if printer.as_json or not typer.get_text_stream("stdin").isatty():
        raise Misused(f"{question} Say --yes.")
    typer.confirm(question, abort=True)
