"""Call function: one call message, one dial, its report. Powertools spares repeated work; the promise rests on T4."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from dialer import announcements, measures, wiring
from dialer.adapters.call_queue import message_of
from dialer.dial import DialReport
from dialer.errors import BadSettings, DialerError
from dialer.model import CallMessage

logger = Logger(service="call")
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context
@wiring.invocation("call")
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """An SQS batch. A record fails, and so returns, only while nothing can have been sent for it."""
    once = wiring.once_per_attempt(_dial, context)

    def handle(record: SQSRecord) -> dict[str, Any]:
        with _explained(record):
            message = message_of(record.body)
        with logger.append_context_keys(**_who(message)), _explained(record):
            return dict(once(message=message, context=context))

    try:
        return process_partial_response(event=event, record_handler=handle, processor=processor, context=context)
    finally:
        _publish()


@contextmanager
def _explained(record: SQSRecord) -> Iterator[None]:
    """Says why a record returns to the queue: the batch processor does not. Only our own errors are quoted: the text
    of any other may hold a phone."""
    try:
        yield
    except Exception as failed:
        if isinstance(failed, BadSettings):
            wiring.distrust()
        cause = str(failed) if isinstance(failed, DialerError) else type(failed).__name__
        logger.error("message returns", extra={"message_id": record.message_id, "cause": cause})  # noqa: TRY400
        wiring.measure(measures.of_return())
        raise


def _dial(*, message: CallMessage, context: LambdaContext) -> dict[str, Any]:
    def time_left() -> timedelta:
        return timedelta(milliseconds=context.get_remaining_time_in_millis())

    report = wiring.dial(time_left)(message)
    _tell(report, message)
    return {"outcome": report.outcome}


def _who(message: CallMessage) -> dict[str, str]:
    return {
        "campaign_id": message.campaign_id, "contact_id": message.contact_id, "attempt_id": message.attempt_id
    }  # fmt: skip


def _tell(report: DialReport, message: CallMessage) -> None:
    """The request has left: neither a metric nor an announcement may undo that, and none of these raises."""
    (logger.error if report.alarm else logger.info)("dial", extra=asdict(report))
    wiring.measure(measures.of_dial(report, message))
    wiring.announcer().note(*announcements.of_dial(report))


def _publish() -> None:
    if untaken := wiring.publish():
        logger.warning("announcements were not taken", extra={"count": untaken})
