"""Signed posts: what their client would send, once, and nothing but a plain success for an answer."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from dialer.adapters.signed_posts import SignedPosts
from dialer.errors import Unavailable
from local.ministack import ACCESS_KEY, REGION, SECRET_KEY
from local.processes import free_port
from tests.adapters.aws import client, moto, posts
from tests.adapters.http_wire import Answer, Asked, Cut, Reply, Silence, WireServer

WISH = {"QueueUrl": "http://q/1/calls", "Entries": [{"Id": "0", "MessageBody": "{}", "DelaySeconds": 0}]}
TAKEN = {"Successful": [{"Id": "0", "MessageId": "m", "MD5OfMessageBody": "0" * 32}], "Failed": []}


def asked_of(server: WireServer, **config: Any) -> dict[str, Any] | None:
    sqs = client("sqs", server.url, **config)
    try:
        return posts(sqs).post("SendMessageBatch", WISH)
    finally:
        sqs.close()


def test_a_post_is_what_its_client_would_send(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "tick")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=a87bd80c:1")
    with WireServer(lambda _: Reply(body=json.dumps(TAKEN).encode())) as server:
        assert asked_of(server) == TAKEN
        sqs = client("sqs", server.url)
        sqs.send_message_batch(**WISH)
        sqs.close()
    ours, theirs = server.asked
    assert (ours.method, ours.path, json.loads(ours.body)) == (theirs.method, theirs.path, json.loads(theirs.body))
    for header in ("host", "content-type", "x-amz-target", "x-amzn-trace-id"):
        assert ours.headers[header] == theirs.headers[header]
    (key, over), (its_key, its_over) = _signed(ours), _signed(theirs)
    assert (key, over) == (its_key, its_over - {"x-amzn-query-mode"})  # in which words errors are told


def test_what_arrives_is_what_was_signed() -> None:
    """MiniStack asks who somebody says they are, and not for their signature."""
    with WireServer(lambda _: Reply(body=json.dumps(TAKEN).encode())) as server:
        asked_of(server)
    (asked,) = server.asked
    _, over = _signed(asked)
    arrived = AWSRequest(
        asked.method,
        f"http://{asked.headers['host']}{asked.path}",
        headers={name: value for name, value in asked.headers.items() if name.lower() in over},
        data=asked.body,
    )
    arrived.context["timestamp"] = asked.headers["x-amz-date"]
    judge = SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "sqs", REGION)
    text = judge.string_to_sign(arrived, judge.canonical_request(arrived))
    assert asked.headers["authorization"].endswith(f"Signature={judge.signature(text, arrived)}")


def _signed(asked: Asked) -> tuple[str, set[str]]:
    """With which key and for which service, and over which headers."""
    key, over, _ = asked.headers["authorization"].split(", ")
    return key, set(over.removeprefix("SignedHeaders=").split(";"))


@pytest.mark.parametrize(
    "answer",
    [
        Cut(),
        Silence(),
        Reply(status=500, body=b"{}"),
        Reply(status=301, body=b"{}", headers={"Location": "/elsewhere"}),
        Reply(body=b""),
        Reply(body=b"<html>"),
        Reply(body=b"[]"),
        Reply(body=b"\xff"),
    ],
    ids=["cut", "silence", "500", "moved", "empty", "html", "a list", "no text"],
)
def test_anything_but_a_plain_success_is_no_answer_and_is_not_asked_for_again(answer: Answer) -> None:
    with WireServer(lambda _: answer) as server:
        with pytest.raises(Unavailable, match="SendMessageBatch was not answered"):
            asked_of(server, read_timeout=0.2)
        assert len(server.asked) == 1


def test_credentials_that_fit_into_no_header_are_no_answer() -> None:
    with WireServer(lambda _: Reply(body=b"{}")) as server:
        sqs = client("sqs", server.url)
        odd = SignedPosts(sqs, Credentials(ACCESS_KEY, SECRET_KEY, "a\nb"))
        with pytest.raises(Unavailable):
            odd.post("SendMessageBatch", WISH)
        sqs.close()


def test_where_nobody_is_nothing_has_left() -> None:
    sqs = client("sqs", f"http://127.0.0.1:{free_port()}")
    assert posts(sqs).post("SendMessageBatch", WISH) is None
    sqs.close()


def test_nobody_waits_for_a_connection_longer_than_for_an_answer() -> None:
    with WireServer(lambda _: Silence()) as server:
        sqs = client("sqs", server.url, read_timeout=0.3, max_pool_connections=1)
        ours, began = posts(sqs), time.monotonic()
        with ThreadPoolExecutor(8) as threads:
            asked = [threads.submit(ours.post, "SendMessageBatch", WISH) for _ in range(8)]
        assert time.monotonic() - began < 1.6  # one after the other would take 2.4
        assert sum(one.exception() is None and one.result() is None for one in asked) >= 5
        sqs.close()


def test_an_emulator_in_the_clients_way_stands_in_ours() -> None:
    with moto():
        sqs = client("sqs", None)
        url = sqs.create_queue(QueueName="calls")["QueueUrl"]
        taken = posts(sqs).post("SendMessageBatch", WISH | {"QueueUrl": url})
        assert taken is not None
        assert len(taken["Successful"]) == 1
        with pytest.raises(Unavailable):
            posts(sqs).post("SendMessageBatch", WISH | {"QueueUrl": f"{url}-gone"})
        sqs.close()


def test_where_only_a_proxy_leads_out_nothing_is_sent_past_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    with WireServer(lambda _: Reply(body=json.dumps(TAKEN).encode())) as server:
        assert asked_of(server) is None
        assert server.asked == []
