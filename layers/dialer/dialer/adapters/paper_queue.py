"""The queue of the function that reads lists and writes exports: it gets the store's news there, and our own ids."""

import json
from typing import TYPE_CHECKING

from dialer.adapters.aws import available

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsPaperQueue:
    """One message for each further run."""

    def __init__(self, sqs: "SQSClient", *, url: str) -> None:
        self._sqs = sqs
        self._url = url

    def read_on(self, list_id: str) -> None:
        self._send({"list_id": list_id})

    def write_on(self, export_id: str) -> None:
        self._send({"export_id": export_id})

    def _send(self, what: dict[str, str]) -> None:
        with available("the queue of lists and exports"):
            self._sqs.send_message(QueueUrl=self._url, MessageBody=json.dumps(what))
