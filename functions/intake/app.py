"""Intake function: a file in the store, a list to read on, or an export to write on; one run over it; its report."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any
from urllib.parse import unquote_plus

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dialer import measures, wiring
from dialer.errors import BadInput
from dialer.exports import WritingReport
from dialer.intake import ReadingReport
from dialer.list_records import list_id_of

logger = Logger(service="intake")
_LEAVE_WITH = timedelta(seconds=20)  # for what is in hand, and for putting the rejects together

Report = ReadingReport | WritingReport


@logger.inject_lambda_context(clear_state=True)
@wiring.invocation("intake")
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """A message: the store's notification, `{"list_id": …}` or `{"export_id": …}`. What fails returns to the queue."""
    wanted = [named for record in event["Records"] for named in _named(record["body"])]
    reports = [_run(named, context) for named in wanted]
    for report in reports:
        logger.info("export" if isinstance(report, WritingReport) else "list", extra=asdict(report))
        wiring.measure(measures.of_paper(report))
    return {"reports": [asdict(report) for report in reports]}


def _run(named: "_OurOwn", context: LambdaContext) -> Report:
    def time_left() -> timedelta:
        return timedelta(milliseconds=context.get_remaining_time_in_millis())

    leave_with = min(_LEAVE_WITH, time_left() / 3)
    if named.export_id:
        return wiring.writing(time_left, leave_with=leave_with)(named.export_id)
    return wiring.list_reading(time_left, leave_with=leave_with)(named.list_id)


def _named(body: str) -> "list[_OurOwn]":
    """The lists and exports that a message names. Raises BadInput for one that nobody should send."""
    try:
        message = _Message.model_validate_json(body)
    except ValidationError:
        raise BadInput("A message names files in the store, a `list_id` or an `export_id`.") from None
    if message.list_id or message.export_id:
        return [_OurOwn(list_id=message.list_id, export_id=message.export_id)]
    lists = (list_id_of(unquote_plus(record.s3.object.key)) for record in message.records)
    return [_OurOwn(list_id=list_id) for list_id in lists if list_id]


class _Incoming(BaseModel):
    model_config = ConfigDict(frozen=True)


class _OurOwn(_Incoming):
    list_id: str = ""
    export_id: str = ""


class _Object(_Incoming):
    key: str


class _Bucket(_Incoming):
    object: _Object


class _Stored(_Incoming):
    s3: _Bucket


class _Message(_OurOwn):
    """The store also sends one message without records, when the stack is made: a test of its own."""

    records: list[_Stored] = Field(default=[], alias="Records")
