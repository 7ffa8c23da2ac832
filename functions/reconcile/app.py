"""Reconcile function: on a schedule, settle whatever has outlived its time; its report."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from dialer import announcements, measures, wiring
from dialer.errors import Unavailable

logger = Logger(service="reconcile")
_ONE_BATCH_MS = 20_000  # the longest one batch of questions to the carrier takes


@logger.inject_lambda_context
@wiring.invocation()
def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Any event: every run goes through all campaigns, whatever their state."""
    began = context.get_remaining_time_in_millis()
    report = wiring.reconcile()(enough_time=lambda: context.get_remaining_time_in_millis() > _ONE_BATCH_MS)
    for settled in report.settled:
        (logger.error if settled.alarm else logger.info)("settled", extra=asdict(settled))
    summary = {
        "expired": report.expired,
        "silenced": report.silenced,
        "settled": len(report.settled),
        "alarms": sum(bool(settled.alarm) for settled in report.settled),
        "unavailable": sorted(set(report.unavailable)),  # what ails hundreds is said once
        "ran_out_of_time": report.ran_out_of_time,
    }
    if report.unavailable:
        wiring.distrust()  # it may have been a secret: the next run has the newest
    logger.info("reconcile", extra=summary)
    took = timedelta(milliseconds=began - context.get_remaining_time_in_millis())
    wiring.measure(measures.of_reconcile(report, took=took))
    wiring.announcer().note(*announcements.of_reconcile(report))
    _feel_the_pulse()
    if untaken := wiring.publish():
        logger.warning("announcements were not taken", extra={"count": untaken})
    return summary


def _feel_the_pulse() -> None:
    """Only to be shown: without it the run is as good as with it."""
    try:
        wiring.measure(measures.of_pulse(wiring.patients().pulse()))
        wiring.statistics().sample()
    except Unavailable as cause:
        logger.warning("the pulse could not be felt", extra={"cause": str(cause)})
