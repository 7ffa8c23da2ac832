"""The queues: few requests, true delays, and the difference between "not taken" and "nobody knows"."""

import json
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from dialer.adapters.call_queue import SqsCallQueue, body_of, message_of
from dialer.errors import BadInput, Unavailable
from dialer.lifecycle import State
from dialer.model import CallMessage
from local.processes import free_port
from tests.adapters.aws import client, moto, posts
from tests.adapters.http_wire import Answer, Asked, Cut, LossyProxy, Reply, Silence, WireServer
from tests.builders import a_contact, a_message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FAULT = {"Code": "InternalError", "Message": "not taken", "SenderFault": False}


@dataclass(kw_only=True)
class Queues:
    """The adapter over two real queues, and every request it sends, seen as it leaves."""

    sqs: "SQSClient"
    calls: str
    refills: str
    sent: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sqs.meta.events.register("before-send.sqs.SendMessageBatch", self._see)

    def _see(self, request: Any, **_: Any) -> None:
        self.sent.append(json.loads(request.body))

    @property
    def adapter(self) -> SqsCallQueue:
        return _queue(self.sqs, self.calls, self.refills)

    def received(self, url: str) -> list[dict[str, Any]]:
        """All that is visible now."""
        found: list[dict[str, Any]] = []
        while True:
            reply = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
            if not reply.get("Messages"):
                return found
            for message in reply["Messages"]:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(message["Body"]))


@pytest.fixture(params=["moto", "ministack"])
def queues(request: pytest.FixtureRequest) -> Iterator[Queues]:
    if request.param == "moto":
        with moto():
            yield from _made(client("sqs", None))
    else:
        yield from _made(client("sqs", request.getfixturevalue("ministack")))


def _made(sqs: "SQSClient") -> Iterator[Queues]:
    name = secrets.token_hex(4)
    calls = sqs.create_queue(QueueName=f"calls-{name}")["QueueUrl"]
    refills = sqs.create_queue(QueueName=f"refills-{name}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    yield Queues(sqs=sqs, calls=calls, refills=refills)
    sqs.close()


def _queue(sqs: "SQSClient", calls: str, refills: str = "") -> SqsCallQueue:
    """As wiring makes it."""
    return SqsCallQueue(lambda: sqs, posts=lambda: posts(sqs), call_queue_url=calls, refill_queue_url=refills)


def messages(count: int) -> list[CallMessage]:
    return [a_message(a_contact(state=State.CLAIMED)) for _ in range(count)]


@pytest.mark.parametrize(("count", "requests"), [(0, 0), (1, 1), (10, 1), (11, 2), (25, 3), (100, 10)])
def test_messages_go_in_batches_of_ten_and_arrive_once(queues: Queues, count: int, requests: int) -> None:
    going = messages(count)
    sent = queues.adapter.send(going, delays=[0] * count)
    assert (list(sent.refused), sent.doubtful, sent.cause) == ([], 0, "")
    assert len(queues.sent) == requests
    assert all(len(request["Entries"]) <= 10 for request in queues.sent)
    arrived = queues.received(queues.calls)
    assert sorted(arrived, key=lambda one: one["attempt_id"]) == sorted(
        (json.loads(body_of(one)) for one in going), key=lambda one: one["attempt_id"]
    )


def test_a_message_is_ids_and_two_moments_and_nothing_else() -> None:
    message = CallMessage(
        campaign_id="c", contact_id="p", attempt_id="p-1", slot_at=NOON, not_after=NOON + timedelta(minutes=6)
    )
    assert json.loads(body_of(message)) == {
        "campaign_id": "c",
        "contact_id": "p",
        "attempt_id": "p-1",
        "slot_at": "2026-03-02T12:00:00+00:00",
        "not_after": "2026-03-02T12:06:00+00:00",
    }
    assert message_of(body_of(message)) == message


NAMED = "campaign_id, contact_id, attempt_id, slot_at, not_after"
WELL_FORMED = {
    "campaign_id": "c",
    "contact_id": "p",
    "attempt_id": "p-1",
    "slot_at": "2026-03-02T12:00:00+00:00",
    "not_after": "2026-03-02T12:06:00Z",
}


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ("", "body"),
        ("{", "body"),
        ("[]", "body"),
        ("null", "body"),
        ("[" * 100_000, "body"),
        ("{}", NAMED),
        (dict.fromkeys(WELL_FORMED), NAMED),
        (dict.fromkeys(WELL_FORMED, 7), NAMED),
        (WELL_FORMED | {"campaign_id": ""}, "campaign_id"),
        (WELL_FORMED | {"contact_id": {"$ne": ""}}, "contact_id"),
        (WELL_FORMED | {"attempt_id": ["p-1"]}, "attempt_id"),
        (WELL_FORMED | {"slot_at": "soon"}, "slot_at"),
        (WELL_FORMED | {"slot_at": "2026-03-02T12:00:00"}, "slot_at"),
        (WELL_FORMED | {"not_after": "2026-03-02"}, "not_after"),
    ],
)
def test_a_message_that_we_did_not_write_is_refused_by_the_names_of_what_is_wrong(body: Any, wrong: str) -> None:
    with pytest.raises(BadInput, match=f"^malformed call message: {wrong}$"):
        message_of(body if isinstance(body, str) else json.dumps(body))


def test_each_message_waits_for_its_own_slot(queues: Queues) -> None:
    going = messages(12)
    delays = [0] * 10 + [2, 900]
    queues.adapter.send(going, delays=delays)
    asked = {entry["MessageBody"]: entry["DelaySeconds"] for request in queues.sent for entry in request["Entries"]}
    assert asked == {body_of(message): delay for message, delay in zip(going, delays, strict=True)}
    assert len(queues.received(queues.calls)) == 10
    began = time.monotonic()
    while not (late := queues.received(queues.calls)) and time.monotonic() - began < 10:
        time.sleep(0.05)
    assert [one["attempt_id"] for one in late] == [going[10].attempt_id]
    assert time.monotonic() - began > 0.9


def test_a_delay_for_each_message_and_no_other_number_of_them(queues: Queues) -> None:
    with pytest.raises(ValueError, match="zip"):
        queues.adapter.send(messages(2), delays=[0])
    assert queues.sent == []


def test_an_entry_that_the_queue_names_as_not_taken_is_refused_and_the_others_arrive() -> None:
    with moto():
        for queues in _made(client("sqs", None)):
            going = messages(12)
            sent = queues.adapter.send(going, delays=[0, 901, *[0] * 9, 901])
            assert list(sent.refused) == [going[1], going[11]]
            assert sent.doubtful == 0
            assert len(queues.received(queues.calls)) == 10


# what goes wrong on the wire


def _reply(asked: Asked, *, failed: Sequence[int] = (), unnamed: Sequence[int] = ()) -> Reply:
    """SQS's answer to a batch: some entries taken, some named as failed, some not named at all."""
    ids = [entry["Id"] for entry in json.loads(asked.body)["Entries"]]
    taken = [one for one in ids if int(one) not in {*failed, *unnamed}]
    body = {
        "Successful": [{"Id": one, "MessageId": one, "MD5OfMessageBody": "0" * 32} for one in taken],
        "Failed": [{"Id": one, **FAULT} for one in ids if int(one) in failed],
    }
    return Reply(body=json.dumps(body).encode(), headers={"Content-Type": "application/x-amz-json-1.0"})


def _over(server: WireServer, going: Sequence[CallMessage], **config: Any) -> Any:
    sqs = client("sqs", server.url, **config)
    try:
        return _queue(sqs, f"{server.url}/123456789012/calls").send(going, delays=[0] * len(going))
    finally:
        sqs.close()


def test_failed_entries_are_the_refused_ones_whatever_their_place() -> None:
    going = messages(25)
    with WireServer(lambda asked: _reply(asked, failed=[0, 4])) as server:
        sent = _over(server, going)
    assert list(sent.refused) == [going[index] for index in (0, 4, 10, 14, 20, 24)]
    assert sent.doubtful == 0


@pytest.mark.parametrize(
    "answer",
    [
        Cut(),
        Silence(),
        Reply(status=500, body=b"{}"),
        Reply(status=503, body=b"<html>"),
        Reply(status=403, body=b'{"__type":"AccessDenied"}'),
        Reply(status=400, body=b'{"__type":"BatchRequestTooLong"}'),
    ],
    ids=["cut", "silence", "500", "503", "denied", "too long"],
)
def test_a_batch_without_an_answer_is_doubtful_and_never_refused(answer: Answer) -> None:
    with WireServer(lambda _: answer) as server:
        sent = _over(server, messages(3), read_timeout=0.2)
    assert (list(sent.refused), sent.doubtful) == ([], 3)
    assert sent.cause


def test_what_never_left_and_is_then_refused_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through a proxy only the client finds its way: its first try is the first."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    going = messages(3)
    with WireServer(lambda asked: _reply(asked, failed=[1])) as server:
        monkeypatch.setenv("http_proxy", server.url)
        sent = _over(server, going)
    assert (list(sent.refused), sent.doubtful) == ([going[1]], 0)


def test_an_answer_that_names_nothing_is_an_answer() -> None:
    with WireServer(lambda _: Reply(body=b"{}")) as server:
        sent = _over(server, messages(2))
        assert len(server.asked) == 1
    assert (list(sent.refused), sent.doubtful) == ([], 2)


def test_an_answer_with_nothing_in_place_of_a_list_is_read() -> None:
    def told(asked: Asked) -> Reply:
        body = json.loads(_reply(asked).body)
        return Reply(body=json.dumps(body | {"Failed": None}).encode())

    with WireServer(told) as server:
        sent = _over(server, messages(2))
    assert (list(sent.refused), sent.doubtful) == ([], 0)


def test_one_batch_in_doubt_leaves_the_others_certain() -> None:
    going = messages(25)
    marked = going[12].attempt_id.encode()
    with WireServer(lambda asked: Cut() if marked in asked.body else _reply(asked, failed=[3])) as server:
        sent = _over(server, going)
    assert list(sent.refused) == [going[3], going[23]]
    assert sent.doubtful == 10


def test_what_fails_only_when_it_is_sent_again_is_doubtful() -> None:
    """The first try may have delivered it: a message that may arrive is never unsent."""
    tries: list[Asked] = []

    def first_lost(asked: Asked) -> Answer:
        tries.append(asked)
        return Cut() if len(tries) == 1 else _reply(asked, failed=[1])

    with WireServer(first_lost) as server:
        sent = _over(server, messages(4))
    assert len(tries) == 2
    assert (list(sent.refused), sent.doubtful) == ([], 1)
    assert sent.cause


def test_an_entry_that_the_answer_does_not_name_is_doubtful() -> None:
    with WireServer(lambda asked: _reply(asked, unnamed=[2], failed=[0])) as server:
        going = messages(4)
        sent = _over(server, going)
    assert (list(sent.refused), sent.doubtful) == ([going[0]], 1)


def test_a_lost_reply_delivers_twice_and_refuses_nobody(ministack: str) -> None:
    with LossyProxy(ministack) as proxy:
        for queues in _made(client("sqs", proxy.url)):
            proxy.lose("SendMessageBatch")
            going = messages(3)
            sent = queues.adapter.send(going, delays=[0] * 3)
            assert (list(sent.refused), sent.doubtful) == ([], 0)
            arrived = [one["attempt_id"] for one in queues.received(queues.calls)]
            assert sorted(arrived) == sorted([one.attempt_id for one in going] * 2)


def test_a_queue_that_is_not_there_is_doubtful_to_send_to_and_unavailable_to_refill() -> None:
    sqs = client("sqs", f"http://127.0.0.1:{free_port()}")
    url = f"http://127.0.0.1:{free_port()}/1/q"
    queue = _queue(sqs, url, url)
    sent = queue.send(messages(2), delays=[0, 0])
    assert (list(sent.refused), sent.doubtful) == ([], 2)
    with pytest.raises(Unavailable):
        queue.refill("c", now=NOON)
    sqs.close()


# refill


def test_a_campaign_is_refilled_once_a_second(queues: Queues) -> None:
    for at in (0.0, 0.2, 0.999, 1.0, 1.5, 2.0):
        queues.adapter.refill("one", now=NOON + timedelta(seconds=at))
    queues.adapter.refill("another", now=NOON)
    arrived = []
    while got := queues.received(queues.refills):
        arrived += got
    assert sorted(one["campaign_id"] for one in arrived) == ["another", "one", "one", "one"]
    assert all(set(one) == {"campaign_id"} for one in arrived)
