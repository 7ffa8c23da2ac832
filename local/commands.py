"""The commands of `python -m local`."""

import json
import signal
import sys
import time
from dataclasses import replace
from types import FrameType
from typing import Annotated, NoReturn

import typer

from local import cost, operator, runs, sam_local
from local.demo import run as demo
from local.environments import Refused
from local.world import Wish, World

_asked_to_end: list[int] = []
"""The signals that came: one that is raised inside a destructor is lost, and its sender would wait in vain."""

app = typer.Typer(
    help="The local world of the dialer: real parts on loopback.", no_args_is_help=True, pretty_exceptions_enable=False
)

app.add_typer(operator.app)
app.add_typer(demo.app)
app.add_typer(sam_local.app)
app.add_typer(cost.app)


@app.command()
def up(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the voice door; 0 takes a free one.")] = 0,
    carrier: Annotated[str | None, typer.Option(help="URL of another Twilio-shaped server.")] = None,
    mongodb: Annotated[str | None, typer.Option(help="URI of another MongoDB replica set.")] = None,
    account_sid: Annotated[str, typer.Option(help="The account at the carrier.")] = Wish.account_sid,
    auth_token: Annotated[str, typer.Option(help="Its token; a fresh one where not given.")] = "",
) -> None:
    """Start the local world, print one JSON line with every endpoint, and keep it running until a signal."""
    wish = Wish(port=port, carrier=carrier, mongodb=mongodb, account_sid=account_sid, auth_token=auth_token)
    wish = replace(wish, operator=True)
    with World(wish, say=Progress()) as world:
        print(json.dumps(world.describe()), flush=True)
        print(f"The world is up; Ctrl-C ends it. The page: {world.page_url}", file=sys.stderr, flush=True)
        print(f"Its token: {world.operator_token}", file=sys.stderr, flush=True)
        while not _asked_to_end:
            time.sleep(1)


@app.command()
def down() -> None:
    """End every world of this folder and remove what killed ones left behind."""
    runs.end_all()


class Progress:
    """One line per step on standard error, with the seconds since the beginning."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    def __call__(self, step: str) -> None:
        print(f"{time.monotonic() - self.began:5.1f} s  {step} …", file=sys.stderr, flush=True)


def main() -> NoReturn:
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _interrupt)
    try:
        app()
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        sys.exit(2)
    sys.exit(0)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    _asked_to_end.append(number)
    raise KeyboardInterrupt


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: the end takes a moment
    sys.exit(128 + number)
