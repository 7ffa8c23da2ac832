"""Reconcile function: settle what has outlived its time, empty the carrier's queue after a pause, audit a campaign."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from dialer import announcements, measures, wiring
from dialer.audit import Audited, Kind, Question
from dialer.drain import DrainReport
from dialer.errors import BadInput, Unavailable
from dialer.model import Outcome

logger = Logger(service="reconcile")
_ONE_BATCH_MS = 20_000  # the longest one batch of questions to the carrier takes


@logger.inject_lambda_context
@wiring.invocation("reconcile")
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """`{"audit": {…}}` audits a campaign; `{"detail": {"campaign_id": …}}`, as the bus sends it after a pause or stop,
    drains that campaign at once; any other event settles, in all campaigns, whatever their state."""
    if "audit" in event:
        return _audit(event["audit"], context)
    left = _left(event.get("detail"))
    return _drain(left, context) if left else _reconcile(context)


def _left(detail: object) -> str:
    """The campaign that an event from the bus is about, or nothing."""
    return str(detail.get("campaign_id", "")) if isinstance(detail, dict) else ""


def _drain(campaign_id: str, context: LambdaContext) -> dict[str, Any]:
    report = wiring.drain()(enough_time=_enough(context), campaign_id=campaign_id)
    summary = _told(report)
    _publish()
    return summary


def _reconcile(context: LambdaContext) -> dict[str, Any]:
    began = context.get_remaining_time_in_millis()
    drained = _told(wiring.drain()(enough_time=_enough(context)))
    report = wiring.reconcile()(enough_time=_enough(context))
    for settled in report.settled:
        (logger.error if settled.alarm else logger.info)("settled", extra=asdict(settled))
    summary = {
        "expired": report.expired,
        "silenced": report.silenced,
        "settled": len(report.settled),
        "alarms": sum(bool(settled.alarm) for settled in report.settled),
        "unavailable": sorted(set(report.unavailable)),  # what ails hundreds is said once
        "ran_out_of_time": report.ran_out_of_time,
        "drained": drained,
    }
    if report.unavailable:
        wiring.distrust()  # it may have been a secret: the next run has the newest
    logger.info("reconcile", extra=summary)
    took = timedelta(milliseconds=began - context.get_remaining_time_in_millis())
    wiring.measure(measures.of_reconcile(report, took=took))
    wiring.announcer().note(*announcements.of_reconcile(report))
    _feel_the_pulse()
    _publish()
    return summary


def _enough(context: LambdaContext) -> Callable[[], bool]:
    return lambda: context.get_remaining_time_in_millis() > _ONE_BATCH_MS


def _told(report: DrainReport) -> dict[str, Any]:
    """What was taken back from the carrier's queue, told and announced like every other end."""
    for settled in report.settled:
        (logger.error if settled.alarm else logger.info)("drained", extra=asdict(settled))
        wiring.announcer().note(*announcements.of_settled(settled))
    summary = {
        "campaigns": report.drained,
        "taken_back": sum(settled.outcome == Outcome.CANCELED for settled in report.settled),
        "unavailable": sorted(set(report.unavailable)),
    }
    logger.info("drain", extra=summary)
    wiring.measure(measures.of_drain(report))
    return summary


def _publish() -> None:
    if untaken := wiring.publish():
        logger.warning("announcements were not taken", extra={"count": untaken})


class _AuditEvent(BaseModel):
    """`next` is the last answer's, where an audit goes on."""

    campaign_id: Annotated[str, Field(min_length=1)]
    since: AwareDatetime
    until: AwareDatetime
    next: str = ""


def _audit(wish: object, context: LambdaContext) -> dict[str, Any]:
    """What was found so far; where `next` is not empty, the same event with it goes on."""
    try:
        asked = _AuditEvent.model_validate(wish)
        question = Question(campaign_id=asked.campaign_id, since=asked.since, until=asked.until)
        audited = wiring.audit()(
            question, goes_on=asked.next, enough_time=lambda: context.get_remaining_time_in_millis() > _ONE_BATCH_MS
        )
    except ValidationError as wrong:
        fields = ", ".join(str(error["loc"][0]) if error["loc"] else "audit" for error in wrong.errors())
        return {"refused": f"An audit has a campaign_id, since and until (moments with their zone); wrong: {fields}."}
    except BadInput as wrong:
        return {"refused": str(wrong)}
    if audited.unavailable:
        wiring.distrust()
    counts = {"campaign_id": asked.campaign_id, **_counted(audited)}
    (logger.error if any(audited.counts.values()) else logger.info)("audit", extra=counts)
    return {"since": asked.since.isoformat(), "until": asked.until.isoformat(), **counts, **_shown(audited)}


def _counted(audited: Audited) -> dict[str, Any]:
    names = ("calls", "attempts", "unsettled", "unreadable", "unavailable")
    return {**{name: getattr(audited, name) for name in names}, "counts": audited.counts}


def _shown(audited: Audited) -> dict[str, Any]:
    """The first findings of each kind, and where to go on."""
    first = {kind: [asdict(one) for one in audited.findings if one.kind is kind] for kind in Kind}
    return {"first": first, "next": audited.next}


def _feel_the_pulse() -> None:
    """Only to be shown: without it the run is as good as with it."""
    try:
        wiring.measure(measures.of_pulse(wiring.patients().pulse()))
        wiring.statistics().sample()
    except Unavailable as cause:
        logger.warning("the pulse could not be felt", extra={"cause": str(cause)})
