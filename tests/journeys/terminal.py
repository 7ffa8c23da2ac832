"""A person at a terminal: the command line runs in a real one, with a home of its own, and what it shows is read."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from local.environments import ROOT

CTRL_C = "\x03"
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\r")


@dataclass(frozen=True, kw_only=True)
class Shown:
    code: int
    text: str
    """All that was on the screen, without colours."""


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """`terminal("campaign", "list")`, as typed; `terminal.json(…)`, as a script would ask."""

    home: Path
    environment: dict[str, str]

    def __call__(self, *words: str, answers: Mapping[str, str] | None = None) -> Shown:
        """Each answer is typed when the screen first shows its question; `CTRL_C` is one as well."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", *words],
            stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=self._environment(), start_new_session=True,
            preexec_fn=partial(_at_the_terminal, theirs),  # noqa: PLW1509  no threads here
        )  # fmt: skip
        os.close(theirs)
        text = _watched(ours, process, dict(answers or {}))
        os.close(ours)
        return Shown(code=process.wait(timeout=20), text=text)

    def json(self, *words: str) -> Any:
        """One value, or a list of them where it printed a line each."""
        done = subprocess.run(
            [sys.executable, "-m", "cli", *words, "--json"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=ROOT, env=self._environment(), timeout=90,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return lines[0] if len(lines) == 1 else lines

    def _environment(self) -> dict[str, str]:
        plain = {"HOME": str(self.home), "DIALER_CONFIG_DIR": str(self.home / "dialer"), "LANG": "C.UTF-8"}
        return {**plain, "PATH": os.environ["PATH"], "TERM": "xterm", "COLUMNS": "160", **self.environment}


def _at_the_terminal(screen: int) -> None:
    """It is this process's own, and Ctrl-C ends it, also where the tests run in the background."""
    fcntl.ioctl(screen, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _watched(screen: int, process: "subprocess.Popen[bytes]", answers: dict[str, str]) -> str:
    text, deadline = b"", time.monotonic() + 90
    while time.monotonic() < deadline:
        for question in [question for question in answers if question in _plain(text)]:
            os.write(screen, answers.pop(question).encode())
        if select.select([screen], [], [], 0.05)[0]:
            try:
                text += os.read(screen, 65536)
            except OSError:  # the other end is closed: it has ended
                return _plain(text)
        elif process.poll() is not None:
            return _plain(text)
    process.kill()
    process.wait()
    raise AssertionError(f"still running: {_plain(text)}")


def _plain(text: bytes) -> str:
    return _ESCAPES.sub("", text.decode(errors="replace"))
