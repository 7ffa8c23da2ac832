"""The queues: call messages in batches of ten on a few threads, and refill hints, one per campaign and second."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from dialer.adapters.aws import CONNECTIONS, available
from dialer.errors import BadInput, Unavailable
from dialer.model import CallMessage
from dialer.ports import Sent
from dialer.workers import each

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from dialer.adapters.signed_posts import SignedPosts

_BATCH = 10  # SQS takes no more in one request
_IDS = ("campaign_id", "contact_id", "attempt_id")
_MOMENTS = ("slot_at", "not_after")
_in_words = json.JSONEncoder(default=datetime.isoformat).encode

Entry = tuple[CallMessage, int]


class SqsCallQueue:
    """Sends through two queues; a function that only needs one leaves the other's URL empty."""

    def __init__(
        self,
        sqs: Callable[[], "SQSClient"],
        *,
        posts: "Callable[[], SignedPosts | None]" = lambda: None,
        call_queue_url: str = "",
        refill_queue_url: str = "",
    ) -> None:
        """`sqs` gives the client when there is something to send: most calls free no line that anybody waits for.

        `posts` to the same service take the messages first; what is not answered plainly, the client sends again.
        """
        self._sqs = sqs
        self._posts = posts
        self._call_queue_url = call_queue_url
        self._refill_queue_url = refill_queue_url

    def send(self, messages: Sequence[CallMessage], *, delays: Sequence[int]) -> Sent:
        entries = list(zip(messages, delays, strict=True))
        batches = [entries[start : start + _BATCH] for start in range(0, len(entries), _BATCH)]
        results = each(batches, partial(self._send_batch, self._sqs(), self._posts()), workers=CONNECTIONS)
        return Sent(
            refused=[message for result in results for message in result.refused],
            doubtful=sum(result.doubtful for result in results),
            cause=next((result.cause for result in results if result.cause), ""),
        )

    def _send_batch(self, sqs: "SQSClient", posts: "SignedPosts | None", batch: Sequence[Entry]) -> Sent:
        entries = [
            {"Id": str(index), "MessageBody": body_of(message), "DelaySeconds": delay}
            for index, (message, delay) in enumerate(batch)
        ]
        try:
            with available("the call queue"):
                reply, sent_before = _asked(sqs, posts, {"QueueUrl": self._call_queue_url, "Entries": entries})
        except Unavailable as cause:
            return Sent(refused=[], doubtful=len(batch), cause=str(cause))
        refused = [batch[int(failed["Id"])][0] for failed in reply.get("Failed") or []]
        unnamed = len(batch) - len(refused) - len(reply.get("Successful") or [])
        if refused and sent_before:
            why = "refused when sent again: the first try may have delivered it"
            return Sent(refused=[], doubtful=unnamed + len(refused), cause=why)
        return Sent(refused=refused, doubtful=unnamed)

    def refill(self, campaign_id: str, *, now: datetime) -> None:
        with available("the refill queue"):
            self._sqs().send_message(
                QueueUrl=self._refill_queue_url,
                MessageBody=json.dumps({"campaign_id": campaign_id}),
                MessageGroupId=campaign_id,
                MessageDeduplicationId=f"{campaign_id}-{int(now.timestamp())}",
            )


def _asked(sqs: "SQSClient", posts: "SignedPosts | None", request: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """The queue's answer, and whether an earlier try of the same request may have arrived."""
    perhaps = False
    try:
        answer = posts.post("SendMessageBatch", request) if posts else None
        if answer is not None:
            return answer, False
    except Unavailable:
        perhaps = True
    reply = sqs.send_message_batch(**request)
    return reply, perhaps or reply["ResponseMetadata"]["RetryAttempts"] > 0


def body_of(message: CallMessage) -> str:
    """The message as it travels: ids and two ISO-8601 moments."""
    return _in_words(vars(message))


def message_of(body: str) -> CallMessage:
    """What `body_of` wrote. Raises BadInput, which names the fields that are missing or are not what they should be.

    Read by hand: a validating library takes a sixth of the time in which a call function starts.
    """
    told = _object(body)
    ids: dict[str, Any] = {name: told[name] for name in _IDS if told.get(name) and isinstance(told[name], str)}
    moments: dict[str, Any] = {name: at for name in _MOMENTS if (at := _moment(told.get(name)))}
    if wrong := [name for name in (*_IDS, *_MOMENTS) if name not in ids | moments]:
        raise BadInput(f"malformed call message: {', '.join(wrong)}")
    return CallMessage(**ids, **moments)


def _object(body: str) -> dict[str, Any]:
    with suppress(ValueError, RecursionError):
        if isinstance(told := json.loads(body), dict):
            return told
    raise BadInput("malformed call message: body")


def _moment(text: object) -> datetime | None:
    """With its zone: without one it would be taken for the function's own."""
    with suppress(ValueError):
        if isinstance(text, str) and (moment := datetime.fromisoformat(text)).tzinfo:
            return moment
    return None
