"""Watching from the command line: why nobody is called and who waits are said, and it ends where all wait in vain."""

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from typing import Any, Self

import pytest
from rich.console import Console

from cli.client import connect
from cli.printing import Printer
from cli.watching import frame, is_over, sentence, waiting, waits_in_vain, watch

NOBODY = {"due": 0, "closed": 0, "never": 0, "later": 0, "on_hold": 0, "in_vain": 0}


def why(text: str, until: str | None = None, zone: str = "") -> dict[str, Any]:
    return {"text": text, "until": until, "zone": zone, "wrong": False}


def seen(*, state: str = "running", left: int = 10, **waits: int) -> dict[str, Any]:
    """As the API tells it of one look."""
    stats = {
        "counts": {"pending": left, "done": 5},
        "outcomes": {},
        "left": left,
        "calls_per_minute": 0.0,
        "done_at": None,
    }
    campaign = {"name": "Appointments", "state": state, "reason": "resumed"}
    told = why("outside calling hours where they are", "2026-03-02T15:00:00Z", "America/Chicago")
    return {"campaign": campaign, "stats": stats, "why": told, "waiting": {**NOBODY, **waits}}


@pytest.mark.parametrize(
    ("state", "told", "said"),
    [
        ("running", why("calling"), "Calling."),
        ("running", why("outside calling hours", "2026-03-02T15:00:00Z", "America/Chicago"),
         "Outside calling hours until 2026-03-02 09:00 America/Chicago."),
        ("draft", why("a draft that starts by itself", "2026-03-02T15:00:00Z", "UTC"),
         "A draft that starts by itself at 2026-03-02 15:00 UTC."),
        ("paused", why("the carrier refused the account."), "The carrier refused the account."),
    ],
)  # fmt: skip
def test_the_sentence_is_the_page_s_with_its_moment_on_the_clock_that_decides(
    state: str, told: dict[str, Any], said: str
) -> None:
    assert sentence({"state": state}, told) == said


def test_a_moment_of_nobody_s_zone_is_on_this_machine_s_clock() -> None:
    told = why("nobody is due yet", "2026-03-02T15:00:00Z")
    here = f"{datetime(2026, 3, 2, 15, tzinfo=UTC).astimezone():%Y-%m-%d %H:%M:%S %Z}"
    assert sentence({"state": "running"}, told) == f"Nobody is due yet until {here}."


def test_those_who_wait_are_counted_by_what_for_and_what_is_nought_is_left_out() -> None:
    assert waiting(seen(due=10, closed=8, never=2, on_hold=1, later=3)) == {
        "for a line": 2, "outside their hours": 8, "due later": 3, "on hold": 1, "of these never": 2,
    }  # fmt: skip
    assert waiting(seen()) == {}


def test_a_frame_says_why_nobody_is_called_and_who_waits() -> None:
    console = Console(file=StringIO(), width=160)
    console.print(frame(seen(due=10, closed=10)))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "running  Outside calling hours where they are until 2026-03-02 09:00 America/Chicago." in shown
    assert "outside their hours: 10" in shown


class Wire(HTTPServer):
    """Answers each look with the next one of these."""

    def __init__(self, *looks: dict[str, Any]) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.looks = list(looks)
        self.api = connect(f"http://127.0.0.1:{self.server_port}", "a-token")

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Answers(BaseHTTPRequestHandler):
    server: Wire

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        assert self.path == "/campaigns/0b/live"
        content = json.dumps(self.server.looks.pop(0)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def test_a_watch_ends_at_the_second_look_in_vain_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody may have been released just before the first, which is too late to be seen in it."""
    held, released = seen(on_hold=10, in_vain=10), seen(due=1, on_hold=9, in_vain=9)
    with Wire(held, released, held, held, released) as wire:
        watch(wire.api, "0b", every=0, printer=Printer())
        assert wire.looks == [released]
    assert capsys.readouterr().err.startswith("Nobody who is left is called by itself: the watch ends.")


def test_a_watch_prints_each_look_for_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    printer = Printer()
    printer.as_json = True
    look = {**seen(left=0), "lines": {"ringing": 0}}
    with Wire(look) as wire:
        watch(wire.api, "0b", every=0, printer=printer)
    assert json.loads(capsys.readouterr().out) == {
        "state": "running", "reason": "resumed", "why": look["why"], "waiting": NOBODY, "lines": {"ringing": 0},
        **look["stats"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("look", "in_vain"),
    [
        (seen(due=10, closed=10), False),
        (seen(on_hold=10, in_vain=10), True),
        (seen(due=7, closed=7, never=7, on_hold=3, in_vain=10), True),
        (seen(due=8, closed=8, never=7, on_hold=2, in_vain=9), False),
        (seen(left=11, on_hold=10, in_vain=10), False),
        (seen(left=5, due=95, on_hold=5, in_vain=5), False),
        (seen(state="paused", on_hold=10, in_vain=10), False),
        (seen(state="draft", on_hold=10, in_vain=10), False),
        (seen(left=0), False),
    ],
    ids=[
        "closed", "all on hold", "never and on hold", "one will be called", "one is being called", "more came",
        "paused", "a draft", "nobody is left",
    ],
)  # fmt: skip
def test_a_running_campaign_waits_in_vain_where_only_a_person_could_bring_a_call(
    look: dict[str, Any], in_vain: bool
) -> None:
    assert waits_in_vain(look) is in_vain
    assert is_over(look) is (look["stats"]["left"] == 0)
