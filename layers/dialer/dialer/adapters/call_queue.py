"""The queues: call messages in batches of ten on a few threads, and refill hints, one per campaign and second."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dialer.adapters.aws import CONNECTIONS, available
from dialer.errors import Unavailable
from dialer.model import CallMessage
from dialer.ports import Sent
from dialer.workers import each

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BATCH = 10  # SQS takes no more in one request

Entry = tuple[CallMessage, int]


class SqsCallQueue:
    """Sends through two queues; a function that only needs one leaves the other's URL empty."""

    def __init__(self, sqs: "SQSClient", *, call_queue_url: str = "", refill_queue_url: str = "") -> None:
        self._sqs = sqs
        self._call_queue_url = call_queue_url
        self._refill_queue_url = refill_queue_url

    def send(self, messages: Sequence[CallMessage], *, delays: Sequence[int]) -> Sent:
        entries = list(zip(messages, delays, strict=True))
        batches = [entries[start : start + _BATCH] for start in range(0, len(entries), _BATCH)]
        results = each(batches, self._send_batch, workers=CONNECTIONS)
        return Sent(
            refused=[message for result in results for message in result.refused],
            doubtful=sum(result.doubtful for result in results),
            cause=next((result.cause for result in results if result.cause), ""),
        )

    def _send_batch(self, batch: Sequence[Entry]) -> Sent:
        entries: list[Any] = [
            {"Id": str(index), "MessageBody": body_of(message), "DelaySeconds": delay}
            for index, (message, delay) in enumerate(batch)
        ]
        try:
            with available("the call queue"):
                reply = self._sqs.send_message_batch(QueueUrl=self._call_queue_url, Entries=entries)
        except Unavailable as cause:
            return Sent(refused=[], doubtful=len(batch), cause=str(cause))
        refused = [batch[int(failed["Id"])][0] for failed in reply.get("Failed", [])]
        unnamed = len(batch) - len(refused) - len(reply.get("Successful", []))
        if refused and reply["ResponseMetadata"]["RetryAttempts"]:
            why = "refused when sent again: the first try may have delivered it"
            return Sent(refused=[], doubtful=unnamed + len(refused), cause=why)
        return Sent(refused=refused, doubtful=unnamed)

    def refill(self, campaign_id: str, *, now: datetime) -> None:
        with available("the refill queue"):
            self._sqs.send_message(
                QueueUrl=self._refill_queue_url,
                MessageBody=json.dumps({"campaign_id": campaign_id}),
                MessageGroupId=campaign_id,
                MessageDeduplicationId=f"{campaign_id}-{int(now.timestamp())}",
            )


def body_of(message: CallMessage) -> str:
    """The message as it travels: ids and two ISO-8601 moments."""
    return json.dumps(vars(message), default=datetime.isoformat)
