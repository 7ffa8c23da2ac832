"""Work over many items on a bounded number of threads."""

import threading
from collections.abc import Iterator

import pytest

from dialer.workers import each, overlapped


@pytest.mark.parametrize("workers", [0, 1, 3, 100])
def test_results_are_in_the_items_order(workers: int) -> None:
    assert each(range(50), lambda item: item * 2, workers=workers) == [item * 2 for item in range(50)]


@pytest.mark.parametrize("workers", [1, 8])
def test_no_items_are_no_work(workers: int) -> None:
    assert each([], lambda item: 1 / 0, workers=workers) == []


def test_one_worker_works_inline() -> None:
    assert each([1, 2], lambda _: threading.current_thread(), workers=1) == [threading.current_thread()] * 2


def test_workers_work_at_the_same_time_and_no_more_of_them_than_said() -> None:
    meeting = threading.Barrier(3, timeout=10)
    names = each(range(9), lambda _: (meeting.wait(), threading.get_ident())[1], workers=3)
    assert len(set(names)) == 3


def test_an_error_is_raised_after_all_others_have_ended() -> None:
    done = []

    def work(item: int) -> None:
        if item == 0:
            raise LookupError("the first")
        done.append(item)

    with pytest.raises(LookupError, match="the first"):
        each(range(20), work, workers=4)
    assert sorted(done) == list(range(1, 20))


class Works:
    """What runs beside what."""

    def __init__(self) -> None:
        self.running: set[int] = set()
        self.beside: set[frozenset[int]] = set()
        self.together = threading.Barrier(2)

    def __call__(self, item: int) -> int:
        self.running.add(item)
        if item < 2:  # neither ends before the other has begun
            self.together.wait(10)
        self.beside.add(frozenset(self.running))
        if item == 5:
            raise ValueError("five")
        self.running.discard(item)
        return item * item


def test_works_that_are_apart_overlap_and_come_out_in_order() -> None:
    works = Works()
    done = overlapped(iter(range(5)), works, at_once=2, are_apart=lambda *_: True)
    assert list(done) == [(number, number * number) for number in range(5)]
    assert frozenset({0, 1}) in works.beside
    assert max(map(len, works.beside)) == 2


def test_works_that_are_not_apart_never_overlap() -> None:
    works = Works()
    done = overlapped(iter([2, 3, 4, 6, 7, 8]), works, at_once=2, are_apart=lambda one, other: one % 2 != other % 2)
    assert [item for item, _ in done] == [2, 3, 4, 6, 7, 8]
    assert frozenset({4, 6}) not in works.beside
    assert frozenset({6, 8}) not in works.beside


def test_what_was_made_before_the_making_failed_comes_out_first() -> None:
    def broken() -> Iterator[int]:
        yield from (2, 3, 4)
        raise OSError("the list breaks off")

    done = overlapped(broken(), Works(), at_once=2, are_apart=lambda *_: True)
    assert [next(done)[0] for _ in range(3)] == [2, 3, 4]
    with pytest.raises(OSError, match="breaks off"):
        next(done)


def test_nothing_comes_out_behind_a_work_that_failed() -> None:
    done = overlapped(iter([2, 5, 6, 7]), Works(), at_once=2, are_apart=lambda *_: True)
    assert next(done) == (2, 4)
    with pytest.raises(ValueError, match="five"):
        next(done)
    assert list(done) == []
