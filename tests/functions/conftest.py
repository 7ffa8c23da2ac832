"""The handlers in this process: a real database, the carrier's own process, and moto for what AWS keeps.

moto lets two writers win one condition when they write at once, so nothing here runs at once against it.
"""

import importlib
import io
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.backends import get_backend
from pymongo.database import Database

from dialer import wiring
from dialer.adapters import mongo
from dialer.adapters.contact_book import MongoContactBook
from dialer.adapters.contact_documents import contact_of
from dialer.adapters.mongo import Document, connect
from dialer.errors import BadSettings
from dialer.model import Campaign, Contact, Sight
from dialer.secret import Secret
from dialer.tokens import Role
from local.carrier.control import Carrier, running
from tests.carrier.receiver import Receiver
from tests.functions.events import TOKEN, VOICE_URL, Event
from tests.functions.lambda_context import LambdaContext
from tests.functions.operators import Operator, a_token

ACCOUNT = "AC" + "7" * 32
HASH_KEY = "the-phone-hash-key-of-these-tests"
TIMEOUTS = {"tick": 60.0, "call": 30.0, "voice": 10.0, "reconcile": 120.0, "intake": 120.0, "api": 60.0}
PARAMETERS = {
    "MONGODB_URI_PARAMETER": "/test/mongodb-uri",
    "TWILIO_AUTH_TOKEN_PARAMETER": "/test/twilio-auth-token",
    "PHONE_HASH_KEY_PARAMETER": "/test/phone-hash-key",
    "VOICE_BASE_URL_PARAMETER": "/test/voice-base-url",
}


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The handlers and the parts around them."""

    database: Database[Document]
    carrier: Carrier
    received: Receiver
    aws: "Aws"
    environment: Mapping[str, str]
    written: io.StringIO

    def invoke(self, function: str, event: Event, *, seconds: float = 0.0) -> Any:
        """Run a handler as Lambda does: the event, and a context whose time runs out."""
        app = importlib.import_module(f"functions.{function}.app")
        return app.handler(event, LambdaContext(function_name=function, timeout=seconds or TIMEOUTS[function]))

    def contact(self, contact: Contact) -> Contact:
        """The contact as it is now."""
        document = self.database["contacts"].find_one({"_id": contact.id})
        assert document is not None
        return contact_of(document)

    def campaign(self, campaign: Campaign) -> Campaign:
        sight = wiring.campaigns().see(campaign.id)
        assert isinstance(sight, Sight)
        return sight.campaign

    def asked(self, contact: Contact) -> list[dict[str, Any]]:
        """Every request to place a call that the carrier got for this contact."""
        return [
            record
            for record in self.carrier.ledger()
            if record["kind"] == "request" and record["op"] == "create" and record["contact_id"] == contact.id
        ]

    def queued(self, queue: str = "CALL_QUEUE_URL") -> list[dict[str, Any]]:
        """What lies in a queue, delayed or not: its message bodies, read past the queue's own clock."""
        backend: Any = get_backend("sqs")["123456789012"]["us-east-1"]
        lying = backend.queues[self.environment[queue].rpartition("/")[2]]._messages
        delays = [max(0, round((message.delayed_until - message.sent_timestamp) / 1000)) for message in lying]
        return [{"delay": delay, **json.loads(message.body)} for message, delay in zip(lying, delays, strict=True)]

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.written.getvalue().splitlines()]


@pytest.fixture(scope="session")
def _one_database(mongodb_uri: str) -> Iterator[Database[Document]]:
    """Making the indexes takes longer than most of these tests, so they share them."""
    database = connect(Secret(mongodb_uri), f"functions_{secrets.token_hex(6)}")
    MongoContactBook(database["contacts"]).prepare()
    yield database
    database.client.drop_database(database)
    database.client.close()


@pytest.fixture
def database(_one_database: Database[Document]) -> Iterator[Database[Document]]:
    """Empty, with the contacts' indexes made."""
    yield _one_database
    names = (
        "contacts", "campaigns", "suppressions", "caller_ids", "lists", "exports", "tokens", "audit", "statistics",
        "live_answers",
    )  # fmt: skip
    for name in names:
        _one_database[name].delete_many({})


@pytest.fixture(scope="session")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carrier]:
    quick = {"time_scale": 0.001, "events_lag": 0}
    with running(tmp_path_factory.mktemp("carrier"), account_sid=ACCOUNT, token=TOKEN, **quick) as carrier:
        yield carrier


@dataclass(frozen=True, kw_only=True)
class Aws:
    """Clients of moto. It lives for one module: other tests must meet no mocked AWS, and starting it takes a while."""

    sqs: Any
    dynamodb: Any
    ssm: Any
    s3: Any

    def environment(self, values: Mapping[str, str]) -> dict[str, str]:
        """New queues, tables and parameters, under the names by which the functions are told of them."""
        fresh = secrets.token_hex(4)
        for table, key in (("lock", "campaign_id"), ("idempotency", "id")):
            self.dynamodb.create_table(
                TableName=f"{table}-{fresh}",
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
                KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            )
        for setting, value in values.items():
            self.ssm.put_parameter(Name=PARAMETERS[setting], Value=value, Type="SecureString", Overwrite=True)
        self.s3.create_bucket(Bucket=f"store-{fresh}")
        fifo = {"FifoQueue": "true"}
        return PARAMETERS | {
            "LOCK_TABLE": f"lock-{fresh}",
            "IDEMPOTENCY_TABLE": f"idempotency-{fresh}",
            "CALL_QUEUE_URL": self.sqs.create_queue(QueueName=f"call-{fresh}")["QueueUrl"],
            "REFILL_QUEUE_URL": self.sqs.create_queue(QueueName=f"refill-{fresh}.fifo", Attributes=fifo)["QueueUrl"],
            "OPT_OUT_QUEUE_URL": self.sqs.create_queue(QueueName=f"opt-out-{fresh}")["QueueUrl"],
            "INTAKE_QUEUE_URL": self.sqs.create_queue(QueueName=f"intake-{fresh}")["QueueUrl"],
            "STORE_BUCKET": f"store-{fresh}",
        }


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield Aws(
            sqs=boto3.client("sqs"),
            dynamodb=boto3.client("dynamodb"),
            ssm=boto3.client("ssm"),
            s3=boto3.client("s3"),
        )


@pytest.fixture
def stack(
    monkeypatch: pytest.MonkeyPatch,
    mongodb_uri: str,
    database: Database[Document],
    carrier: Carrier,
    aws: Aws,
    written: io.StringIO,
) -> Iterator[Stack]:
    """Everything the template would make, empty, and the environment it would give."""
    received = Receiver()
    carrier.set_routes({"voice.example": f"127.0.0.1:{received.port}"})
    carrier.set_fates()
    carrier.set_faults()
    values = (mongodb_uri, TOKEN, HASH_KEY, f"{VOICE_URL}/")
    environment = aws.environment(dict(zip(PARAMETERS, values, strict=True)))
    environment |= {"MONGODB_DATABASE": database.name, "TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_API_URL": carrier.url}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    yield Stack(
        database=database, carrier=carrier, received=received, aws=aws, environment=environment, written=written
    )
    carrier.wait_idle()
    forget_wiring()
    received.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """For tests in which the database never answers: the promises are the same where it is given up sooner.

    Not where a test is marked as patient.
    """
    if request.node.get_closest_marker("patient") is None:
        monkeypatch.setattr(mongo, "PATIENCE_MS", 500)
        monkeypatch.setattr(importlib.import_module("functions.voice.app"), "PATIENCE_S", 0.5)


@pytest.fixture
def stranger(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Operator:
    """Somebody without a token, before functions that are quick to confirm a halt."""
    monkeypatch.setenv("DIAL_GUARD_SECONDS", "0.05")
    return Operator(stack=stack)


@pytest.fixture
def operator(stranger: Operator) -> Operator:
    return stranger.with_token(a_token())


@pytest.fixture
def viewer(stranger: Operator) -> Operator:
    return stranger.with_token(a_token(Role.VIEWER))


@pytest.fixture
def written(mongodb_uri: str) -> Iterator[io.StringIO]:
    """What the functions log. Whatever a test does, no phone number and no secret is among it."""
    written = io.StringIO()
    handlers = [importlib.import_module(f"functions.{name}.app").logger.registered_handler for name in TIMEOUTS]
    before = [handler.setStream(written) for handler in handlers]
    yield written
    for handler, stream in zip(handlers, before, strict=True):
        if stream is not None:
            handler.setStream(stream)
    assert telling(written.getvalue(), mongodb_uri) == []


def telling(text: str, *more: str) -> list[str]:
    """What a text gives away: phone numbers (a run of digits inside an id is none), and the secrets of these tests."""
    phones = re.findall(r"(?<![\w-])\+?(?:1|44)\d{10}(?![\w-])", text)
    return phones + [secret for secret in (TOKEN, HASH_KEY, *more) if secret in text]


def forget_wiring() -> None:
    """As if the process had just started: every part made again, with what the environment says then."""
    with suppress(BadSettings):
        if wiring._database.cache_info().currsize:
            wiring._database().client.close()
    if wiring._twilio.cache_info().currsize:
        wiring._twilio(fresh=False).http_client.session.close()
    for part in vars(wiring).values():
        if hasattr(part, "cache_clear"):
            part.cache_clear()
