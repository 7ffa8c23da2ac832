"""The queue of what may be an opt-out: pressed or said on a call while nothing could be written down."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from dialer.adapters.aws import available
from dialer.errors import BadInput
from dialer.ports import CallRef, Said

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_MALFORMED = "a malformed message in the queue of opt-outs"


class SqsOptOutQueue:
    """One message for each; the voice function hears them again until it can write."""

    def __init__(self, sqs: Callable[[], "SQSClient"], *, url: str) -> None:
        self._sqs = sqs
        self._url = url

    def keep(self, ref: CallRef, said: Said) -> None:
        with available("the queue of opt-outs"):
            self._sqs().send_message(QueueUrl=self._url, MessageBody=json.dumps(asdict(ref) | asdict(said)))


def said_of(body: str) -> tuple[CallRef, Said]:
    """What `keep` wrote. Raises BadInput for anything else."""
    try:
        told = json.loads(body)
        ref = CallRef(contact_id=told.pop("contact_id"), attempt_id=told.pop("attempt_id"))
        said = Said(**told)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise BadInput(_MALFORMED) from None
    if not all(isinstance(value, str) for value in (*asdict(ref).values(), *asdict(said).values())):
        raise BadInput(_MALFORMED)
    return ref, said
