"""What goes wrong with FAULTS=1: at the carrier, on the way back, and with the functions themselves."""

import os
import signal
import threading
from collections.abc import Callable, Mapping
from typing import Any, Self

Rule = Mapping[str, Any]

ENOUGH = 10  # strikes of every kind, or the demo has not shown what it says
KILLED = "killed call function"
REQUESTS: list[Rule] = [
    {"kind": "accepted_then_cut", "op": "create", "every": 23},
    {"kind": "accepted_500", "op": "create", "every": 29},
    {"kind": "accepted_slow", "op": "create", "every": 31, "seconds": 4},
    {"kind": "reset", "op": "create", "every": 37},
]
CALLBACKS: list[Rule] = [
    {"kind": "lost", "event": "completed", "every": 11},
    {"kind": "duplicate", "every": 7, "copies": 3},
    {"kind": "reorder", "event": "answered", "every": 17},
    {"kind": "delay", "event": "ringing", "every": 19, "seconds": 2},
    {"kind": "forged", "every": 41},
]
MEANINGS = {
    "accepted_then_cut": "the carrier took the call, and its reply was lost",
    "accepted_500": "the carrier took the call, and answered with an error",
    "accepted_slow": "the carrier took the call, and answered too late",
    "reset": "the connection broke, and no call was made",
    "lost": "a final webhook never came",
    "duplicate": "a webhook came three times",
    "reorder": "webhooks came in the wrong order",
    "delay": "a webhook came late",
    "forged": "a stranger's webhook said the call was over",
    KILLED: "a function was killed at work (kill -9)",
}


class Killer:
    """Kills a working call function now and then, until enough have died."""

    def __init__(self, pids: Callable[[], list[int]], *, every: float = 1.5) -> None:
        self.killed = 0
        self._pids = pids
        self._every = every
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._hunt, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _hunt(self) -> None:
        while self.killed < ENOUGH + 2 and not self._ended.wait(self._every):
            for pid in self._pids()[:1]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
                self.killed += 1


def strikes(counted: Mapping[str, int], killed: int) -> dict[str, int]:
    """How often each kind struck; a kind that never did has its nought."""
    return {kind: (killed if kind == KILLED else counted.get(kind, 0)) for kind in MEANINGS}


def may_hold(struck: Mapping[str, int]) -> int:
    """How many contacts may end held: only these faults leave an attempt of which no call can be found."""
    return struck.get("reset", 0) + struck.get(KILLED, 0)
