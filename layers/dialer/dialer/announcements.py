"""Announcements: what the reports of the steps mean to whoever is outside. Ids only, never a phone or a name."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dialer.lifecycle import TERMINAL
from dialer.model import Outcome
from dialer.ports import Announcement

if TYPE_CHECKING:  # a function starts faster without the steps that it does not take
    from dialer.callback import CallbackReport
    from dialer.dial import DialReport
    from dialer.reconcile import ReconcileReport, Settled

_DUPLICATE = (
    "second call",
    "several calls for one attempt",
    "has no right to speak",
    "belongs to an attempt that was given up",
)


def is_duplicate(alarm: str) -> bool:
    """Whether an alarm says that the carrier made a call that must not exist."""
    return any(words in alarm for words in _DUPLICATE)


def of_dial(report: "DialReport") -> Iterator[Announcement]:
    who = {"campaign_id": report.campaign_id, "contact_id": report.contact_id, "attempt_id": report.attempt_id}
    if report.outcome == "refused":
        yield Announcement(kind="CallSettled", facts=who | {"outcome": str(Outcome.REFUSED), "sid": ""})
    yield from _finished(who, report.state)
    yield from _duplicate(who, report.alarm)


def of_webhook(report: "CallbackReport") -> Iterator[Announcement]:
    who = {"campaign_id": report.campaign_id, "contact_id": report.contact_id, "attempt_id": report.attempt_id}
    if report.outcome == "settled":
        yield from _settled(who, report.detail, report.sid, report.state)
    yield from _duplicate(who, report.alarm)


def of_reconcile(report: "ReconcileReport") -> Iterator[Announcement]:
    for one in report.settled:
        yield from of_settled(one)


def campaign_finished(campaign_id: str) -> Announcement:
    return Announcement(kind="CampaignFinished", facts={"campaign_id": campaign_id})


def campaign_turned(campaign_id: str, state: str, reason: str) -> Announcement:
    """A change of state that was not made by `Campaigns.set_state`, which announces its own."""
    return Announcement(kind=f"Campaign{state.capitalize()}", facts={"campaign_id": campaign_id, "reason": reason})


def of_settled(one: "Settled") -> Iterator[Announcement]:
    who = {"campaign_id": one.campaign_id, "contact_id": one.contact_id, "attempt_id": one.attempt_id}
    if one.outcome:
        yield from _settled(who, one.outcome, one.sid, one.state)
    yield from _duplicate(who, one.alarm)


def _settled(who: dict[str, str], outcome: str, sid: str, state: str) -> Iterator[Announcement]:
    yield Announcement(kind="CallSettled", facts=who | {"outcome": str(outcome), "sid": sid})
    yield from _finished(who, state)


def _finished(who: dict[str, str], state: str) -> Iterator[Announcement]:
    if state in TERMINAL:
        yield Announcement(kind="ContactFinished", facts=who | {"state": str(state)})


def _duplicate(who: dict[str, str], alarm: str) -> Iterator[Announcement]:
    if is_duplicate(alarm):
        yield Announcement(kind="DuplicateDetected", facts=who | {"alarm": alarm})
