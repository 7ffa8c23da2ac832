"""Runs one function over many items on a bounded number of threads; one worker means in order and inline."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def each(items: Sequence[Item], work: Callable[[Item], Result], *, workers: int) -> list[Result]:
    """The results in the items' order; the first error is raised after all have ended."""
    if workers <= 1 or len(items) <= 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(max_workers=min(workers, len(items))) as pool:
        running = [pool.submit(work, item) for item in items]  # `map` would drop what waits when one fails
    return [one.result() for one in running]
