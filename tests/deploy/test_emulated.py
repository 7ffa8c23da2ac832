"""Each built function under AWS's own emulator: what it imports is in its layers, and every event goes through it.

The parts around it are real: the database, the carrier, and MiniStack with the queues, tables and parameters.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database

from dialer.adapters.contact_book import MongoContactBook
from dialer.adapters.contact_documents import contact_of
from dialer.adapters.mongo import Document, connect
from dialer.lifecycle import State
from dialer.model import Contact, attempt_of
from dialer.secret import Secret
from local import emulator, runs
from local.carrier.control import Carrier, running
from local.deploy import client
from local.emulator import Emulator, Reply
from local.ministack import start_ministack
from tests.builders import a_campaign, a_contact, a_message, created, now, stored
from tests.conftest import missing
from tests.functions.conftest import ACCOUNT, HASH_KEY, PARAMETERS, TIMEOUTS, telling
from tests.functions.events import TOKEN, VOICE_URL, Event, batch, event, names, webhook

FUNCTIONS = {"tick": "TickFunction", "call": "CallFunction", "voice": "VoiceFunction", "reconcile": "ReconcileFunction"}
FUNCTIONS |= {"api": "ApiFunction", "intake": "IntakeFunction"}


@dataclass(frozen=True, kw_only=True)
class Lambda:
    """The four functions, each started when it is first needed, and what is around them."""

    start: Callable[[str], Emulator]
    database: Database[Document]
    carrier: Carrier

    def invoke(self, function: str, event: Event) -> Reply:
        return self.start(function).invoke(event)

    def contact(self, contact: Contact) -> Contact:
        document = self.database["contacts"].find_one({"_id": contact.id})
        assert document is not None
        return contact_of(document)


@pytest.fixture(scope="module")
def emulated(
    run: runs.Run, built: Path, mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lambda]:
    if emulator.available():
        missing(emulator.available())
    database = connect(Secret(mongodb_uri), f"deploy_{secrets.token_hex(6)}")
    MongoContactBook(database["contacts"]).prepare()
    started: dict[str, Emulator] = {}
    with ExitStack() as parts:
        aws = start_ministack(run, auth=False)
        parts.callback(aws.part.stop)
        folder = tmp_path_factory.mktemp("carrier")
        carrier = parts.enter_context(running(folder, account_sid=ACCOUNT, token=TOKEN, time_scale=0.001, events_lag=0))
        variables = _furnish(aws.url, mongodb_uri) | {
            "MONGODB_DATABASE": database.name,
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_API_URL": carrier.url,
        }

        def start(function: str) -> Emulator:
            if function not in started:
                up = Emulator(run, built, FUNCTIONS[function], variables=variables, timeout=int(TIMEOUTS[function]))
                started[function] = parts.enter_context(up)
            return started[function]

        yield Lambda(start=start, database=database, carrier=carrier)
        said = "".join(up.log() for up in started.values())
    database.client.drop_database(database)
    database.client.close()
    assert telling(said, mongodb_uri) == []


def _furnish(aws_url: str, mongodb_uri: str) -> dict[str, str]:
    """The queues, tables and parameters of the template, and the variables that name them."""
    for name, value in zip(PARAMETERS.values(), (mongodb_uri, TOKEN, HASH_KEY, VOICE_URL), strict=True):
        client("ssm", aws_url).put_parameter(Name=name, Value=value, Type="SecureString")
    for table, key in (("lock", "campaign_id"), ("idempotency", "id")):
        client("dynamodb", aws_url).create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        )
    sqs = client("sqs", aws_url)
    return PARAMETERS | {
        "AWS_ENDPOINT_URL": aws_url,
        "STACK": "emulated",
        "LOCK_TABLE": "lock",
        "IDEMPOTENCY_TABLE": "idempotency",
        "CALL_QUEUE_URL": sqs.create_queue(QueueName="call")["QueueUrl"],
        "REFILL_QUEUE_URL": sqs.create_queue(QueueName="refill.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"],
        "OPT_OUT_QUEUE_URL": sqs.create_queue(QueueName="opt-out")["QueueUrl"],
        "INTAKE_QUEUE_URL": sqs.create_queue(QueueName="intake")["QueueUrl"],
        "STORE_BUCKET": "store-of-nobody",
    }


@pytest.mark.parametrize("name", names())
def test_every_event_goes_through_its_function_as_it_stands(emulated: Lambda, name: str) -> None:
    reply = emulated.invoke(name.partition("_")[0], event(name))
    assert reply.kind == "ok", reply.value
    assert reply.value.get("statusCode", 200) < 500, reply.value
    assert telling(str(reply.value)) == []


def test_a_campaigns_contacts_are_claimed(emulated: Lambda) -> None:
    campaign = created(emulated.database, a_campaign())
    contact = stored(emulated.database, a_contact(campaign))
    reply = emulated.invoke("tick", {"campaign_id": campaign.id})
    assert reply.value["campaigns"][0]["sent"] == 1, reply.value
    assert emulated.contact(contact).state is State.CLAIMED


def test_a_contact_is_dialed_speaks_and_is_settled(emulated: Lambda) -> None:
    """Through the real client and every part of it that a call needs."""
    contact = a_claimed_contact(emulated)
    emulated.carrier.set_fates({contact.phone: "human"})
    reply = emulated.invoke("call", batch(a_message(contact)))
    assert reply.value == {"batchItemFailures": []}
    placed = emulated.contact(contact)
    assert placed.state is State.PLACED
    spoken = emulated.invoke("voice", webhook("voice_answer", placed))
    assert (spoken.value["statusCode"], "<Say" in spoken.value["body"]) == (200, True)
    ended = emulated.invoke("voice", webhook("voice_status_completed", placed))
    assert ended.value["statusCode"] == 204
    assert emulated.contact(contact).state is State.DONE


def test_a_doubt_is_asked_about(emulated: Lambda) -> None:
    contact = a_claimed_contact(emulated)
    attempt = replace(attempt_of(contact), from_number="+12015550199", n=1, token="t", dial_at=now())
    doubtful = replace(contact, state=State.UNCERTAIN, attempt=replace(attempt, until=now() - timedelta(seconds=1)))
    emulated.database["contacts"].delete_one({"_id": contact.id})
    stored(emulated.database, doubtful)
    reply = emulated.invoke("reconcile", {})
    assert reply.value["settled"] == 1, reply.value
    assert emulated.contact(contact).state is State.UNCERTAIN  # nothing is listed yet, and the horizon is far


def a_claimed_contact(emulated: Lambda) -> Contact:
    campaign = created(emulated.database, a_campaign())
    return stored(emulated.database, a_contact(campaign, state=State.CLAIMED))


def test_a_function_without_its_layer_says_what_is_missing(run: runs.Run, built: Path, tmp_path: Path) -> None:
    """That the other tests can fail: nothing outside the layers helps out."""
    if emulator.available():
        missing(emulator.available())
    (tmp_path / "DialerLayer").symlink_to(built / "DialerLayer")
    for function, timeout in (("TickFunction", 60), ("CallFunction", 30)):
        with Emulator(run, built, function, variables={}, timeout=timeout, layers=tmp_path) as bare:
            reply: Any = bare.invoke({})
            assert (reply.kind, reply.value["errorType"]) in {
                ("crash", "Runtime.ImportModuleError"),
                ("error", "Runtime.ImportModuleError"),
            }
            assert "aws_lambda_powertools" in reply.value["errorMessage"]
