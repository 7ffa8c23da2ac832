"""The carrier's words for a call's life, in their order."""

from dataclasses import replace
from itertools import pairwise

import pytest

from dialer.call_status import detail, is_final, is_known, outcome, rank
from dialer.model import FAX, CallReport, Outcome, rules_its_number_out

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


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("404", "there is no such number"),
        ("410", "the number is no longer in service"),
        ("484", "the number is incomplete"),
        ("604", "there is no such number"),
    ],
)
def test_a_number_that_the_network_does_not_know_is_refused_for_good_and_it_is_said_why(code: str, why: str) -> None:
    failed = CallReport(sid="CA1", status="failed", detail=code)
    assert outcome(failed) is Outcome.REFUSED
    assert detail(failed, Outcome.REFUSED) == f"{why} ({code})"
    assert outcome(replace(failed, status="busy")) is Outcome.BUSY


@pytest.mark.parametrize("code", ["603", "607", "608"])
@pytest.mark.parametrize("status", ["failed", "busy", "no-answer"])
def test_a_call_that_was_turned_away_is_rejected_whatever_status_it_has(status: str, code: str) -> None:
    turned_away = CallReport(sid="CA1", status=status, detail=code)
    assert outcome(turned_away) is Outcome.REJECTED
    assert detail(turned_away, Outcome.REJECTED) == code
    assert outcome(replace(turned_away, status="completed")) is Outcome.ANSWERED


@pytest.mark.parametrize("code", ["", "403", "480", "486", "500", "503", "13224", "4040"])
def test_any_other_failure_may_pass(code: str) -> None:
    failed = CallReport(sid="CA1", status="failed", detail=code)
    assert outcome(failed) is Outcome.FAILED
    assert detail(failed, Outcome.FAILED) == code


def test_a_machine_that_was_given_the_text_is_a_voicemail_and_a_person_is_none() -> None:
    over = CallReport(sid="CA1", status="completed", answered_by="machine_end_beep")
    assert outcome(over, voicemail_left=True) is Outcome.VOICEMAIL
    assert outcome(over, voicemail_left=False) is Outcome.MACHINE
    assert outcome(over, voicemail_left=True, by_a_person=True) is Outcome.ANSWERED
    assert outcome(replace(over, answered_by="human"), voicemail_left=True) is Outcome.ANSWERED


def test_a_fax_is_a_machine_of_which_it_is_kept_that_it_is_one() -> None:
    over = CallReport(sid="CA1", status="completed", detail="200")
    assert detail(replace(over, answered_by="fax"), Outcome.MACHINE) == FAX
    assert detail(over, Outcome.MACHINE, heard_before="fax") == FAX
    assert detail(over, Outcome.MACHINE, heard_before="machine_start") == "200"
    assert detail(over, Outcome.ANSWERED, heard_before="fax") == "200"  # somebody pressed a key


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("said", ["", "200", FAX])
def test_only_a_refused_number_and_a_fax_are_never_called_again(outcome: Outcome, said: str) -> None:
    fax = outcome is Outcome.MACHINE and said == FAX
    assert rules_its_number_out(outcome, said) is (fax or outcome is Outcome.REFUSED)


def test_whoever_pressed_a_key_or_spoke_is_a_person_whatever_the_carrier_heard() -> None:
    over = CallReport(sid="CA1", status="completed", answered_by="machine_start")
    assert outcome(over, by_a_person=True) is Outcome.ANSWERED
    assert outcome(CallReport(sid="CA1", status="completed"), heard_before="fax", by_a_person=True) is Outcome.ANSWERED
    assert outcome(CallReport(sid="CA1", status="failed"), by_a_person=True) is Outcome.FAILED


def test_a_machine_on_a_call_that_was_not_answered_is_no_machine() -> None:
    assert outcome(CallReport(sid="CA1", status="busy", answered_by="machine_start")) is Outcome.BUSY
