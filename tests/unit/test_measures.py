"""Measures and announcements: every number and every fact of a report, under the names that others rely on."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dialer import announcements, measures
from dialer.callback import CallbackReport
from dialer.dial import DialReport
from dialer.lifecycle import State
from dialer.ports import Announcement, Pulse
from dialer.reconcile import ReconcileReport, Settled
from dialer.tick import CampaignTick, TickReport
from tests.builders import a_contact, a_message

PRODUCT = Path(announcements.__file__).parent
SECOND = timedelta(seconds=1)
WHO: dict[str, Any] = {"campaign_id": "c", "contact_id": "k", "attempt_id": "a"}
MESSAGE = a_message(a_contact(state=State.CLAIMED))
DUPLICATE = "call CA1 is a second call for one attempt"


def a_dial(outcome: str, **more: Any) -> DialReport:
    return DialReport(**WHO, outcome=outcome, **more)


def a_settled(finding: str, **more: Any) -> Settled:
    return Settled(**WHO, finding=finding, **more)


def a_tick(**more: Any) -> CampaignTick:
    return replace(CampaignTick(campaign_id="c", outcome="ticked"), **more)


def test_a_ticks_counts_are_summed_over_its_campaigns() -> None:
    report = TickReport(campaigns=[a_tick(claimed=2, sent=2), a_tick(claimed=3, sifted=1, sent=1, unsent=1)])
    told = measures.of_tick(report, took=2 * SECOND, scheduled=True)
    assert told == {"Ticks": 1, "Claimed": 5, "Sent": 3, "Sifted": 1, "Unsent": 1, "TickTime": 2000}


@pytest.mark.parametrize(
    ("outcomes", "ticks"),
    [
        ([], 1),
        (["ticked", "unavailable: the database did not answer"], 1),
        (["unavailable: the database did not answer"], 0),
    ],
)
def test_a_tick_counts_unless_it_got_through_to_no_campaign(outcomes: list[str], ticks: int) -> None:
    report = TickReport(campaigns=[a_tick(outcome=outcome) for outcome in outcomes])
    assert measures.of_tick(report, took=SECOND, scheduled=True)["Ticks"] == ticks


def test_a_hinted_tick_does_not_stand_for_the_schedule() -> None:
    assert "Ticks" not in measures.of_tick(TickReport(campaigns=[a_tick()]), took=SECOND, scheduled=False)


@pytest.mark.parametrize("outcome", ["placed", "refused", "not placed", "our fault", "unsure"])
def test_whatever_followed_a_request_counts_as_dialed(outcome: str) -> None:
    told = measures.of_dial(a_dial(outcome, dial_at=MESSAGE.slot_at + SECOND), MESSAGE)
    assert told["Dialed"] == 1
    assert told["SlotLag"] == 1000
    assert len(told) == 3


@pytest.mark.parametrize("outcome", ["dropped", "put off", "forbidden", "stepped back"])
def test_what_came_to_no_request_does_not(outcome: str) -> None:
    told = measures.of_dial(a_dial(outcome, dial_at=MESSAGE.slot_at), MESSAGE)
    assert "Dialed" not in told
    assert len(told) == 1


def test_the_wait_in_the_carrier_s_queue_is_measured_where_there_was_one() -> None:
    told = measures.of_dial(a_dial("placed", queue_time=2.5 * SECOND), MESSAGE)
    assert told["CarrierQueueTime"] == 2500


def test_reconciles_findings_are_counted_by_kind() -> None:
    found = ("adopted CA1", "held", "released to pending", "given up", "waits: no call listed yet", "asked: completed")
    settled = [a_settled(finding) for finding in found]
    report = ReconcileReport(expired=2, silenced=1, settled=settled, unavailable=["the carrier did not answer"])
    assert measures.of_reconcile(report, took=SECOND) == {
        "ExpiredClaims": 2,
        "TurnedUncertain": 1,
        "Adopted": 1,
        "TurnedHeld": 1,
        "Released": 1,
        "GivenUp": 1,
        "Unavailable": 1,
        "ReconcileTime": 1000,
    }


def test_a_pulse_is_told_even_when_nothing_is_in_doubt() -> None:
    assert measures.of_pulse(Pulse()) == {"Uncertain": 0, "Held": 0, "OldestUncertainAge": 0}
    assert measures.of_pulse(Pulse(uncertain=2, held=1, oldest_uncertain=SECOND))["OldestUncertainAge"] == 1


@pytest.mark.parametrize(
    "alarm",
    [
        DUPLICATE,
        "second call CA1 for one attempt",
        "several calls for one attempt: CA1, CA2",
        "call CA1 has no right to speak",
        "call CA1 belongs to an attempt that was given up",
    ],
)
def test_a_call_that_must_not_exist_is_a_duplicate_wherever_it_is_seen(alarm: str) -> None:
    webhook = CallbackReport(contact_id="k", attempt_id="a", outcome="no-op", alarm=alarm)
    reconciled = ReconcileReport(settled=[a_settled("held", alarm=alarm)])
    assert measures.of_dial(a_dial("placed", alarm=alarm), MESSAGE)["Duplicates"] == 1
    assert measures.of_webhook(webhook)["Duplicates"] == 1
    assert measures.of_reconcile(reconciled, took=SECOND)["Duplicates"] == 1
    told = [
        *announcements.of_dial(a_dial("placed", alarm=alarm)),
        *announcements.of_webhook(webhook),
        *announcements.of_reconcile(reconciled),
    ]
    assert [one.kind for one in told] == ["DuplicateDetected"] * 3
    assert {one.facts["alarm"] for one in told} == {alarm}


@pytest.mark.parametrize("alarm", ["", "the lock table is younger than the campaign: its fence was raised"])
def test_another_alarm_is_no_duplicate(alarm: str) -> None:
    assert not announcements.is_duplicate(alarm)
    assert "Duplicates" not in measures.of_dial(a_dial("placed", alarm=alarm), MESSAGE)


@pytest.mark.parametrize("words", announcements._DUPLICATE)
def test_the_words_of_a_duplicate_are_those_of_the_steps(words: str) -> None:
    """Whoever changes an alarm's words must change them here too, or nobody would be woken."""
    sources = [
        PRODUCT / "callback.py",
        PRODUCT / "conversation.py",
        PRODUCT / "reconcile.py",
        PRODUCT / "adapters" / "lines.py",
    ]
    assert any(words in source.read_text() for source in sources)


def test_the_end_of_a_call_is_announced_with_how_it_ended() -> None:
    report = CallbackReport(**WHO, outcome="settled", detail="busy", sid="CA1", state=State.PENDING)
    assert list(announcements.of_webhook(report)) == [
        Announcement(kind="CallSettled", facts=WHO | {"outcome": "busy", "sid": "CA1"})
    ]


@pytest.mark.parametrize("state", [State.DONE, State.FAILED])
def test_the_last_call_finishes_the_contact(state: State) -> None:
    report = CallbackReport(**WHO, outcome="settled", detail="answered", sid="CA1", state=state)
    _, finished = announcements.of_webhook(report)
    assert finished == Announcement(kind="ContactFinished", facts=WHO | {"state": str(state)})


def test_what_reconcile_found_out_is_announced_like_a_webhook() -> None:
    asked = a_settled("asked: completed", outcome="answered", sid="CA1", state=State.DONE)
    given_up = a_settled("given up", outcome="unknown", state=State.FAILED)
    waits = a_settled("waits: no call listed yet")
    told = list(announcements.of_reconcile(ReconcileReport(settled=[asked, given_up, waits])))
    assert [one.kind for one in told] == ["CallSettled", "ContactFinished"] * 2


@pytest.mark.parametrize(
    ("report", "kinds"),
    [
        (a_dial("placed", sid="CA1"), []),
        (a_dial("unsure"), []),
        (a_dial("forbidden"), []),
        (a_dial("forbidden", state=State.SUPPRESSED), ["ContactFinished"]),
        (a_dial("refused", state=State.FAILED), ["CallSettled", "ContactFinished"]),
    ],
)
def test_a_dial_is_announced_only_where_it_is_an_end(report: DialReport, kinds: list[str]) -> None:
    assert [one.kind for one in announcements.of_dial(report)] == kinds


def test_a_progress_report_is_nobodys_news() -> None:
    for outcome in ("moved", "no-op", "unknown", "speaks", "opted out"):
        assert not list(announcements.of_webhook(CallbackReport(contact_id="k", attempt_id="a", outcome=outcome)))
