"""A whole campaign through the four handlers: lock, queues and idempotency table on moto, a carrier that calls back."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from dialer.lifecycle import State
from dialer.model import CallPlan, Contact, Outcome, RetryPolicy
from tests.builders import a_campaign, a_contact, created, stored
from tests.carrier.receiver import Got
from tests.functions.conftest import Stack
from tests.functions.events import batch, event, with_body

NOTHING_LEFT = {State.DONE, State.FAILED, State.HELD, State.SUPPRESSED}


class Aws:
    """What AWS does between the functions: it hands over messages and webhooks, one at a time for moto's sake."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._turn = threading.Lock()
        stack.received.answers |= dict.fromkeys(("/status", "/answer", "/keypress", "/amd"), self._webhook)

    def invoke(self, function: str, given: dict[str, Any]) -> Any:
        with self._turn:
            return self._stack.invoke(function, given)

    def deliver_all(self) -> None:
        """Until the call queue is empty; every message comes twice."""
        sqs, queue = self._stack.aws.sqs, self._stack.environment["CALL_QUEUE_URL"]
        while self._stack.queued():
            for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
                for _ in range(2):
                    assert self.invoke("call", batch(message["Body"])) == {"batchItemFailures": []}
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            time.sleep(0.05)

    def _webhook(self, got: Got) -> tuple[int, str]:
        """The request as a function URL hands it over, with the carrier's own signature."""
        told = event("voice_status_completed")
        headers = told["headers"] | {"x-twilio-signature": got.signature}
        http = told["requestContext"]["http"] | {"path": got.path}
        context = told["requestContext"] | {"http": http}
        query = urlsplit(got.url).query
        told |= {"rawPath": got.path, "rawQueryString": query, "headers": headers, "requestContext": context}
        if query:
            told["queryStringParameters"] = dict(parse_qsl(query))
        reply = self.invoke("voice", with_body(told, urlencode(got.params).encode()))
        return reply["statusCode"], reply["body"]


@pytest.fixture
def aws_between(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    monkeypatch.setenv("SETTLE_POLL_SECONDS", "0.05")
    yield Aws(stack)
    stack.carrier.wait_idle()


def pass_minutes(stack: Stack, aws: Aws, contacts: list[Contact]) -> None:
    """Ticks, deliveries and reconciles, as often as it takes; an endless campaign ends by the test's time-out."""
    while not {stack.contact(contact).state for contact in contacts} <= NOTHING_LEFT:
        for _ in range(2):
            aws.invoke("tick", event("tick_schedule"))
        aws.deliver_all()
        stack.carrier.wait_idle()
        time.sleep(0.1)  # the carrier's list is asked about a doubt after a poll
        aws.invoke("reconcile", event("reconcile"))


def test_everybody_is_called_as_their_fates_demand_and_nobody_twice_for_one_attempt(
    stack: Stack, aws_between: Aws
) -> None:
    retry = RetryPolicy(max_attempts=2, delays={Outcome.BUSY: timedelta(0)})
    campaign = created(stack.database, a_campaign(retry=retry, call=CallPlan(say="Hello {name}.", opt_out_digit="9")))
    contacts = [stored(stack.database, a_contact(campaign, max=2)) for _ in range(12)]
    busy, silent, wrong, doubtful, refusing, lost, *others = contacts
    stack.carrier.set_fates(
        {
            busy.phone: ["busy", "human"],
            silent.phone: "no-answer",
            wrong.phone: {"kind": "refuse", "code": 21211},
            refusing.phone: {"kind": "human", "digits": ["9"]},
        },
        mix=[{"kind": "human", "weight": 1}],
    )
    stack.carrier.set_faults(
        [{"kind": "accepted_then_cut", "op": "create", "match": doubtful.phone}],
        [{"kind": "lost", "event": "completed", "match": lost.phone}, {"kind": "duplicate"}],
    )
    pass_minutes(stack, aws_between, [contact for contact in contacts if contact is not lost])
    assert stack.contact(lost).state is State.PLACED
    stack.database["contacts"].update_one({"_id": lost.id}, {"$currentDate": {"attempt.until": True}})  # its time is up
    pass_minutes(stack, aws_between, contacts)
    stories = {
        contact.id: (after.state, [past.outcome for past in after.history], len(stack.asked(contact)))
        for contact, after in ((contact, stack.contact(contact)) for contact in contacts)
    }
    answered = (State.DONE, [Outcome.ANSWERED], 1)
    assert stories == {
        busy.id: (State.DONE, [Outcome.BUSY, Outcome.ANSWERED], 2),
        silent.id: (State.FAILED, [Outcome.NO_ANSWER], 1),
        wrong.id: (State.FAILED, [Outcome.REFUSED], 1),
        **{contact.id: answered for contact in (doubtful, refusing, lost, *others)},
    }
    assert stack.database["suppressions"].count_documents({"scopes": "global", "listed.global.source": "keypress"}) == 1
    ours = [f"/voice/{contact.id}/" for contact in contacts]
    told = [
        one for one in stack.carrier.ledger() if one["kind"] == "callback" and any(id_ in one["url"] for id_ in ours)
    ]
    assert {one["status"] for one in told} == {200, 204, None}  # none: the one that was lost
