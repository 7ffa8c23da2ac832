"""Work over many items on a bounded number of threads."""

import threading

import pytest

from dialer.workers import each


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
