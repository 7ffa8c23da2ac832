"""Measuring side by side: every contestant in a process of its own, lap after lap, in turn.

Laps are interleaved, so that what disturbs the machine disturbs everybody; figures are medians with their range.
"""

import multiprocessing
import os
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

LONGEST_LAP_S = 900.0


@dataclass(frozen=True, kw_only=True)
class Lap:
    """What was done in which time; `cpu` is this process's own share, `noted` whatever else a lap has to tell."""

    units: int
    seconds: float
    cpu: float
    noted: dict[str, Any] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        return self.units / self.seconds


class Watch:
    """Runs while its context lasts: `with Watch() as watch: watch.units += 1`, then `watch.lap()`."""

    def __init__(self) -> None:
        self.units = 0
        self.noted: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self.cpu = time.process_time()
        self.began = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = time.monotonic() - self.began
        self.cpu = time.process_time() - self.cpu

    def lap(self) -> Lap:
        return Lap(units=self.units, seconds=self.seconds, cpu=self.cpu, noted=self.noted)


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """`opened` makes, once in its process and off the clock, what every `work` gets. Both travel to that process."""

    name: str
    opened: Callable[[], Any]
    work: Callable[[Any], Lap]
    before: Callable[[], object] = lambda: None
    """Prepares a lap, here and off the clock."""
    after: Callable[[Lap], object] = lambda lap: None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """All laps of one contestant, and the most memory its process ever had."""

    name: str
    laps: Sequence[Lap]
    peak_mb: float

    @property
    def rates(self) -> list[float]:
        return [lap.rate for lap in self.laps]

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)


def race(contestants: Sequence[Contestant], *, laps: int) -> list[Measured]:
    """Every contestant runs so many laps; each lap begins with another one."""
    run: dict[str, list[Lap]] = {one.name: [] for one in contestants}
    with ExitStack() as stack:
        homes = {one.name: stack.enter_context(own_process(one.opened)) for one in contestants}
        for lap in range(laps):
            for one in _turned(contestants, lap):
                one.before()
                run[one.name].append(homes[one.name].submit(worked, one.work).result(LONGEST_LAP_S))
                one.after(run[one.name][-1])
        peaks = {name: home.submit(peak_mb).result(60) for name, home in homes.items()}
    return [Measured(name=name, laps=done, peak_mb=peaks[name]) for name, done in run.items()]


def _turned(contestants: Sequence[Contestant], by: int) -> Sequence[Contestant]:
    start = by % len(contestants)
    return [*contestants[start:], *contestants[:start]]


@contextmanager
def own_process(opened: Callable[[], Any]) -> Iterator[ProcessPoolExecutor]:
    """A fresh interpreter, as a function instance is: nothing of this one's memory is in it."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, initializer=_open, initargs=(opened,)) as home:
        home.submit(os.getpid).result(120)
        yield home


_opened: list[Any] = []


def _open(opened: Callable[[], Any]) -> None:
    _opened.append(opened())


def worked(work: Callable[[Any], Lap]) -> Lap:
    return work(_opened[-1])


def peak_mb() -> float:
    """The most memory this process ever had resident. The kernel's own mark: a usage counter may be inherited."""
    return peak_mb_of("self") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def peak_mb_of(pid: int | str) -> float:
    """The same of another process; 0 where it has ended, or the system does not tell."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def cpu_seconds(pids: Sequence[int]) -> float:
    """What these processes have used so far, those of their children that have ended included."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # ended meanwhile
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")
