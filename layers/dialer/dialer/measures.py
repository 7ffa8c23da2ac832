"""Measures: the numbers in the reports of the steps, under the names of the metrics. What is zero is left out."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from dialer.announcements import is_duplicate
from dialer.model import CallMessage
from dialer.ports import Pulse

if TYPE_CHECKING:  # a function starts faster without the steps that it does not take
    from dialer.callback import CallbackReport
    from dialer.dial import DialReport
    from dialer.drain import DrainReport
    from dialer.exports import WritingReport
    from dialer.intake import ReadingReport
    from dialer.reconcile import ReconcileReport
    from dialer.tick import CampaignTick, TickReport

Measures = Mapping[str, float]
"""Counts; milliseconds where the name ends in `Time` or `Lag`, seconds where it ends in `Age`."""

ALWAYS = {"Ticks", "Uncertain", "Held", "OldestUncertainAge", "SlotLag", "TickTime", "ReconcileTime"}
"""Measures whose zero says something: all others are only sent when there was something to count."""

_DIALED = {
    "placed": "Placed",
    "refused": "Refused",
    "not placed": "NotPlaced",
    "our fault": "OurFault",
    "unsure": "TurnedUncertain",
}
_NOT_DIALED = {"dropped": "Dropped", "put off": "PutOff", "forbidden": "Forbidden", "stepped back": "SteppedBack"}
_FINDINGS = {"adopted": "Adopted", "held": "TurnedHeld", "released": "Released", "given up": "GivenUp"}


def of_tick(report: "TickReport", *, took: timedelta, scheduled: bool) -> Measures:
    """`Ticks` counts the schedule's ticks that got through to their campaigns: its absence is an alarm."""
    ticks = report.campaigns
    stuck = [tick for tick in ticks if tick.outcome.startswith("unavailable")]
    counts: dict[str, float] = {
        "Claimed": sum(tick.claimed for tick in ticks),
        "Sifted": sum(tick.sifted for tick in ticks),
        "Sent": sum(tick.sent for tick in ticks),
        "Unsent": sum(tick.unsent for tick in ticks),
        "DoubtfullySent": sum(tick.doubtful for tick in ticks),
        "UnavailableCampaigns": len(stuck),
        "NotReached": report.not_reached,
        "TickTime": _milliseconds(took),
        **_alarms(tick.alarm for tick in ticks),
    }
    if scheduled:
        counts["Ticks"] = 0 if _all_stuck(ticks, stuck) else 1
    return _told(counts)


def _all_stuck(ticks: "Sequence[CampaignTick]", stuck: "Sequence[CampaignTick]") -> bool:
    return bool(ticks) and len(stuck) == len(ticks)


def of_dial(report: "DialReport", message: CallMessage) -> Measures:
    """`SlotLag`: how long after its slot the line was taken, both by the database's clock."""
    counts: dict[str, float] = {**_alarms([report.alarm])}
    if report.outcome in _DIALED:
        counts |= {"Dialed": 1, _DIALED[report.outcome]: 1}
        if report.dial_at is not None:
            counts["SlotLag"] = max(0.0, _milliseconds(report.dial_at - message.slot_at))
        counts["CarrierQueueTime"] = _milliseconds(report.queue_time)
    elif report.outcome in _NOT_DIALED:
        counts[_NOT_DIALED[report.outcome]] = 1
    return _told(counts)


def of_return() -> Measures:
    """A call message that goes back to its queue, for nothing was sent."""
    return {"Returned": 1}


def of_webhook(report: "CallbackReport") -> Measures:
    return _told(
        {
            "Webhooks": 1,
            "Settled": report.outcome == "settled",
            "OptedOut": report.outcome == "opted out",
            **_alarms([report.alarm]),
        }
    )


def of_stranger() -> Measures:
    """A request to the voice function without the carrier's signature."""
    return {"RefusedWebhooks": 1}


def of_reconcile(report: "ReconcileReport", *, took: timedelta) -> Measures:
    counts: dict[str, float] = {
        "ExpiredClaims": report.expired,
        "TurnedUncertain": report.silenced,
        "Settled": sum(bool(one.outcome) for one in report.settled),
        "Unavailable": len(report.unavailable),
        "ReconcileTime": _milliseconds(took),
        **_alarms(one.alarm for one in report.settled),
    }
    for words, name in _FINDINGS.items():
        counts[name] = sum(one.finding.startswith(words) for one in report.settled)
    return _told(counts)


def of_drain(report: "DrainReport") -> Measures:
    settled = sum(bool(one.outcome) for one in report.settled)
    alarms = _alarms(one.alarm for one in report.settled)
    return _told({"Settled": settled, "Unavailable": len(report.unavailable), **alarms})


def of_paper(report: "ReadingReport | WritingReport") -> Measures:
    """Of runs, not of rows: one over a list or an export that is at its end, or that another run goes on with."""
    names = {"read": "ListsRead", "refused": "ListsRefused", "written": "ExportsWritten", "goes on": "RunsContinued"}
    return _told({names[report.outcome]: 1} if report.outcome in names else {})


def of_pulse(pulse: Pulse) -> Measures:
    return {
        "Uncertain": pulse.uncertain,
        "Held": pulse.held,
        "OldestUncertainAge": pulse.oldest_uncertain.total_seconds(),
    }


def _alarms(alarms: Iterable[str]) -> dict[str, float]:
    said = [alarm for alarm in alarms if alarm]
    return {"Alarms": len(said), "Duplicates": sum(is_duplicate(alarm) for alarm in said)}


def _told(counts: Mapping[str, float]) -> Measures:
    return {name: value for name, value in counts.items() if value or name in ALWAYS}


def _milliseconds(span: timedelta) -> float:
    return span / timedelta(milliseconds=1)
