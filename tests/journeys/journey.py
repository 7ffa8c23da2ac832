"""What a journey is made of: campaigns made by the operator's commands, time passed by hand, and the carrier's ledger.

A journey is judged over its own part of the ledger and its own rows: a call to anybody else is a stranger's.
"""

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import combinations
from types import MappingProxyType
from typing import Any, TypeVar

from botocore.exceptions import ClientError
from pymongo import MongoClient

from local.carrier.case import read_case
from local.carrier.control import Carrier
from local.carrier.judge import Verdict, judge
from local.environments import ROOT
from local.world import FunctionFailed, World
from tests.journeys.desk import Desk

Json = dict[str, Any]
Number = str
Value = TypeVar("Value")
NOBODY: Mapping[Number, Number] = MappingProxyType({})

SLEEPING = "rate(1 hour)"
BOUNDS = {
    "TickRate": SLEEPING,
    "ReconcileRate": SLEEPING,
    "SlotHorizonSeconds": "10",
    "LockLeaseSeconds": "20",
    "CallTimeoutSeconds": "8",
    "QueueVisibilitySeconds": "9",
    "PostTimeoutSeconds": "3",
    "DialSilenceSeconds": "9",
    "QueueTimeSeconds": "1",
    "SettlePollSeconds": "1",
    "SettleHorizonSeconds": "13",
    "ListMarginSeconds": "120",
    "HoldLimitSeconds": "3600",
    "IntakeTimeoutSeconds": "20",
    "IntakeVisibilitySeconds": "21",
}
HORIZON_S = 13
DIAL_GUARD_S = 1  # the template's own
CALL_FUNCTIONS = 5  # at once, in a local world
TIME_SCALE = 0.02
EVENTS_LAG = 50  # carrier seconds: one of ours
FROM = "+13105550199"
HUMAN = {"kind": "human", "ring": 2, "talk": 5}
AREAS = (
    201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219, 224, 225, 228, 229, 231,
    234, 239, 240, 248, 251, 252, 253, 254, 256, 260, 262, 267, 269, 270, 276, 281, 301, 302, 303, 304, 305, 307,
    308, 309, 312, 313, 314, 315, 316, 317, 318, 319, 320, 321, 323, 325, 330, 331, 334, 336, 337, 339, 340, 341,
    346, 347, 351, 352, 360, 361, 364, 380, 385, 386, 401, 402, 404, 405, 406, 407, 408, 409, 410, 412, 413, 414,
)  # fmt: skip
RECORD = json.loads((ROOT / "events" / "call_batch.json").read_text())["Records"][0]
ALIVE = ("queued", "ringing", "in-progress")


def fictional(block: int, size: int) -> list[Number]:
    """Numbers of the range that is kept for fiction, in an area that is this block's alone."""
    assert size <= 100
    return [f"+1{AREAS[block]}55501{index:02}" for index in range(size)]


def until(ready: Callable[[], Value], *, seconds: float = 60, every: float = 0.05, what: object = "") -> Value:
    """The first true value; an assertion that says what was waited for, otherwise."""
    deadline = time.monotonic() + seconds
    while not (value := ready()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain: {what() if callable(what) else what}"
        time.sleep(every)
    return value


class Journey:
    """One journey: it makes campaigns, passes time by hand, and is judged over what the carrier saw meanwhile."""

    def __init__(self, world: World, desk: Desk) -> None:
        self.world = world
        self.carrier = Carrier(world.carrier_url)
        self._desk = desk
        self._policies: dict[str, Json] = {}
        state = self.carrier.state()
        self._began: int = state["ledger"]
        self._struck_before: Counter[str] = Counter(state["strikes"])
        self.fates({})

    def end(self) -> None:
        """Nobody is called any more, and nothing goes wrong for the next journey."""
        self.carrier.set_faults()
        self.carrier.set_routes({})
        for campaign_id in self._policies:
            if self.show(campaign_id)["state"] in {"running", "paused"}:
                self.ask(campaign_id, "stop")
        self.carrier.wait_idle(seconds=60)

    def fates(self, numbers: Mapping[Number, Any]) -> None:
        """Whoever is not named is a person, and answers."""
        self.carrier.set_fates(numbers, mix=[{"weight": 1, **HUMAN}], seed=1)

    def campaign(
        self,
        numbers: Sequence[Number],
        *,
        max_concurrent: int = 20,
        others: Mapping[Number, Number] = NOBODY,
        **wishes: Any,
    ) -> str:
        """A running campaign over a list of these numbers; `others`: who has another number, and which."""
        form = {
            "name": "journey",
            "from_numbers": [FROM],
            "call": {"say": "Hello {name}.", "ring_timeout_s": 15, "talk_limit_s": 5, "opt_out_digit": "9"},
            "pacing": {"call_delay_s": 0.02, "max_concurrent": max_concurrent},
            "retry": {"max_attempts": 3, "delays_s": {"busy": 1, "no-answer": 1, "failed": 1}},
            "any_hour_because": "a journey begins at any hour",
            **wishes,
        }
        place = self.world.run.own("journeys")
        (place / "campaign.json").write_text(json.dumps(form))
        campaign_id: str = self._desk.ask("campaign", "create", str(place / "campaign.json"))["campaign_id"]
        self.add(campaign_id, numbers, others=others)
        self._policies[campaign_id] = {
            "max_attempts": form["retry"]["max_attempts"],
            "retry_on": list(form["retry"]["delays_s"]),
            "doubt": form.get("doubt", "hold"),
        }
        self.ask(campaign_id, "start")
        return campaign_id

    def add(
        self,
        campaign_id: str,
        numbers: Sequence[Number],
        *,
        timezone: str = "",
        others: Mapping[Number, Number] = NOBODY,
    ) -> None:
        sheet = self.world.run.own("journeys") / "list.csv"
        rows = "".join(f"{number},Ada,{timezone},{others.get(number, '')}\n" for number in numbers)
        sheet.write_text("phone,name,timezone,alt_phone\n" + rows)
        imported = self._desk.ask("campaign", "import", campaign_id, str(sheet))
        assert imported["added"] == len(numbers)

    def test_call(self, campaign_id: str, number: Number) -> str:
        """The campaign in which one test call is made."""
        made: str = self._desk.ask("campaign", "test-call", campaign_id, number)["campaign_id"]
        self._policies[made] = {"max_attempts": 1, "retry_on": [], "doubt": "hold"}
        return made

    def ask(self, campaign_id: str, verb: str) -> None:
        self._desk.ask("campaign", "ask", campaign_id, verb)

    def show(self, campaign_id: str) -> Json:
        return self._desk.ask("campaign", "show", campaign_id)

    def audit(self, campaign_id: str) -> Json:
        """What the command prints."""
        return self._desk.ask("campaign", "audit", campaign_id)

    def contacts(self, campaign_id: str) -> dict[Number, Json]:
        return {contact["phone"]: contact for contact in self.show(campaign_id)["contacts"]}

    def states(self, campaign_id: str) -> dict[Number, str]:
        return {phone: contact["state"] for phone, contact in self.contacts(campaign_id).items()}

    def reason_of(self, phone: Number, campaign_id: str) -> str:
        """Empty also for whoever moves just now, and is in none of the states when it is looked at."""
        return str(self.contacts(campaign_id).get(phone, {}).get("reason", ""))

    def in_state(self, state: str, *campaigns: str) -> int:
        """How many of these campaigns' contacts are in it."""
        return sum(list(self.states(campaign_id).values()).count(state) for campaign_id in campaigns)

    def tick(self, campaign_id: str) -> Json:
        """What the tick says of this campaign."""
        (report,) = self.world.invoke("TickFunction", {"campaign_id": campaign_id})["campaigns"]
        return dict(report)

    def reconcile(self) -> Json:
        return dict(self.world.invoke("ReconcileFunction", {}))

    def pass_time(self, campaign_id: str) -> bool:
        """One minute of the schedules; whether everybody is settled or held."""
        self.tick(campaign_id)
        self.reconcile()
        return bool(self.show(campaign_id)["completed"])

    def finish(self, *campaigns: str, seconds: float = 120) -> None:
        """Pass time until nothing is left to do."""
        for campaign_id in campaigns:
            until(
                lambda campaign_id=campaign_id: self.pass_time(campaign_id),  # type: ignore[misc]
                seconds=seconds,
                every=0.5,
                what=lambda campaign_id=campaign_id: self.show(campaign_id)["counts"],
            )
        self.carrier.wait_idle(seconds=60)

    def ledger(self) -> list[Json]:
        """What the carrier was asked and did since this journey began."""
        return self.carrier.ledger(after=self._began)

    def requests(self, number: Number | None = None) -> list[Json]:
        """Create requests that reached the carrier."""
        asked = [record for record in self.ledger() if record["kind"] == "request" and record["op"] == "create"]
        return [record for record in asked if number in {None, record["to"]}]

    def verdict(self, *campaigns: str) -> Verdict:
        shown = [contact for campaign_id in campaigns for contact in self.show(campaign_id)["contacts"]]
        names = ("phone", "numbers", "campaign_id", "contact_id", "state", "reason")
        rows = [{name: contact[name] for name in names} for contact in shown]
        policies = {campaign_id: self._policies[campaign_id] for campaign_id in campaigns}
        fates = [record for record in self.carrier.ledger() if record["kind"] in {"opened", "fates"}]
        case = read_case({"rows": rows, "policy": policies[campaigns[0]], "policies": policies})
        earlier = [record for record in fates if record["n"] <= self._began]
        return judge([*earlier, *self.ledger()], case)

    def assert_kept(self, *campaigns: str, requests: int, held: int = 0) -> Verdict:
        """The promise, and exactly as many requests and held contacts as fates and faults explain."""
        verdict = self.verdict(*campaigns)
        assert verdict["ok"], {name: found for name, found in verdict.items() if found and name != "summary"}
        assert (verdict["duplicates"], verdict["lost"]) == (0, [])
        assert len(verdict["held"]) == held, verdict["held"]
        assert verdict["summary"]["requests"] == requests, verdict["summary"]
        return verdict

    def struck(self) -> Counter[str]:
        """How often each fault struck in this journey."""
        now: Counter[str] = Counter(self.carrier.state()["strikes"])
        return now - self._struck_before

    def is_paced(self, *, call_delay: float) -> bool:
        """In no window more requests than its length allows; the guard is how late one with a permit may be."""
        moments = sorted(request["at"] for request in self.requests())
        return all(
            last - first + 1 <= (moments[last] - moments[first] + DIAL_GUARD_S) / call_delay + 1
            for first, last in combinations(range(len(moments)), 2)
        )

    def most_at_once(self) -> int:
        """The most calls that were alive at the same time, by the carrier's own record."""
        alive: set[str] = set()
        most = 0
        for record in self.ledger():
            if record["kind"] == "call":
                (alive.add if record["status"] in ALIVE else alive.discard)(record["sid"])
                most = max(most, len(alive))
        return most

    # -- the call queue, and what happens to functions -----------------------------------------------------------------

    @contextmanager
    def idempotency_disabled(self) -> Iterator[None]:
        """Powertools remembers no attempt: what comes again is dialed again, if the database lets it."""
        self.world.configure("CallFunction", POWERTOOLS_IDEMPOTENCY_DISABLED="true")
        try:
            yield
        finally:
            self.drain()
            self.world.configure("CallFunction", POWERTOOLS_IDEMPOTENCY_DISABLED="false")

    def forget_idempotency(self) -> None:
        dynamodb, table = self.world.client("dynamodb"), self.world.tables["IdempotencyTable"]
        for item in dynamodb.scan(TableName=table)["Items"]:
            dynamodb.delete_item(TableName=table, Key={"id": item["id"]})

    @contextmanager
    def call_functions_at_once(self, most: int) -> Iterator[None]:
        self._let_call_functions_run(most)
        try:
            yield
        finally:
            self._let_call_functions_run(CALL_FUNCTIONS)

    def hand_over(self, bodies: Sequence[str]) -> None:
        """These messages in one invocation of the call function, as Lambda hands over a batch; whatever comes of it.

        While as many functions run as may, it is asked again, as Lambda's own poller does.
        """
        records = [{**RECORD, "messageId": f"message-{index}", "body": body} for index, body in enumerate(bodies)]
        until(lambda: self._taken({"Records": records}), what="a call function that is free")

    def _taken(self, event: Json) -> bool:
        try:
            self.world.invoke("CallFunction", event)
        except FunctionFailed:
            return True
        except ClientError as refused:
            if refused.response["Error"]["Code"] != "TooManyRequestsException":
                raise
            return False
        return True

    @contextmanager
    def messages_kept(self) -> Iterator[None]:
        """Messages stay in the call queue: no function gets one."""
        self._let_call_functions_run(0)
        try:
            yield
        finally:
            self._let_call_functions_run(CALL_FUNCTIONS)

    def _let_call_functions_run(self, at_once: int) -> None:
        name = self.world.functions["CallFunction"]
        self.world.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=at_once)

    def take_messages(self, *campaigns: str, count: int) -> list[str]:
        """Takes so many messages of these campaigns out of the call queue; what earlier journeys left is dropped.

        Those of this journey's other campaigns stay, and are there again after the queue's visibility timeout.
        """
        sqs, queue = self.world.client("sqs"), self.world.queues["CallQueue"]
        taken: list[str] = []

        def all_taken() -> bool:
            for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
                campaign = json.loads(message["Body"])["campaign_id"]
                if campaign in campaigns or campaign not in self._policies:
                    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                if campaign in campaigns:
                    taken.append(message["Body"])
            return len(taken) >= count

        until(all_taken, what=lambda: f"{len(taken)} of {count} messages")
        assert len(taken) == count
        return taken

    def send_messages(self, bodies: Sequence[str]) -> None:
        for body in bodies:
            self.world.client("sqs").send_message(QueueUrl=self.world.queues["CallQueue"], MessageBody=body)

    def drain(self) -> None:
        """Until the call queue is empty, and no function has a message of it in hand."""
        until(lambda: self._queued() == 0, seconds=90, what=lambda: f"{self._queued()} messages")

    def _queued(self) -> int:
        names = [f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed")]
        sqs, queue = self.world.client("sqs"), self.world.queues["CallQueue"]
        found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def kill_call_functions(self) -> None:
        """As `kill -9` does: in mid-flight, without a word."""
        self._signal_call_functions(signal.SIGKILL)

    @contextmanager
    def call_functions_frozen(self) -> Iterator[None]:
        """As Lambda may freeze them: between any two instructions, and they go on later as if nothing had happened."""
        frozen = self._signal_call_functions(signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in frozen:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def _signal_call_functions(self, number: signal.Signals) -> list[int]:
        pids = self.world.worker_pids("CallFunction")
        assert pids
        for pid in pids:
            os.kill(pid, number)
        return pids

    @contextmanager
    def database_frozen(self) -> Iterator[None]:
        """Connections stay, and nothing answers on them. What is kept for later is tried again every few seconds."""
        assert self.world.mongod.part is not None
        self._try_opt_outs_again(every=5)
        self.world.mongod.part.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.world.mongod.part.process.send_signal(signal.SIGCONT)

    def _try_opt_outs_again(self, *, every: int) -> None:
        queue = self.world.queues["OptOutQueue"]
        self.world.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": str(every)})

    # -- the carrier's own queue ---------------------------------------------------------------------------------------

    @contextmanager
    def slow_carrier(self, *, seconds_between: float) -> Iterator[None]:
        """The carrier dials one call, and keeps the next ones in its queue, each so much longer, without saying so."""
        self.carrier.set_pace(1 / seconds_between, told=False)
        try:
            yield
        finally:
            self.carrier.set_pace(0)

    @contextmanager
    def slow_calls(self) -> Iterator[None]:
        """Calls last half as long as real ones, so that a function that starts slowly is not too late for them."""
        self.carrier.set_time_scale(0.5)
        try:
            yield
        finally:
            self.carrier.set_time_scale(TIME_SCALE)

    def rang(self) -> set[Number]:
        """Whose phones have rung, by the carrier's own record."""
        return {record["to"] for record in self.ledger() if record["kind"] == "call" and record["status"] == "ringing"}

    # -- the database, from outside ------------------------------------------------------------------------------------

    @contextmanager
    def written_elsewhere(self, *campaigns: str) -> Iterator[None]:
        """Somebody's open transaction keeps these campaigns' documents: they can be read, and no permit written."""
        with self._mongodb() as client, client.start_session() as session:
            session.start_transaction()
            client[self.world.wish.database]["campaigns"].update_many(
                {"_id": {"$in": list(campaigns)}}, {"$set": {"somebody": "was here"}}, session=session
            )
            try:
                yield
            finally:
                session.abort_transaction()

    def allow_lines(self, campaign_id: str, lines: int) -> None:
        """From now on, whatever has been claimed for more."""
        self._set(campaign_id, {"pacing.max_concurrent": lines})

    def forget_lock(self, campaign_id: str) -> None:
        """As if nobody had ever taken the campaign's lock."""
        table, key = self.world.tables["LockTable"], {"campaign_id": {"S": campaign_id}}
        self.world.client("dynamodb").delete_item(TableName=table, Key=key)

    def paused_without_a_word(self, campaign_id: str) -> None:
        """As a pause stands in the database when the announcement of it got lost."""
        with self._mongodb() as client:
            client[self.world.wish.database]["campaigns"].update_one(
                {"_id": campaign_id},
                {"$set": {"state": "paused", "draining": True}, "$currentDate": {"state_at": True}},
            )

    def rewrite_history(self, campaign_id: str, number: Number, **facts: object) -> None:
        """Somebody changes what is written about a person's first attempt."""
        facts = {f"history.0.{name}": value for name, value in facts.items()}
        with self._mongodb() as client:
            person = {"campaign_id": campaign_id, "phone": number}
            client[self.world.wish.database]["contacts"].update_one(person, {"$set": facts})

    def closes_now(self, campaign_id: str, *, until: timedelta) -> datetime:
        """The campaign's window is over, and the next one begins at this moment: its operator did not touch it."""
        opens = (datetime.now(UTC) + until).replace(second=0, microsecond=0)
        clock = f"{opens:%H:%M}"
        days = [opens.weekday()]
        hours = {"zone": "UTC", "opens": clock, "closes": "24:00", "days": days}
        self._set(campaign_id, {"hours": hours})
        return opens

    def opens_again(self, campaign_id: str) -> None:
        """As time would: the window is open, and all who wait for it are due."""
        self._set(campaign_id, {"hours": None})
        with self._mongodb() as client:
            waiting = {"campaign_id": campaign_id, "due_at": {"$exists": True}}
            client[self.world.wish.database]["contacts"].update_many(waiting, [{"$set": {"due_at": "$$NOW"}}])

    def due_times(self, campaign_id: str) -> list[datetime]:
        with self._mongodb() as client:
            found = client[self.world.wish.database]["contacts"].find({"campaign_id": campaign_id})
            return [contact["due_at"].replace(tzinfo=UTC) for contact in found]

    def _set(self, campaign_id: str, fields: Json) -> None:
        with self._mongodb() as client:
            client[self.world.wish.database]["campaigns"].update_one({"_id": campaign_id}, {"$set": fields})

    def document(self, campaign_id: str) -> Json:
        with self._mongodb() as client:
            found = client[self.world.wish.database]["campaigns"].find_one({"_id": campaign_id})
        assert found is not None
        return found

    def _mongodb(self) -> MongoClient[Json]:
        return MongoClient(self.world.mongodb_uri)
