"""What a struck function stands in: real parts, the other functions at work, and time that passes by hand.

A stage has a database, MiniStack's queues, tables and parameters, the carrier, and each function under AWS's own
emulator. It does what AWS does between them: a message that was not confirmed comes again when its time is over, a
webhook is a request to the voice function, and a tick and a reconcile come by again and again.
"""

import json
import os
import re
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from queue import LifoQueue
from threading import BoundedSemaphore, Event, Lock, Thread
from typing import Self
from urllib.parse import parse_qsl

from dialer.adapters.carrier import TwilioDialer
from dialer.adapters.carrier import client as twilio
from dialer.adapters.contact_book import MongoContactBook
from dialer.adapters.mongo import connect
from dialer.lifecycle import IN_FLIGHT, State
from dialer.model import Contact
from dialer.secret import Secret
from local.carrier.control import running
from local.deploy import client
from local.emulator import Emulator, Reply
from local.ministack import start_ministack
from local.runs import Run
from tests.faults.door import Door, Json, Webhook, answered
from tests.faults.people import People
from tests.functions.events import batch, event
from tests.journeys.journey import BOUNDS as SHORT
from tests.journeys.journey import until

BOUNDS = SHORT | {
    # Room for a machine that is busy with many cells at once.
    "CallTimeoutSeconds": "14",
    "QueueVisibilitySeconds": "15",
    "DialSilenceSeconds": "15",
    "SettleHorizonSeconds": "18",
}
ACCOUNT = "AC" + "7" * 32
TOKEN = "the-auth-token-of-these-tests"
HASH_KEY = "the-phone-hash-key-of-these-tests"
FUNCTIONS = {"tick": "TickFunction", "call": "CallFunction", "voice": "VoiceFunction", "reconcile": "ReconcileFunction"}
TIMEOUTS = {"tick": 60, "call": int(BOUNDS["CallTimeoutSeconds"]), "voice": 10, "reconcile": 120}
AT_WORK = {"tick": 1, "call": 2, "voice": 3, "reconcile": 1}
TIME_SCALE = 0.2
_HANDS = 16
_A_MOMENT = timedelta(seconds=2)
_PATIENCE_S = 60.0

Key = tuple[str, str]
"""Who a delivery is for: `call`, `completed` or `answer`, and the contact."""


class Ended(Exception):
    """The stage is being taken down: whoever is still at work stops."""


class Stage:
    """`with Stage(run, built, mongodb_uri) as stage:`; `built` is the folder that `sam build` fills."""

    def __init__(self, run: Run, built: Path, mongodb_uri: str) -> None:
        self.run, self.built, self.mongodb_uri = run, built, mongodb_uri
        self._turns = BoundedSemaphore((os.cpu_count() or 1) + 1)
        self.reconciling, self.ended = Lock(), Event()
        self.broken: list[BaseException] = []
        """What failed in the background: it must stay empty."""
        self.layers: dict[str, Path] = {}
        """Of products that lack a defence, by its name."""
        self._parts = ExitStack()
        self._diverted: dict[Key, Callable[[Json], Reply]] = {}
        self._unconfirmed: defaultdict[str, set[str]] = defaultdict(set)
        self._watched: set[str] = set()

    # what it is made of, once it is up
    people: People
    aws_url: str
    carrier_url: str
    variables: Mapping[str, str]

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._parts.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._parts.close()

    def invoke(self, function: str, event: Json) -> Reply:
        """One of the functions at work."""
        emulator = self._at_work[function].get()
        try:
            return emulator.invoke(event)
        finally:
            self._at_work[function].put(emulator)

    def emulated(self, function: str, variables: Mapping[str, str], *, without: str = "") -> Emulator:
        """A function of its own, perhaps of a product that lacks a defence."""
        return Emulator(
            self.run,
            self.built,
            FUNCTIONS[function],
            variables=variables,
            timeout=TIMEOUTS[function],
            layers=self.layers[without] if without else None,
        )

    def parameter(self, value: str) -> str:
        """The name of a new secret."""
        name = f"/faults/{secrets.token_hex(6)}"
        self._ssm.put_parameter(Name=name, Value=value, Type="SecureString")
        return name

    @contextmanager
    def diverted(self, kind: str, person: Contact, to: Callable[[Json], Reply]) -> Iterator[Event]:
        """The first delivery of this kind goes to another function; the event is set when that one has ended."""
        done = Event()

        def deliver(event: Json) -> Reply:
            try:
                return to(event)
            finally:
                done.set()

        self._diverted[kind, person.id] = deliver
        try:
            yield done
        finally:
            self._diverted.pop((kind, person.id), None)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """For a function that starts: more of them at a time would only wait for a processor."""
        with self._turns:
            self.go_on()
            yield

    def comes(self, what: Event) -> bool:
        """Whether it happened within a minute. Raises Ended when the stage ends meanwhile."""
        deadline = time.monotonic() + _PATIENCE_S
        while not what.wait(0.1) and time.monotonic() < deadline:
            self.go_on()
        return what.is_set()

    def go_on(self) -> None:
        if self.ended.is_set():
            raise Ended

    @contextmanager
    def watched(self, people: Sequence[Contact]) -> Iterator[None]:
        """The schedule ticks for their campaigns."""
        campaigns = {person.campaign_id for person in people}
        self._watched |= campaigns
        try:
            yield
        finally:
            self._watched -= campaigns

    @contextmanager
    def nobody_overdue(self) -> Iterator[None]:
        """The schedule's reconcile waits, and has left nobody whom another one would find in the next moments."""
        while True:
            self.go_on()
            with self.reconciling:
                if not self.people.anyone_overdue(within=_A_MOMENT):
                    yield
                    return
            self.ended.wait(0.05)

    def are_at_rest(self, people: Sequence[Contact]) -> bool:
        """Nobody waits or is in flight, and no message about them is still to come again."""
        if any(self._unconfirmed[person.id] for person in people):
            return False
        return all(one.state not in {State.PENDING, *IN_FLIGHT - {State.HELD}} for one in self.people.found(people))

    def drain(self) -> None:
        """Until no message is left."""
        until(lambda: self._queued() == 0, seconds=_PATIENCE_S, what=lambda: f"{self._queued()} messages")

    def hear(self, webhook: Webhook) -> tuple[int, str, str]:
        """Status, content type and body of the voice function's answer."""
        _, _, contact_id, _, about = webhook.path.split("/")
        if contact_id in self.people.deaf:
            return 503, "text/plain", ""
        kind = dict(parse_qsl(webhook.body.decode())).get("CallStatus", "") if about == "status" else about
        return answered(self._delivered("voice", (kind, contact_id), webhook.event()))

    # -- what AWS does between the functions ---------------------------------------------------------------------------

    def _delivered(self, function: str, key: Key, event: Json) -> Reply:
        subject = self._diverted.pop(key, None)
        return subject(event) if subject else self.invoke(function, event)

    def _deliver_messages(self) -> None:
        with ThreadPoolExecutor(_HANDS) as hands:
            while not self.ended.is_set():
                got = self._sqs.receive_message(
                    QueueUrl=self.variables["CALL_QUEUE_URL"], MaxNumberOfMessages=10, WaitTimeSeconds=1
                )
                for message in got.get("Messages", []):
                    hands.submit(self._guarded(self._deliver_message), message)

    def _deliver_message(self, message: Json) -> None:
        """A message whose function did not confirm it stays, and comes again when its visibility timeout is over."""
        contact_id = json.loads(message["Body"])["contact_id"]
        self._unconfirmed[contact_id].add(message["MessageId"])
        reply = self._delivered("call", ("call", contact_id), batch(message["Body"]))
        if reply.kind == "ok" and not reply.value["batchItemFailures"]:
            handle, queue = message["ReceiptHandle"], self.variables["CALL_QUEUE_URL"]
            with suppress(self._sqs.exceptions.ReceiptHandleIsInvalid):  # it has come again meanwhile
                self._sqs.delete_message(QueueUrl=queue, ReceiptHandle=handle)
                self._unconfirmed[contact_id].discard(message["MessageId"])

    def _queued(self) -> int:
        names = [f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed")]
        queue = self.variables["CALL_QUEUE_URL"]
        found = self._sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def _pass_time(self) -> None:
        """The schedules, in a hurry: whoever waits is ticked for, and reconcile goes round."""
        while not self.ended.wait(0.3):
            waiting = {"campaign_id": {"$in": list(self._watched)}, "state": State.PENDING}
            for campaign_id in self._database["contacts"].distinct("campaign_id", waiting):
                self.invoke("tick", {"campaign_id": campaign_id})
            with self.reconciling:
                self.invoke("reconcile", {})

    def _guarded(self, work: Callable[..., object]) -> Callable[..., None]:
        """In the background nobody sees what breaks: it is kept."""

        def done(*args: object) -> None:
            try:
                work(*args)
            except BaseException as broken:  # noqa: BLE001  shown by whoever owns the stage
                if not self.ended.is_set():
                    self.broken.append(broken)

        return done

    # -- how it comes up -----------------------------------------------------------------------------------------------

    def _start(self) -> None:
        self._database = connect(Secret(self.mongodb_uri), f"faults_{secrets.token_hex(6)}")
        self._parts.callback(self._forget_database)
        MongoContactBook(self._database["contacts"]).prepare()
        aws = start_ministack(self.run, auth=False)
        self._parts.callback(aws.part.stop)
        self.aws_url = aws.url
        self._ssm, self._sqs = client("ssm", self.aws_url), client("sqs", self.aws_url)
        quick = {"time_scale": TIME_SCALE, "events_lag": 0}
        carrier = running(self.run.own("carrier"), account_sid=ACCOUNT, token=TOKEN, **quick)
        door = Door(self.hear, broken=self.broken)
        self._parts.callback(door.server_close)
        self.carrier = self._parts.enter_context(carrier)
        self.carrier_url = self.carrier.url
        self.people = People(self._database, self.carrier, self._harness_dialer(door.url))
        self.variables = self._furnished(door.url)
        self._at_work = {function: self._working(function, copies) for function, copies in AT_WORK.items()}
        with ThreadPoolExecutor() as hands:
            list(hands.map(self._begin_work, AT_WORK, AT_WORK.values()))
        self._in_background(door.serve_forever, end=door.shutdown)
        self._in_background(self._deliver_messages)
        self._in_background(self._pass_time)

    def _begin_work(self, function: str, copies: int) -> None:
        with ThreadPoolExecutor(copies) as hands:
            list(hands.map(self.invoke, [function] * copies, [harmless(function)] * copies))

    def _harness_dialer(self, voice_url: str) -> TwilioDialer:
        span = timedelta(seconds=20)
        asks = twilio(ACCOUNT, Secret(TOKEN), api_url=self.carrier_url, connect=span, timeout=span, fresh=True)
        return TwilioDialer(asks, voice_base_url=voice_url)

    def _working(self, function: str, copies: int) -> "LifoQueue[Emulator]":
        pool: LifoQueue[Emulator] = LifoQueue()
        for _ in range(copies):
            pool.put(self._parts.enter_context(self.emulated(function, self.variables)))
        return pool

    def _in_background(self, work: Callable[[], object], *, end: Callable[[], object] = lambda: None) -> None:
        thread = Thread(target=self._guarded(work))
        thread.start()
        self._parts.callback(thread.join, _PATIENCE_S)
        self._parts.callback(end)

    def _furnished(self, voice_url: str) -> dict[str, str]:
        """What the template would make, and the variables that name it."""
        bus, dynamodb = "faults", client("dynamodb", self.aws_url)
        client("events", self.aws_url).create_event_bus(Name=bus)
        for table, key in (("lock", "campaign_id"), ("idempotency", "id")):
            dynamodb.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
                KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            )
        return {
            **_bounds(),
            "STACK": "faults",
            "EVENT_BUS": bus,
            "AWS_ENDPOINT_URL": self.aws_url,
            "MONGODB_DATABASE": self._database.name,
            "MONGODB_URI_PARAMETER": self.parameter(self.mongodb_uri),
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_API_URL": self.carrier_url,
            "TWILIO_AUTH_TOKEN_PARAMETER": self.parameter(TOKEN),
            "PHONE_HASH_KEY_PARAMETER": self.parameter(HASH_KEY),
            "VOICE_BASE_URL_PARAMETER": self.parameter(voice_url),
            "LOCK_TABLE": "lock",
            "IDEMPOTENCY_TABLE": "idempotency",
            "CALL_QUEUE_URL": self._queue("call", VisibilityTimeout=BOUNDS["QueueVisibilitySeconds"]),
            "REFILL_QUEUE_URL": self._queue("refill.fifo", FifoQueue="true"),
            "OPT_OUT_QUEUE_URL": self._queue("opt-out"),
        }

    def _queue(self, name: str, **attributes: str) -> str:
        return str(self._sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])

    def _forget_database(self) -> None:
        self._database.client.drop_database(self._database)
        self._database.client.close()


def harmless(function: str) -> Json:
    """An event of which nothing comes but that the function has been started."""
    return event("voice_unknown_path") if function == "voice" else {"Records": []}


def _bounds() -> dict[str, str]:
    """The short bounds of the local world, under the names that the functions know."""
    bounds = {name: value for name, value in BOUNDS.items() if name.endswith("Seconds")}
    return {re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper(): value for name, value in bounds.items()}
