"""A person at a terminal: the command line runs in a real one, with a home of its own, and what it shows is read."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.environments import ROOT

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

    def __call__(self, *words: str, types: str = "", until: Callable[[str], bool] | None = None) -> Shown:
        """With `until`, Ctrl-C is pressed as soon as the screen shows it."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", *words],
            stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=self._environment(), start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        os.write(ours, types.encode())
        text = self._read(ours, process, until)
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

    def _read(self, screen: int, process: "subprocess.Popen[bytes]", until: Callable[[str], bool] | None) -> str:
        text, deadline, pressed = b"", time.monotonic() + 90, False
        while time.monotonic() < deadline:
            if select.select([screen], [], [], 0.05)[0]:
                try:
                    text += os.read(screen, 65536)
                except OSError:  # the other end is closed: it has ended
                    return _plain(text)
            elif process.poll() is not None:
                return _plain(text)
            if until and not pressed and until(_plain(text)):
                pressed = True
                os.killpg(process.pid, signal.SIGINT)
        process.kill()
        raise AssertionError(f"still running: {_plain(text)}")


def _plain(text: bytes) -> str:
    return _ESCAPES.sub("", text.decode(errors="replace"))
