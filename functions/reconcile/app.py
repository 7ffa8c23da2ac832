"""Reconcile function: on a schedule, settle whatever has outlived its time; its report."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from dialer import wiring

logger = Logger(service="reconcile")
_ONE_BATCH_MS = 20_000  # the longest one batch of questions to the carrier takes


@logger.inject_lambda_context
def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Any event: every run goes through all campaigns, whatever their state."""
    report = wiring.reconcile()(enough_time=lambda: context.get_remaining_time_in_millis() > _ONE_BATCH_MS)
    for settled in report.settled:
        (logger.error if settled.alarm else logger.info)("settled", extra=asdict(settled))
    summary = {
        "expired": report.expired,
        "silenced": report.silenced,
        "settled": len(report.settled),
        "alarms": sum(bool(settled.alarm) for settled in report.settled),
        "unavailable": report.unavailable,
        "ran_out_of_time": report.ran_out_of_time,
    }
    logger.info("reconcile", extra=summary)
    return summary
