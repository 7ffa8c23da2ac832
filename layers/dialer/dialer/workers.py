"""Runs one function over many items on a bounded number of threads, or makes the next item while one is worked on."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def each(items: Sequence[Item], work: Callable[[Item], Result], *, workers: int) -> list[Result]:
    """The results in the items' order; the first error is raised after all have ended. One worker means inline."""
    if workers <= 1 or len(items) <= 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(max_workers=min(workers, len(items))) as pool:
        running = [pool.submit(work, item) for item in items]  # `map` would drop what waits when one fails
    return [one.result() for one in running]


def one_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items in order; the next one is being made while the caller works on the last."""
    with ThreadPoolExecutor(max_workers=1) as maker:
        coming = maker.submit(_next, items)
        while made := coming.result():
            coming = maker.submit(_next, items)
            yield from made


def _next(items: Iterator[Item]) -> list[Item]:
    return list(islice(items, 1))
