"""Races: many threads, or many processes, let go at the same instant."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
PATIENCE_S = 60.0

_together: list[Any] = []


def in_threads(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """The results in the items' order; one thread for each, and all start together."""
    barrier = Barrier(len(items))

    def start(item: Item) -> Result:
        barrier.wait(PATIENCE_S)
        return work(item)

    with ThreadPoolExecutor(len(items)) as pool:
        return list(pool.map(start, items, timeout=PATIENCE_S))


class Crowd:
    """Processes of their own, each with its own interpreter, as function instances are."""

    def __init__(self, pool: ProcessPoolExecutor, size: int) -> None:
        self._pool = pool
        self.size = size

    def run(self, jobs: Sequence[Callable[[], Result]]) -> list[Result]:
        """One job per process: each must call `meet()` before it races, so that nobody gets a second one."""
        assert len(jobs) == self.size
        return [running.result(PATIENCE_S) for running in [self._pool.submit(job) for job in jobs]]


@contextmanager
def crowd(size: int) -> Iterator[Crowd]:
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(size)
    with ProcessPoolExecutor(size, mp_context=spawn, initializer=_join, initargs=(together,)) as pool:
        yield Crowd(pool, size)


def meet() -> None:
    """In a process of a crowd: wait until all have come as far."""
    _together[-1].wait(PATIENCE_S)


def _join(together: Any) -> None:
    _together.append(together)
