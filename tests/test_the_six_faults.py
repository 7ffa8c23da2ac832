"""The six faults of the engine that came before: each made to happen in every run, and then shown gone.

The old engine is kept here as small as its faults allow. Where it leaves a gap, a test steps into it through a barrier,
not through luck. Both engines work on the same database and are judged by the carrier, which counts.
"""

import json
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.backends import get_backend
from pydantic import TypeAdapter
from pymongo.collection import Collection
from pymongo.database import Database
from requests import RequestException
from twilio.base.exceptions import TwilioException
from twilio.rest import Client

from dialer.abandon_guard import AbandonGuard
from dialer.adapters.call_queue import SqsCallQueue
from dialer.adapters.caller_ids import MongoCallerIds
from dialer.adapters.campaign_lock import DynamoCampaignLock
from dialer.adapters.campaigns import MongoCampaigns
from dialer.adapters.carrier import TwilioDialer, TwilioWitness, client
from dialer.adapters.claims import MongoClaims
from dialer.adapters.clock import SystemClock
from dialer.adapters.contact_documents import contact_of
from dialer.adapters.hearing import MongoHearing
from dialer.adapters.lines import MongoLines
from dialer.adapters.live_answers import MongoLiveAnswers
from dialer.adapters.mongo import Document, connect
from dialer.adapters.overdue import MongoOverdue
from dialer.adapters.reach import MongoReach
from dialer.adapters.suppressions import MongoSuppressions
from dialer.bounds import Bounds
from dialer.callback import Callback
from dialer.dial import Dial, DialReport
from dialer.lifecycle import State
from dialer.model import CallMessage, CallReport, Contact, Outcome, RetryPolicy, attempt_of
from dialer.ports import CallRef
from dialer.reconcile import Reconcile
from dialer.secret import Secret
from dialer.tick import Tick
from dialer.wiring import new_token
from local.carrier.control import Carrier, running
from tests.builders import FROM_NUMBER, a_campaign, a_contact, a_phone, created, now, stored

ACCOUNT, TOKEN = "AC" + "6" * 32, "the-auth-token-of-the-six-faults"
NOBODY_LISTENS = "http://127.0.0.1:9"  # where the carrier's webhooks go: these tests tell the contacts themselves
PATIENT = Bounds(  # a busy machine is no fault
    dial_guard=timedelta(seconds=20), early_wait=timedelta(seconds=20), call_timeout=timedelta(seconds=60)
)
EVERY_RUN = pytest.mark.parametrize("run", range(3))


# ───────────────────────────── the carrier, who counts ─────────────────────────────


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carrier]:
    quick = {"time_scale": 0.001, "events_lag": 0}
    with running(tmp_path_factory.mktemp("carrier"), account_sid=ACCOUNT, token=TOKEN, **quick) as carrier:
        yield carrier


@pytest.fixture
def twilio(carrier: Carrier) -> Client:
    carrier.set_fates()
    carrier.set_faults()
    return client(
        ACCOUNT,
        Secret(TOKEN),
        api_url=carrier.url,
        connect=timedelta(seconds=1),
        timeout=timedelta(seconds=10),
        fresh=True,
    )


def calls(carrier: Carrier, phones: Sequence[str]) -> list[int]:
    """How many calls the carrier placed to each of these phones."""
    placed = Counter(call["to"] for call in carrier.calls())
    return [placed[phone] for phone in phones]


# ───────────────────────────── what came before ─────────────────────────────


def never() -> None:
    """Nobody steps into this gap."""


@dataclass(kw_only=True)
class OldEngine:
    """Every five seconds: select who is pending, mark them, dial them. The gaps are where others get their turn."""

    people: Collection[Document]
    twilio: Client
    after_selecting: Callable[[], object] = never
    after_reading_the_count: Callable[[], object] = never
    after_calling: Callable[[], object] = never
    memory: set[str] | None = None
    """Whom this server is at work on: a guard of which no other server knows. Few had even that."""

    def cycle(self) -> None:
        selected = list(self.people.find({"status": "pending"}, sort=[("_id", 1)]))
        self.after_selecting()
        for person in selected:
            if self.memory is not None and person["_id"] in self.memory:
                continue
            if self.memory is not None:
                self.memory.add(person["_id"])
            self.people.update_one({"_id": person["_id"]}, {"$set": {"status": "calling"}})
            self.call(person["_id"], person["phone"])

    def call(self, person: str, phone: str) -> None:
        known = self.people.find_one({"_id": person}) or {}
        self.after_reading_the_count()
        self.twilio.calls.create(to=phone, from_=FROM_NUMBER, twiml="<Response/>")
        self.people.update_one({"_id": person}, {"$set": {"callCount": known["callCount"] + 1}})
        self.after_calling()


@pytest.fixture
def people(database: Database[Document]) -> Collection[Document]:
    return database["people"]


def listed(people: Collection[Document], count: int = 3, **more: Any) -> list[str]:
    """That many pending people; their phones."""
    phones = [a_phone() for _ in range(count)]
    rows = [{"_id": f"{index}-{phone}", "phone": phone, "status": "pending"} for index, phone in enumerate(phones)]
    people.insert_many([row | {"callCount": 0} | more for row in rows])
    return phones


def at_once(*jobs: Callable[[], object]) -> None:
    """Run them at the same time, and raise what one of them raises."""
    failures: list[BaseException] = []

    def guarded(job: Callable[[], object]) -> None:
        try:
            job()
        except BaseException as failure:  # noqa: BLE001  raised below, in the test's own thread
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    for failure in failures:
        raise failure


# ───────────────────────────── what replaces it ─────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Server:
    """The product's own steps on its own adapters, with connections that no other server shares."""

    tick: Tick
    dial: Callable[[CallMessage], DialReport]
    callback: Callback
    reconcile: Callable[[], object]


@dataclass(frozen=True, kw_only=True)
class Product:
    """As many servers as a test wants, and the queue between them."""

    uri: str
    database: Database[Document]
    twilio: Client
    queue: SqsCallQueue
    queue_name: str
    open: ExitStack

    def server(self) -> Server:
        """One more server. Its lock is a table of its own, so that it never meets another's: nothing rests on it."""
        database = connect(Secret(self.uri), self.database.name)
        self.open.callback(database.client.close)
        clock, campaigns = SystemClock(), MongoCampaigns(database["campaigns"])
        suppressions = MongoSuppressions(database["suppressions"], key=Secret("a key"))
        abandon_guard = AbandonGuard(answers=MongoLiveAnswers(database["live_answers"]), campaigns=campaigns)
        callback = Callback(
            hearing=MongoHearing(database["contacts"]),
            campaigns=campaigns,
            queue=self.queue,
            clock=clock,
            abandon_guard=abandon_guard,
        )
        dial = Dial(
            campaigns=campaigns,
            lines=MongoLines(database["contacts"]),
            suppressions=suppressions,
            reach=MongoReach(database["contacts"]),
            dialer=TwilioDialer(self.twilio, voice_base_url=NOBODY_LISTENS),
            caller_ids=MongoCallerIds(database["caller_ids"]),
            queue=self.queue,
            clock=clock,
            bounds=PATIENT,
            new_token=new_token,
            time_left=lambda: timedelta(minutes=1),
        )
        reconcile = Reconcile(
            overdue=MongoOverdue(database["contacts"]),
            campaigns=campaigns,
            callback=callback,
            witness=TwilioWitness(self.twilio),
            bounds=PATIENT,
        )
        tick = Tick(
            lock=DynamoCampaignLock(boto3.client("dynamodb"), table=_a_lock_table(), clock=clock),
            campaigns=campaigns,
            claims=MongoClaims(database["contacts"]),
            suppressions=suppressions,
            reach=MongoReach(database["contacts"]),
            queue=self.queue,
            abandon_guard=abandon_guard,
            clock=clock,
            bounds=PATIENT,
            new_token=new_token,
        )
        return Server(tick=tick, dial=dial, callback=callback, reconcile=lambda: reconcile(enough_time=lambda: True))

    def servers(self, count: int) -> list[Server]:
        return [self.server() for _ in range(count)]

    def messages(self) -> list[CallMessage]:
        """What lies in the call queue; it stays there, and can be delivered as often as a test likes."""
        backend: Any = get_backend("sqs")["123456789012"]["us-east-1"]
        read = TypeAdapter(CallMessage)
        return [read.validate_python(json.loads(message.body)) for message in backend.queues[self.queue_name]._messages]

    def contact(self, contact: Contact) -> Contact:
        document = self.database["contacts"].find_one({"_id": contact.id})
        assert document is not None
        return contact_of(document)

    def overdue(self, contact: Contact, *, dialed: timedelta = timedelta(0)) -> None:
        """Time goes by for this contact: its attempt, dialed that long ago, has outlived its bound."""
        moments = {"attempt.until": now() - timedelta(seconds=1)}
        if dialed:
            moments["attempt.dial_at"] = now() - dialed
        self.database["contacts"].update_one({"_id": contact.id}, {"$set": moments})

    def due(self, contact: Contact) -> None:
        """Time goes by for this contact: what it waits for has come."""
        self.database["contacts"].update_one({"_id": contact.id}, {"$set": {"due_at": now() - timedelta(seconds=1)}})


def _a_lock_table() -> str:
    name = f"lock-{secrets.token_hex(6)}"
    boto3.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "campaign_id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "campaign_id", "KeyType": "HASH"}],
    )
    return name


@pytest.fixture(scope="module")
def aws() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield


@pytest.fixture
def product(aws: None, mongodb_uri: str, database: Database[Document], twilio: Client) -> Iterator[Product]:
    sqs, name = boto3.client("sqs"), f"call-{secrets.token_hex(6)}"
    refill = sqs.create_queue(QueueName=f"{name}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    queue = SqsCallQueue(
        lambda: sqs, call_queue_url=sqs.create_queue(QueueName=name)["QueueUrl"], refill_queue_url=refill
    )
    with ExitStack() as open_:
        yield Product(uri=mongodb_uri, database=database, twilio=twilio, queue=queue, queue_name=name, open=open_)


def waiting(product: Product, count: int = 3, **campaign: Any) -> list[Contact]:
    """That many contacts of a running campaign, all due."""
    made = created(product.database, a_campaign(**campaign))
    return [stored(product.database, a_contact(made)) for _ in range(count)]


def phones_of(contacts: Sequence[Contact]) -> list[str]:
    return [contact.phone for contact in contacts]


# ───────────────────────────── 1. select, then mark ─────────────────────────────


@EVERY_RUN
def test_fault_1_two_cycles_that_select_before_either_marks_call_everybody_twice(
    people: Collection[Document], twilio: Client, carrier: Carrier, run: int
) -> None:
    phones, both_have_selected = listed(people), threading.Barrier(2, timeout=30)
    engines = [OldEngine(people=people, twilio=twilio, after_selecting=both_have_selected.wait) for _ in range(2)]
    at_once(*(engine.cycle for engine in engines))
    assert calls(carrier, phones) == [2, 2, 2]


@EVERY_RUN
def test_fault_1_is_gone_because_selecting_is_marking(product: Product, carrier: Carrier, run: int) -> None:
    """Many claim the same people at the same moment: each person is claimed by one of them, and called once."""
    contacts, start = waiting(product, 6), threading.Barrier(6, timeout=30)

    def claim(server: Server) -> None:
        start.wait()
        server.tick.campaign(contacts[0].campaign_id)

    servers = product.servers(6)
    at_once(*(partial(claim, server) for server in servers))
    messages = product.messages()
    assert sorted(message.contact_id for message in messages) == sorted(contact.id for contact in contacts)
    for message in messages:
        servers[0].dial(message)
    assert calls(carrier, phones_of(contacts)) == [1] * 6


# ───────────────────────────── 2. cycles overlap ─────────────────────────────


def overlapping(people: Collection[Document], twilio: Client, *, memory: set[str] | None) -> None:
    """One server's timer fires again while it is at its first call."""
    timer = iter([OldEngine(people=people, twilio=twilio, memory=memory).cycle])

    def fire() -> None:
        for cycle in timer:
            cycle()

    OldEngine(people=people, twilio=twilio, memory=memory, after_calling=fire).cycle()


@EVERY_RUN
def test_fault_2_a_cycle_that_starts_while_another_still_dials_calls_the_rest_twice(
    people: Collection[Document], twilio: Client, carrier: Carrier, run: int
) -> None:
    phones = listed(people, 4)
    overlapping(people, twilio, memory=None)
    assert calls(carrier, phones) == [1, 2, 2, 2]


@EVERY_RUN
def test_fault_2_is_gone_because_a_tick_between_any_two_calls_finds_nobody_left(
    product: Product, carrier: Carrier, run: int
) -> None:
    contacts, server = waiting(product, 4), product.server()
    campaign_id = contacts[0].campaign_id
    server.tick.campaign(campaign_id)
    for message in product.messages():
        assert product.server().tick.campaign(campaign_id).claimed == 0
        server.dial(message)
    assert server.tick.campaign(campaign_id).claimed == 0
    assert calls(carrier, phones_of(contacts)) == [1] * 4


# ───────────────────────────── 3. several servers ─────────────────────────────


@EVERY_RUN
def test_fault_3_what_one_server_remembers_does_not_stop_another(
    people: Collection[Document], twilio: Client, carrier: Carrier, run: int
) -> None:
    """One server alone is safe, its memory sees to that; two of them call everybody twice."""
    phones = listed(people)
    overlapping(people, twilio, memory=set())
    assert calls(carrier, phones) == [1, 1, 1]
    phones, meeting = listed(people), threading.Barrier(2, timeout=30)
    servers = [OldEngine(people=people, twilio=twilio, memory=set(), after_selecting=meeting.wait) for _ in range(2)]
    at_once(*(server.cycle for server in servers))
    assert calls(carrier, phones) == [2, 2, 2]


@EVERY_RUN
def test_fault_3_is_gone_because_one_server_at_most_gets_the_permission_to_dial(
    product: Product, carrier: Carrier, run: int
) -> None:
    """Every message reaches every server at the same moment."""
    contacts, servers = waiting(product), product.servers(5)
    servers[0].tick.campaign(contacts[0].campaign_id)
    start, outcomes = threading.Barrier(len(servers), timeout=30), list[str]()

    def dial(server: Server, message: CallMessage) -> None:
        start.wait()
        outcomes.append(server.dial(message).outcome)

    for message in product.messages():
        at_once(*(partial(dial, server, message) for server in servers))
    assert Counter(outcomes) == {"placed": 3, "dropped": 12}
    assert calls(carrier, phones_of(contacts)) == [1, 1, 1]


# ───────────────────────────── 4. the count is read, then set ─────────────────────────────


@EVERY_RUN
def test_fault_4_two_calls_that_read_the_count_together_count_as_one_and_a_third_follows(
    people: Collection[Document], twilio: Client, carrier: Carrier, run: int
) -> None:
    """Two calls are allowed, three are made."""
    (phone,), meeting, allowed = listed(people, 1), threading.Barrier(2, timeout=30), 2
    (person,) = people.find({"phone": phone})
    servers = [OldEngine(people=people, twilio=twilio, after_reading_the_count=meeting.wait) for _ in range(2)]
    at_once(*(partial(server.call, person["_id"], phone) for server in servers))
    alone = OldEngine(people=people, twilio=twilio)
    while (people.find_one({"phone": phone}) or {})["callCount"] < allowed:
        alone.call(person["_id"], phone)
    assert calls(carrier, [phone]) == [3]


@EVERY_RUN
def test_fault_4_is_gone_because_permission_and_count_are_one_write(
    product: Product, carrier: Carrier, run: int
) -> None:
    """Three servers dial each message and hear each end twice; two attempts are allowed, and two are made."""
    policy = RetryPolicy(max_attempts=2, delays={Outcome.BUSY: timedelta(0)})
    campaign = created(product.database, a_campaign(retry=policy))
    contact = stored(product.database, a_contact(campaign, max=2))
    servers = product.servers(3)
    for _ in range(4):
        servers[0].tick.campaign(campaign.id)
        for message in product.messages():
            at_once(*(partial(server.dial, message) for server in servers))
        attempt = product.contact(contact).attempt
        if attempt is not None:
            ref = CallRef(contact_id=contact.id, attempt_id=attempt.id)
            busy = CallReport(sid=attempt.sid, status="busy")
            at_once(*(partial(server.callback.status, ref, busy) for server in servers))
    after = product.contact(contact)
    assert (after.state, after.used, len(after.history)) == (State.FAILED, 2, 2)
    assert calls(carrier, [contact.phone]) == [2]


# ───────────────────────────── 5. nothing is rolled back ─────────────────────────────


@EVERY_RUN
def test_fault_5_whoever_is_marked_when_the_call_fails_to_start_is_lost(
    people: Collection[Document], twilio: Client, carrier: Carrier, run: int
) -> None:
    phones = listed(people)
    carrier.set_faults([{"kind": "429", "match": phones[0], "limit": 1}])
    engine = OldEngine(people=people, twilio=twilio)
    for _ in range(4):  # the carrier refused one request, once; it has been well ever since
        with suppress(TwilioException):
            engine.cycle()
    assert calls(carrier, phones) == [0, 1, 1]
    assert people.count_documents({"status": "calling", "callCount": 0}) == 1


@EVERY_RUN
def test_fault_5_is_gone_because_a_call_that_did_not_start_is_given_back(
    product: Product, carrier: Carrier, run: int
) -> None:
    (contact,), server = waiting(product, 1), product.server()
    carrier.set_faults([{"kind": "429", "match": contact.phone, "limit": 1}])
    server.tick.campaign(contact.campaign_id)
    (message,) = product.messages()
    assert server.dial(message).outcome == "not placed"
    given_back = product.contact(contact)
    assert (given_back.state, given_back.used) == (State.PENDING, 0)
    assert given_back.due_at is not None
    product.due(contact)
    server.tick.campaign(contact.campaign_id)
    for each in product.messages():
        server.dial(each)
    assert calls(carrier, [contact.phone]) == [1]


@EVERY_RUN
def test_fault_5_is_gone_when_the_function_dies_with_the_permission_in_hand(
    product: Product, carrier: Carrier, run: int
) -> None:
    """It took the line and was never heard of again: doubted, asked about, and held where a person sees it."""
    (contact,), server = waiting(product, 1), product.server()
    server.tick.campaign(contact.campaign_id)
    (message,) = product.messages()
    taken = MongoLines(product.database["contacts"]).take_line(
        message,
        token=new_token(),
        from_number=FROM_NUMBER,
        silence=PATIENT.dial_silence,
        patience=timedelta(minutes=10),
        talk_limit=timedelta(minutes=5),
    )
    assert taken is not None
    product.overdue(contact, dialed=PATIENT.settle_horizon)
    server.reconcile()
    assert product.contact(contact).state is State.HELD
    assert calls(carrier, [contact.phone]) == [0]


# ───────────────────────────── 6. no idempotency keys ─────────────────────────────


@EVERY_RUN
def test_fault_6_a_call_whose_reply_is_lost_is_made_again(
    people: Collection[Document], twilio: Client, carrier: Carrier, run: int
) -> None:
    """The obvious repair of fault 5, putting people back when the call fails, calls them twice."""
    phones = listed(people)
    carrier.set_faults([{"kind": "accepted_then_cut", "match": phones[1], "limit": 1}])
    engine = OldEngine(people=people, twilio=twilio)
    for _ in range(2):
        try:
            engine.cycle()
        except RequestException:
            people.update_many({"status": "calling", "callCount": 0}, {"$set": {"status": "pending"}})
    assert calls(carrier, phones) == [1, 2, 1]


@EVERY_RUN
def test_fault_6_is_gone_because_doubt_is_asked_about_and_never_dialed(
    product: Product, carrier: Carrier, run: int
) -> None:
    (contact,), server = waiting(product, 1), product.server()
    carrier.set_faults([{"kind": "accepted_then_cut", "match": contact.phone, "limit": 1}])
    server.tick.campaign(contact.campaign_id)
    (message,) = product.messages()
    assert server.dial(message).outcome == "unsure"
    assert server.dial(message).outcome == "dropped"  # delivered once more
    assert server.tick.campaign(contact.campaign_id).claimed == 0
    carrier.wait_idle()
    product.overdue(contact)
    server.reconcile()
    after = product.contact(contact)
    assert (after.state, after.used, after.history[-1].outcome) == (State.DONE, 1, Outcome.ANSWERED)
    assert calls(carrier, [contact.phone]) == [1]


@EVERY_RUN
def test_fault_6_is_gone_even_where_a_message_is_delivered_long_after_its_call(
    product: Product, carrier: Carrier, run: int
) -> None:
    (contact,), server = waiting(product, 1), product.server()
    server.tick.campaign(contact.campaign_id)
    (message,) = product.messages()
    server.dial(message)
    attempt = attempt_of(product.contact(contact))
    ref = CallRef(contact_id=contact.id, attempt_id=attempt.id)
    server.callback.status(ref, CallReport(sid=attempt.sid, status="no-answer"))
    assert product.contact(contact).state is State.PENDING
    assert [server.dial(message).outcome for _ in range(3)] == ["dropped"] * 3
    assert calls(carrier, [contact.phone]) == [1]
