"""The carrier's words for a call's life, in their order."""

from itertools import pairwise

import pytest

from dialer.call_status import is_final, is_known, outcome, rank
from dialer.model import CallReport, Outcome

IN_ORDER = ("queued", "initiated", "ringing", "in-progress", "completed")
ENDS = {
    "completed": Outcome.ANSWERED,
    "busy": Outcome.BUSY,
    "no-answer": Outcome.NO_ANSWER,
    "failed": Outcome.FAILED,
    "canceled": Outcome.CANCELED,
}


@pytest.mark.parametrize(("earlier", "later"), list(pairwise(IN_ORDER)))
def test_a_later_status_outranks_an_earlier_one(earlier: str, later: str) -> None:
    assert rank(earlier) < rank(later)


def test_the_events_word_and_the_calls_word_for_answered_are_the_same() -> None:
    assert rank("answered") == rank("in-progress")


@pytest.mark.parametrize("status", ENDS)
def test_every_end_outranks_all_progress_and_no_other_end(status: str) -> None:
    assert is_final(status)
    assert all(rank(status) > rank(progress) for progress in IN_ORDER[:-1])
    assert rank(status) == rank("completed")


@pytest.mark.parametrize("status", [*IN_ORDER[:-1], "answered"])
def test_progress_is_known_and_no_end(status: str) -> None:
    assert is_known(status)
    assert not is_final(status)


@pytest.mark.parametrize("status", ["", "COMPLETED", "complete", "in progress", "ringing ", "$state"])
def test_other_words_are_unknown(status: str) -> None:
    assert not is_known(status)
    assert not is_final(status)


@pytest.mark.parametrize(("status", "end"), ENDS.items())
def test_every_end_stands_for_one_outcome(status: str, end: Outcome) -> None:
    assert outcome(CallReport(sid="CA1", status=status)) is end


@pytest.mark.parametrize(
    ("answered_by", "end"),
    [
        ("human", Outcome.ANSWERED),
        ("unknown", Outcome.ANSWERED),
        ("", Outcome.ANSWERED),
        ("machine_start", Outcome.MACHINE),
        ("machine_end_beep", Outcome.MACHINE),
        ("machine_end_silence", Outcome.MACHINE),
        ("machine_end_other", Outcome.MACHINE),
        ("fax", Outcome.MACHINE),
    ],
)
def test_who_answered_decides_between_a_person_and_a_machine(answered_by: str, end: Outcome) -> None:
    assert outcome(CallReport(sid="CA1", status="completed", answered_by=answered_by)) is end
    assert outcome(CallReport(sid="CA1", status="completed"), heard_before=answered_by) is end


def test_what_is_heard_last_about_who_answered_counts() -> None:
    last = CallReport(sid="CA1", status="completed", answered_by="human")
    assert outcome(last, heard_before="machine_start") is Outcome.ANSWERED


def test_whoever_pressed_a_key_or_spoke_is_a_person_whatever_the_carrier_heard() -> None:
    over = CallReport(sid="CA1", status="completed", answered_by="machine_start")
    assert outcome(over, by_a_person=True) is Outcome.ANSWERED
    assert outcome(CallReport(sid="CA1", status="completed"), heard_before="fax", by_a_person=True) is Outcome.ANSWERED
    assert outcome(CallReport(sid="CA1", status="failed"), by_a_person=True) is Outcome.FAILED


def test_a_machine_on_a_call_that_was_not_answered_is_no_machine() -> None:
    assert outcome(CallReport(sid="CA1", status="busy", answered_by="machine_start")) is Outcome.BUSY
