"""The product in a universe: its own steps and adapters, wired to simulated parts, and whoever sets them going."""

import hashlib
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

from botocore.exceptions import ClientError, ReadTimeoutError
from pymongo.errors import AutoReconnect, NetworkTimeout, NotPrimaryError, WTimeoutError

from dialer.abandon_guard import AbandonGuard
from dialer.adapters.account import MongoAccount
from dialer.adapters.call_queue import SqsCallQueue
from dialer.adapters.caller_ids import MongoCallerIds
from dialer.adapters.campaign_lock import DynamoCampaignLock
from dialer.adapters.campaigns import MongoCampaigns
from dialer.adapters.claims import MongoClaims
from dialer.adapters.contact_book import MongoContactBook
from dialer.adapters.endings import MongoEndings
from dialer.adapters.hearing import MongoHearing
from dialer.adapters.lines import MongoLines
from dialer.adapters.live_answers import MongoLiveAnswers
from dialer.adapters.opt_out_queue import SqsOptOutQueue, said_of
from dialer.adapters.overdue import MongoOverdue
from dialer.adapters.reach import MongoReach
from dialer.adapters.suppressions import MongoSuppressions
from dialer.adapters.waiting import MongoWaiting
from dialer.callback import Callback
from dialer.conversation import Conversation, Input
from dialer.dial import Dial
from dialer.drain import Drain
from dialer.finish import Finish
from dialer.model import CallMessage, CallReport, CampaignState, NewContact, Number
from dialer.ports import CallRef
from dialer.reconcile import Reconcile
from dialer.secret import Secret
from dialer.speech import SILENCE
from dialer.tick import Tick
from tests.simulation.carrier import Call, Carrier
from tests.simulation.chance import Kind, Weather
from tests.simulation.collection import Database
from tests.simulation.laws import Breach, Laws
from tests.simulation.lock_table import LockTable
from tests.simulation.plan import BOUNDS, MINUTE, Plan, plan_of
from tests.simulation.queues import CALL_QUEUE, OPT_OUT_QUEUE, REFILL_QUEUE, Queues
from tests.simulation.universe import Ended, Happened, Killed, Universe
from tests.simulation.values import UnknownToTheSimulation

_TICK, _VOICE, _RECONCILE, _PERSON = (timedelta(seconds=seconds) for seconds in (25, 10, 50, 30))
WEBHOOK_TRIES = 6


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one universe."""

    seed: int
    breaches: tuple[Breach, ...]
    attempts: int
    """Requests to place a call."""
    calls: int
    faults: tuple[str, ...]
    history: tuple[Happened, ...]


def history_of(seed: int, *, spared: Collection[str] = frozenset(), plan: Plan | None = None) -> Outcome:
    """Live through one universe, without the faults that are spared."""
    world = World(plan or plan_of(seed), spared=spared)
    world.live()
    return Outcome(
        seed=seed,
        breaches=tuple(world.laws.breaches),
        attempts=world.laws.attempts,
        calls=len(world.carrier.calls),
        faults=tuple(world.universe.weather.struck),
        history=tuple(world.universe.history),
    )


@dataclass(frozen=True, kw_only=True)
class _Clock:
    """The clock of whoever looks at it."""

    universe: Universe

    def now(self) -> datetime:
        return self.universe.moment() + self.universe.me().skew

    def monotonic(self) -> float:
        return self.universe.now / 1000

    def sleep(self, seconds: float) -> None:
        self.universe.sleep(seconds)


class NoMachines:
    """In a universe only people answer: no call that is on is ever changed."""

    def hang_up(self, sid: str) -> None:
        raise UnknownToTheSimulation("a call that is hung up on")

    def leave_voicemail(self, ref: CallRef, *, sid: str) -> None:
        raise UnknownToTheSimulation("a voicemail")


class World:
    """Everything of one universe."""

    def __init__(self, plan: Plan, *, spared: Collection[str] = frozenset()) -> None:
        self.plan = plan
        self.weather = Weather(
            ends=plan.ends,
            rates=plan.rates,
            rough_carrier=plan.rough_carrier,
            outages=plan.outages,
            spared=spared,
        )
        self.universe = Universe(seed=plan.seed, weather=self.weather, lagging=plan.lagging)
        self.laws = Laws(universe=self.universe, bounds=BOUNDS)
        self.laws.campaigns = {campaign.id: campaign for campaign in plan.campaigns}
        self.carrier = Carrier(
            universe=self.universe,
            habits=plan.carrier,
            tell=self._tell,
            left=self.laws.left,
            campaign_of=lambda contact_id: str(self.laws.contacts[contact_id]["campaign_id"]),
        )
        self.laws.carrier = self.carrier
        self.queues = Queues(
            universe=self.universe,
            habits=plan.queues,
            wire=partial(self.universe.ask, failure=_aws_failure),
            visibility=BOUNDS.queue_visibility,
            call=self._call,
            refill=self._tick_one,
            opt_out=self._hear_late,
        )
        self._wire_up()

    def _wire_up(self) -> None:
        """The product, as its composition root wires it."""
        universe = self.universe
        clock = _Clock(universe=universe)
        database = Database(
            universe.moment,
            wire=partial(universe.ask, failure=_database_failure),
            changed=self.laws.changed,
            seen_at=universe.seen_at,
        )
        self.database = database
        contacts = cast("Any", database["contacts"])
        spacing = self.plan.account_spacing
        account = MongoAccount(cast("Any", database["account"]), spacing=spacing) if spacing else None
        self.book = MongoContactBook(contacts)
        self.campaigns = MongoCampaigns(cast("Any", database["campaigns"]))
        self.suppressions = MongoSuppressions(cast("Any", database["suppressions"]), key=Secret("a key"))
        abandon_guard = AbandonGuard(
            answers=MongoLiveAnswers(cast("Any", database["live_answers"])), campaigns=self.campaigns
        )
        self.lock_table = LockTable(wire=partial(universe.ask, failure=_aws_failure))
        queue = SqsCallQueue(lambda: cast("Any", self.queues), call_queue_url=CALL_QUEUE, refill_queue_url=REFILL_QUEUE)
        self.tick = Tick(
            lock=DynamoCampaignLock(cast("Any", self.lock_table), table="lock", clock=clock),
            campaigns=self.campaigns,
            claims=MongoClaims(contacts),
            suppressions=self.suppressions,
            reach=MongoReach(contacts),
            queue=queue,
            abandon_guard=abandon_guard,
            clock=clock,
            bounds=BOUNDS,
            new_token=self._new_token,
            account=account,
            workers=1,
        )
        self.finish = Finish(
            endings=MongoEndings(cast("Any", database["campaigns"]), contacts), campaigns=self.campaigns
        )
        self.dial = Dial(
            campaigns=self.campaigns,
            lines=MongoLines(contacts),
            suppressions=self.suppressions,
            reach=MongoReach(contacts),
            dialer=self.carrier,
            caller_ids=MongoCallerIds(cast("Any", database["caller_ids"])),
            queue=queue,
            clock=clock,
            bounds=BOUNDS,
            new_token=self._new_token,
            time_left=self._time_left,
            account=account,
        )
        self.callback = Callback(
            hearing=MongoHearing(contacts),
            campaigns=self.campaigns,
            queue=queue,
            clock=clock,
            abandon_guard=abandon_guard,
        )
        self.conversation = Conversation(
            callback=self.callback,
            hearing=self.callback.hearing,
            campaigns=self.campaigns,
            suppressions=self.suppressions,
            live=NoMachines(),
            opt_outs=SqsOptOutQueue(lambda: cast("Any", self.queues), url=OPT_OUT_QUEUE),
            stream_key=Secret("a key"),
        )
        self.drain = Drain(
            campaigns=self.campaigns,
            waiting=MongoWaiting(contacts),
            callback=self.callback,
            witness=self.carrier,
            workers=1,
        )
        self.reconcile = Reconcile(
            overdue=MongoOverdue(contacts),
            campaigns=self.campaigns,
            callback=self.callback,
            witness=self.carrier,
            bounds=BOUNDS,
            workers=1,
        )

    def live(self) -> None:
        """From the import of the lists to the moment at which nothing is left to do."""
        self._prepare()
        self._minute(0)
        self.universe.run(until=self.plan.ends + self.plan.patience)
        if not self.laws.breaches:
            contacts = list(self.laws.contacts.values())
            self.laws.at_rest(contacts, expected=sum(len(phones) for _, phones in self.plan.people))
            self.laws.heard(self.queues.unheard)
        self.universe.end()

    def _minute(self, minute: int) -> None:
        """What a minute brings."""
        self._beat("tick", minute, self._tick_all)
        self._beat("reconcile", minute, self._reconcile_all)
        self._operate(minute)
        self.universe.at(minute * MINUTE + MINUTE // 2, self._rest)
        self.universe.at((minute + 1) * MINUTE, lambda: self._minute(minute + 1))

    def _prepare(self) -> None:
        """The lists are imported before the first fault, under ids that the seed gives."""
        wire, self.database.wire = self.database.wire, lambda _, do: do()
        self.book.prepare()
        for campaign in self.plan.campaigns:
            self.campaigns.create(campaign)
        for campaign_id, phones in self.plan.people:
            self.book.add(campaign_id, self._rows(phones), max_attempts=self._most(campaign_id))
        contacts = self.database["contacts"].table.documents
        imported = list(contacts.values())
        contacts.clear()
        self.laws.contacts.clear()
        for index, document in enumerate(imported):
            self.database["contacts"].insert_one(document | {"_id": f"{index + 1:024x}"})
        self.database.wire = wire

    def _rows(self, phones: Collection[str]) -> list[NewContact]:
        others = [Number(phone=phone, region=self.plan.region) for phone in self.plan.alternates]
        return [
            NewContact(
                phone=phone,
                region=self.plan.region,
                alternates=tuple(other for other in others if other.phone != phone),
            )
            for phone in phones
        ]

    def _most(self, campaign_id: str) -> int:
        return self.laws.campaigns[campaign_id].retry.max_attempts

    def _rest(self) -> None:
        """Whether everything is over already."""
        if self.universe.now >= self.plan.ends and all(map(self.laws.rests, self.laws.contacts.values())):
            calls = any(call.ended_at is None for call in self.carrier.calls.values())
            asked = any(asked.under_way for asked in self.carrier.asked)
            self.universe.running = calls or asked or self.queues.unheard > 0

    # Those who set it going.

    def _beat(self, name: str, minute: int, work: Callable[[str], None]) -> None:
        """A schedule: once a minute, sometimes never or twice."""
        luck = self.universe.luck(f"{name} {minute}")
        when, drawn = minute * MINUTE + round(luck.random() * 3_000), luck.random()
        beats = [when]
        if when < self.plan.ends and drawn < self.plan.workers_miss:
            if drawn < self.plan.workers_miss / 3 and self.weather.strikes(f"{name} {minute} is missed"):
                beats = []
            elif self.weather.strikes(f"{name} {minute} comes twice"):
                beats.append(when + round(luck.random() ** 3 * 10_000))
        for count, beat in enumerate(beats):
            self.universe.at(beat, partial(work, f"{name} {minute}" + (" again" if count else "")))

    def _spawn(self, name: str, work: Callable[[], Any], timeout: timedelta, ended: Ended) -> None:
        skew = timedelta(0)
        if self.plan.skew and self.universe.now < self.plan.ends:
            skew = timedelta(seconds=self.plan.skew * (2 * self.universe.luck(f"clock of {name}").random() - 1))
        self.universe.spawn(name, work, timeout=timeout, skew=skew, ended=ended)

    def _tick_all(self, name: str) -> None:
        work = partial(self.tick.every_campaign, enough_time=self._enough)
        self._spawn(name, lambda: self.finish(work()), _TICK, _whatever)

    def _tick_one(self, name: str, campaign_id: str) -> None:
        work = partial(self.tick.named, [campaign_id], enough_time=self._enough)
        self._spawn(name, lambda: self.finish(work()), _TICK, _whatever)

    def _enough(self) -> bool:
        return self._seconds_left() > 10

    def _reconcile_all(self, name: str) -> None:
        def work() -> None:
            self.drain(enough_time=enough)
            self.reconcile(enough_time=enough)

        def enough() -> bool:
            return self._seconds_left() > 20

        self._spawn(name, work, _RECONCILE, _whatever)

    def _call(self, name: str, body: str, ended: Ended) -> None:
        message = _message(body)

        def after(result: Any, raised: BaseException | None) -> None:
            if raised is None:
                self.universe.note(name, f"is done: {result.outcome}, {result.detail}")
                self.laws.acknowledged(message.contact_id, message.attempt_id)
            ended(result, raised)

        self._spawn(name, lambda: self.dial(message), BOUNDS.call_timeout, after)

    def _tell(self, call: Call, what: str) -> None:
        """A webhook: perhaps lost, perhaps twice, in no order."""
        name = f"voice {what} of {call.sid}"
        luck, quiet = self.universe.luck(name), self.universe.now >= self.plan.ends
        lost, twice, delay, again = (luck.random() for _ in range(4))
        report = CallReport(sid=call.sid, status=call.status, answered_by=call.answered_by)
        tell = partial(self._webhook, call, what, report)
        late = 100 if quiet else self.plan.webhooks_late
        if not quiet and lost < self.plan.webhooks_lost and self.weather.strikes(f"{name} is lost"):
            return
        self.universe.after(5 + late * delay**2, partial(tell, name, 1))
        if not quiet and twice < self.plan.webhooks_twice and self.weather.strikes(f"{name} comes twice"):
            self.universe.after(5 + 3 * late * again, partial(tell, f"{name} again", 1))

    def _webhook(self, call: Call, what: str, report: CallReport, name: str, count: int) -> None:
        ref = CallRef(contact_id=call.request.contact_id, attempt_id=call.request.attempt_id)

        def ended(result: Any, raised: BaseException | None) -> None:
            if raised is not None:
                if count < WEBHOOK_TRIES:
                    self.universe.after(2_000, lambda: self._webhook(call, what, report, name, count + 1))
            elif what == "answer":
                self._heard(call, result[1], name)

        work = (
            (lambda: self.conversation.answer(ref, report)) if what == "answer" else (lambda: self._status(ref, report))
        )
        self._spawn(name if count == 1 else f"{name}, try {count}", work, _VOICE, ended)

    def _status(self, ref: CallRef, report: CallReport) -> Any:
        return self.callback.status(ref, report)

    def _heard(self, call: Call, words: Any, name: str) -> None:
        """Who answered hears something, and may press the key that ends all calls."""
        if words == SILENCE:
            self.carrier.hang_up(call)
        elif self.universe.luck(f"key of {call.sid}").random() < self.plan.opt_outs:
            self._opt_out(call, f"voice keypress after {name}", 1)

    def _opt_out(self, call: Call, name: str, count: int) -> None:
        ref = CallRef(contact_id=call.request.contact_id, attempt_id=call.request.attempt_id)

        def ended(_: Any, raised: BaseException | None) -> None:
            if raised is None:
                self.laws.suppressed(call.request.to)
            elif count < WEBHOOK_TRIES:
                self.universe.after(2_000, lambda: self._opt_out(call, name, count + 1))

        pressed = Input(sid=call.sid, digits="9")
        self._spawn(f"{name}, try {count}", lambda: self.conversation.go_on(ref, pressed), _VOICE, ended)

    def _hear_late(self, name: str, body: str, ended: Ended) -> None:
        ref, said = said_of(body)

        def after(result: Any, raised: BaseException | None) -> None:
            if raised is None:
                self.universe.note(name, f"is done: {result.outcome}, {result.detail}")
                self.laws.suppressed(self.laws.contacts[ref.contact_id]["phone"])
            ended(result, raised)

        self._spawn(name, lambda: self.conversation.opt_out_late(ref, said), _VOICE, after)

    def _operate(self, minute: int) -> None:
        """A person pauses, resumes, suppresses and imports again; when faults have stopped, everything runs again."""
        if minute * MINUTE >= self.plan.ends:
            for campaign in self.plan.campaigns:
                again = partial(self._set_state, campaign.id, CampaignState.RUNNING, CampaignState.PAUSED)
                self._person(f"operator resumes {campaign.id} {minute}", again, minute * MINUTE)
            return
        luck = self.universe.luck(f"operator {minute}")
        campaign_id = luck.choice(self.plan.campaigns).id
        acts = {
            "pauses": lambda: self._set_state(campaign_id, CampaignState.PAUSED, CampaignState.RUNNING),
            "resumes": lambda: self._set_state(campaign_id, CampaignState.RUNNING, CampaignState.PAUSED),
            "suppresses": lambda: self._suppress(luck.choice(self.plan.people[0][1])),
            "imports": lambda: self.book.add(
                campaign_id, self._rows(self.plan.people[0][1]), max_attempts=self._most(campaign_id)
            ),
        }
        if self.plan.stops and minute == 2:
            stop = partial(self._set_state, campaign_id, CampaignState.STOPPED, CampaignState.RUNNING)
            self._person(f"operator stops {campaign_id}", stop, minute * MINUTE)
        for count in range(round(self.plan.operator + luck.random() - 0.5)):
            act = luck.choice(("pauses", "resumes", "resumes", "suppresses", "imports"))
            name = f"operator {act} {minute}.{count}"
            if self.weather.strikes(name):
                self._person(name, acts[act], minute * MINUTE + luck.randint(0, MINUTE))

    def _person(self, name: str, act: Callable[[], Any], when: int) -> None:
        self.universe.at(when, lambda: self._spawn(name, act, _PERSON, _whatever))

    def _set_state(self, campaign_id: str, state: CampaignState, source: CampaignState) -> None:
        self.campaigns.set_state(campaign_id, state, sources=[source])

    def _suppress(self, phone: str) -> None:
        self.suppressions.suppress(phone, scope="global", source="operator", reason="asked")
        self.laws.suppressed(phone)

    # What a process knows of itself.

    def _new_token(self) -> str:
        me = self.universe.me()
        return hashlib.blake2b(f"{me.name}/{me.requests}".encode(), digest_size=12).hexdigest()

    def _time_left(self) -> timedelta:
        return timedelta(seconds=self._seconds_left())

    def _seconds_left(self) -> float:
        return (self.universe.me().deadline - self.universe.now) / 1000


def _whatever(_: Any, raised: BaseException | None) -> None:
    """Nobody waits for this process: what it did not do, the next one does."""


def _message(body: str) -> CallMessage:
    fields = json.loads(body)
    moments = {name: datetime.fromisoformat(fields[name]) for name in ("slot_at", "not_after")}
    return CallMessage(**{**fields, **moments})


def _database_failure(kind: Kind) -> Exception:
    match kind:
        case Kind.REFUSED:
            return NotPrimaryError("not primary")
        case Kind.REPLY_LOST:
            return WTimeoutError("waiting for replication timed out", 64)
        case Kind.LATE:
            return NetworkTimeout("timed out")
        case _:
            return AutoReconnect("connection closed")


def _aws_failure(kind: Kind) -> Exception:
    if kind is Kind.REFUSED:
        error: Any = {"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}
        return ClientError(error, "SendMessageBatch")
    return ReadTimeoutError(endpoint_url="http://127.0.0.1")


__all__ = ["Killed", "Outcome", "World", "history_of"]
