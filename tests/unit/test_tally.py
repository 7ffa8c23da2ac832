"""The tally: what both readings saw vanishes, and what only one of them saw is found."""

from hypothesis import given
from hypothesis import strategies as st

from dialer.tally import SIZE, Tally

NAMES = st.sets(st.text(min_size=1), max_size=30)


@given(NAMES)
def test_what_was_seen_twice_vanishes_in_any_order(names: set[str]) -> None:
    there_and_back = Tally().noted(sorted(names)).noted(sorted(names, reverse=True))
    assert there_and_back.is_even()
    assert not any(there_and_back.may_miss(name) for name in names)


@given(NAMES, st.text(min_size=1))
def test_what_was_seen_once_is_found_whatever_else_was_seen(names: set[str], odd: str) -> None:
    both = Tally().noted(names - {odd}).noted(names - {odd})
    assert both.noted([odd]).may_miss(odd)
    assert not both.noted([odd]).is_even()


def test_a_tally_s_size_does_not_depend_on_what_it_saw() -> None:
    assert len(Tally().noted(f"CA{index}" for index in range(5000)).sums) == SIZE


def test_most_of_what_both_saw_is_not_suspected_when_one_call_is_missing() -> None:
    names = [f"CA{index}" for index in range(5000)]
    tally = Tally().noted(names).noted(names[1:])
    suspected = [name for name in names if tally.may_miss(name)]
    assert names[0] in suspected
    assert len(suspected) < 50
