"""One folder per run: who owns it, and how a run whose owner was killed is cleaned up."""

import json
import math
import os
import secrets
import shutil
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local.environments import LOCAL
from local.processes import born, sweep

STATE = LOCAL / "state"
LOGS = LOCAL / "logs"
LOGS_KEPT = 30


@dataclass(frozen=True, kw_only=True)
class Run:
    """The state of one world: gone when it ends. Its logs stay, until thirty newer runs have theirs."""

    name: str

    @property
    def folder(self) -> Path:
        return STATE / self.name

    @property
    def logs(self) -> Path:
        return LOGS / self.name

    def own(self, part: str) -> Path:
        """A folder for one part."""
        place = self.folder / part
        place.mkdir(parents=True, exist_ok=True)
        return place

    @property
    def description(self) -> Path:
        return self.folder / "world.json"

    def describe(self, world: dict[str, Any]) -> None:
        """For whoever wants to use this world from outside; only its owner may read it, for it holds tokens."""
        self.description.touch(mode=0o600)
        self.description.write_text(json.dumps(world))

    def remove(self) -> None:
        """Nothing of it stays: neither a process nor a file."""
        sweep(self.name)
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True, kw_only=True)
class _Owner:
    pid: int
    born: str


def begin() -> Run:
    heal()
    run = Run(name=f"{os.getpid()}-{secrets.token_hex(3)}")
    run.logs.mkdir(parents=True)
    arriving = STATE / f".{run.name}"
    arriving.mkdir(parents=True)
    (arriving / "owner.json").write_text(json.dumps(asdict(_Owner(pid=os.getpid(), born=born(os.getpid())))))
    arriving.rename(run.folder)  # whoever heals never sees a folder without its owner
    return run


def heal() -> list[str]:
    """Ends and removes every run whose owner is gone."""
    dead = [run for run in _all() if not is_owned(run)]
    for run in dead:
        run.remove()
    _prune_logs()
    return [run.name for run in dead]


def end_all() -> None:
    """Asks living owners to stop, then removes what is left."""
    for run in _all():
        if is_owned(run):
            os.kill(_owner(run).pid, signal.SIGTERM)
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and any(is_owned(run) for run in _all()):
        time.sleep(0.1)
    for run in _all():
        run.remove()


def is_owned(run: Run) -> bool:
    """True while the very process that began the run lives (a pid that was given out again does not count)."""
    try:
        owner = _owner(run)
    except FileNotFoundError:
        return False
    return bool(owner.born) and born(owner.pid) == owner.born


def described() -> list[Path]:
    """The descriptions of the worlds that are up."""
    return [run.description for run in _all() if is_owned(run) and run.description.exists()]


def _owner(run: Run) -> _Owner:
    return _Owner(**json.loads((run.folder / "owner.json").read_text()))


def _all() -> list[Run]:
    if not STATE.exists():
        return []
    return [Run(name=folder.name) for folder in sorted(STATE.iterdir()) if not folder.name.startswith(".")]


def _prune_logs() -> None:
    """Another run may be pruning at this very moment: whoever is gone already is gone."""
    living = {run.name for run in _all()}
    kept = sorted((folder for folder in LOGS.glob("*-*/") if folder.name not in living), key=_age)
    for old in kept[LOGS_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def _age(folder: Path) -> float:
    try:
        return time.time() - folder.stat().st_mtime
    except FileNotFoundError:
        return math.inf
