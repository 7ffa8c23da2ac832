"""Runs one function over many items on a bounded number of threads, and makes the next items meanwhile."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
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


def overlapped(
    items: Iterator[Item],
    work: Callable[[Item], Result],
    *,
    at_once: int,
    are_apart: Callable[[Item, Item], bool],
) -> Iterator[tuple[Item, Result]]:
    """Each item with its result, in order; some are worked on at once, but none beside one that it is not apart from.

    Where the making of items fails, what was made before is worked on and comes out first. Where a work fails, nothing
    comes out behind it, though it may have been done.
    """
    coming, broken = one_ahead(items), None
    running: deque[tuple[Item, Future[Result]]] = deque()
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        while True:
            try:
                item = next(coming)
            except StopIteration:
                break
            except Exception as wrong:  # noqa: BLE001  it is raised below
                broken = wrong
                break
            while len(running) == at_once or not all(are_apart(item, other) for other, _ in running):
                yield _first(running)
            running.append((item, pool.submit(work, item)))
        while running:
            yield _first(running)
    if broken:
        raise broken


def _first(running: deque[tuple[Item, Future[Result]]]) -> tuple[Item, Result]:
    item, done = running.popleft()
    return item, done.result()


def _next(items: Iterator[Item]) -> list[Item]:
    return list(islice(items, 1))
