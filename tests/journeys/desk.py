"""The operator's command line, kept warm in a process of its own: `python -m local campaign …` without its start.

A journey's own process never loads the dialer; this one does, and speaks JSON lines: arguments in, answer out.
"""

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from local.environments import ROOT

Json = dict[str, Any]


class RefusedByDeskError(Exception):
    """The command line ended with a sentence."""


class Desk:
    """`ask("campaign", "show", id)` answers what the command prints."""

    def __init__(self, world: Path) -> None:
        self._world = world

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.journeys.desk"],
            cwd=ROOT,
            env=_plain_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=10)

    def ask(self, *arguments: str) -> Json:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([*arguments, "--world", str(self._world)]) + "\n")
        self._process.stdin.flush()
        answer: Json = json.loads(self._process.stdout.readline())
        if "refused" in answer:
            raise RefusedByDeskError(answer["refused"])
        return answer


def _plain_environment() -> dict[str, str]:
    from local.processes import plain_environment

    return plain_environment(PYTHONPATH=f"{ROOT / 'layers' / 'dialer'}:{ROOT}")


def serve() -> None:
    """The other end: the same commands, in one process."""
    import typer

    from local import operator

    command = typer.main.get_command(operator.app)
    for line in sys.stdin:
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                command.main(args=json.loads(line), standalone_mode=False)
            answer = json.loads(printed.getvalue())
        except Exception as refused:  # noqa: BLE001  whatever it is, the journey shall read it
            answer = {"refused": f"{type(refused).__name__}: {refused}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve()
