"""The composition root: every part made once per process, when it is first needed."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import boto3

from dialer.adapters.aws import CONFIG
from dialer.adapters.clock import SystemClock
from dialer.adapters.mongo import Document, connect
from dialer.adapters.parameters import ParameterStore
from dialer.errors import BadSettings
from dialer.secret import Secret
from dialer.settings import Settings, from_environment
from dialer.stream_token import stream_key

_REMEMBERED_S = 2 * 24 * 3600  # longer than the call queue keeps a message (template.yaml: one day)

Part = TypeVar("Part")
Params = ParamSpec("Params")

if TYPE_CHECKING:
    from functools import _lru_cache_wrapper

    from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_sqs import SQSClient
    from pymongo.collection import Collection
    from pymongo.database import Database
    from twilio.rest import Client

    from dialer.abandon_guard import AbandonGuard
    from dialer.adapters.caller_ids import MongoCallerIds
    from dialer.adapters.signed_posts import SignedPosts
    from dialer.audit import Audit
    from dialer.barring import Barring
    from dialer.board import Board
    from dialer.callback import Callback
    from dialer.campaigns import CampaignOffice
    from dialer.conversation import Conversation
    from dialer.desk import Desk
    from dialer.dial import Dial
    from dialer.drain import Drain
    from dialer.exports import ExportDesk, Writing
    from dialer.finish import Finish
    from dialer.intake import Intake, ListReading
    from dialer.keyring import Keyring
    from dialer.list_ports import Exports, Lists, PaperQueue, Store
    from dialer.lists import ListDesk
    from dialer.measures import Measures
    from dialer.office_ports import AuditLog, ContactBook, Floor, Statistics, SuppressionList
    from dialer.people import Registry
    from dialer.ports import (
        Account,
        Announcer,
        CallQueue,
        CallRef,
        Campaigns,
        LiveCalls,
        OptOutQueue,
        Patients,
        Suppressions,
    )
    from dialer.reconcile import Reconcile
    from dialer.rehearsal import Rehearsal
    from dialer.schedule import Schedule
    from dialer.statistics import Survey
    from dialer.tick import Tick
    from dialer.views import Views


_PARTS: "list[_lru_cache_wrapper[Any]]" = []


def _part(make: Callable[Params, Part]) -> "_lru_cache_wrapper[Part]":
    """Made once, and again after a secret has been replaced."""
    made = cache(make)
    _PARTS.append(made)
    return made


@cache
def settings() -> Settings:
    return from_environment()


def demand(function: str) -> None:
    """Raises BadSettings naming a setting that this function needs and was not told."""
    settings().demand(function)


def new_token() -> str:
    """Twelve random bytes: enough that no two claims or permissions ever meet."""
    return secrets.token_hex(12)


@cache
def _parameters() -> ParameterStore:
    """All that this function's settings name, in one request."""
    known = settings()
    names = (
        known.mongodb_uri_parameter,
        known.twilio_auth_token_parameter,
        known.voice_base_url_parameter,
        known.phone_hash_key_parameter,
    )
    return ParameterStore(
        lambda config: boto3.client("ssm", config=config), [name for name in names if name], clock=SystemClock()
    )


@contextmanager
def invocation(function: str = "") -> Iterator[None]:
    """One invocation, by parts whose secrets are minutes old at most: after a rotation they are made again.

    What the deployment got wrong may have been put right since: after BadSettings the next one reads all anew. A
    function that is named here does nothing while a setting that it needs is missing.
    """
    if _parameters.cache_info().currsize and _parameters().renew():
        _forget_parts()
    try:
        if function:
            demand(function)
        yield
    except BadSettings:
        distrust()
        raise


def distrust() -> bool:
    """A secret was refused. Whether it has been replaced: then this function's next invocation uses the new one."""
    return bool(_parameters.cache_info().currsize) and _parameters().doubt()


def _forget_parts() -> None:
    """All that is made from secrets; between invocations, since nobody may be using it."""
    if _database.cache_info().currsize:
        _database().client.close()
    for part in _PARTS:
        part.cache_clear()


def _parameter(setting: str) -> Secret:
    return _parameters()[settings().need(setting)]


def twilio_auth_token() -> Secret:
    return _parameter("twilio_auth_token_parameter")


def voice_base_url() -> str:
    return _parameter("voice_base_url_parameter").reveal().rstrip("/")


@_part
def _collection(name: str) -> "Collection[Document]":
    return _database()[name]


@_part
def _database() -> "Database[Document]":
    return connect(_parameter("mongodb_uri_parameter"), settings().mongodb_database)


@_part
def campaigns() -> "Campaigns":
    from dialer.adapters.announced import AnnouncedCampaigns

    return AnnouncedCampaigns(_collection("campaigns"), announcer())


@cache
def announcer() -> "Announcer":
    from dialer.adapters.event_bus import CONFIG as BRIEF
    from dialer.adapters.event_bus import EventBridgeAnnouncer

    return EventBridgeAnnouncer(cache(lambda: boto3.client("events", config=BRIEF)), bus=settings().event_bus)


def publish() -> int:
    """Send what this invocation announced; how many were not taken. Nothing fails because of it."""
    paused = announcer().noted("CampaignPaused")
    if paused:
        measure({"Paused": paused})
    return announcer().publish()


def measure(measures: "Measures") -> None:
    """Metrics, as lines of the log that CloudWatch reads. A log that takes no line fails nothing."""
    if settings().stack and measures:
        with suppress(OSError):
            _print_metrics(measures)


def _print_metrics(measures: "Measures") -> None:
    from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

    units = {"Time": MetricUnit.Milliseconds, "Lag": MetricUnit.Milliseconds, "Age": MetricUnit.Seconds}
    metrics = EphemeralMetrics(namespace="Dialer")
    metrics.add_dimension("stack", settings().stack)
    for name, value in measures.items():
        unit = next((unit for ending, unit in units.items() if name.endswith(ending)), MetricUnit.Count)
        metrics.add_metric(name=name, unit=unit, value=value)
    metrics.flush_metrics()


@_part
def suppressions() -> "Suppressions":
    from dialer.adapters.suppressions import MongoSuppressions

    return MongoSuppressions(_collection("suppressions"), key=_parameter("phone_hash_key_parameter"))


@cache
def _sqs() -> "SQSClient":
    return boto3.client("sqs", config=CONFIG)


@cache
def _sqs_posts() -> "SignedPosts | None":
    """None without credentials: the client says best what is missing."""
    from dialer.adapters.signed_posts import SignedPosts

    sqs, session = _sqs(), boto3.DEFAULT_SESSION  # which the client has made
    credentials = session.get_credentials() if session else None
    return SignedPosts(sqs, credentials) if credentials else None


@cache
def call_queue() -> "CallQueue":
    from dialer.adapters.call_queue import SqsCallQueue

    known = settings()
    return SqsCallQueue(
        _sqs,
        posts=_sqs_posts,
        call_queue_url=known.call_queue_url,
        refill_queue_url=known.refill_queue_url,
    )


def _queue(url: str) -> "CallQueue":
    """The queues, for a part that sends through the one that this setting names."""
    settings().need(url)
    return call_queue()


@_part
def _twilio(*, fresh: bool) -> "Client":
    from dialer.adapters.carrier import client

    known = settings()
    return client(
        known.need("twilio_account_sid"),
        twilio_auth_token(),
        api_url=known.twilio_api_url,
        connect=known.bounds.dial_guard,
        timeout=known.bounds.post_timeout,
        fresh=fresh,
    )


@_part
def tick() -> "Tick":
    from dialer.adapters.campaign_lock import DynamoCampaignLock
    from dialer.adapters.claims import MongoClaims
    from dialer.adapters.reach import MongoReach
    from dialer.tick import Tick

    clock = SystemClock()
    dynamodb = boto3.client("dynamodb", config=CONFIG)
    _sqs_posts()  # and the client: here, before several threads want them at once
    return Tick(
        lock=DynamoCampaignLock(dynamodb, table=settings().need("lock_table"), clock=clock),
        campaigns=campaigns(),
        claims=MongoClaims(_collection("contacts")),
        suppressions=suppressions(),
        reach=MongoReach(_collection("contacts")),
        queue=_queue("call_queue_url"),
        abandon_guard=abandon_guard(),
        clock=clock,
        bounds=settings().bounds,
        new_token=new_token,
        account=account(),
    )


@_part
def account() -> "Account | None":
    from dialer.adapters.account import MongoAccount

    spacing = settings().dial_spacing()
    return MongoAccount(_collection("account"), spacing=spacing) if spacing else None


def dial(time_left: Callable[[], timedelta]) -> "Dial":
    """One per invocation, because each has its own time left; the parts are shared."""
    from dialer.adapters.carrier import TwilioDialer
    from dialer.adapters.lines import MongoLines
    from dialer.adapters.reach import MongoReach
    from dialer.dial import Dial

    return Dial(
        campaigns=campaigns(),
        lines=MongoLines(_collection("contacts")),
        suppressions=suppressions(),
        reach=MongoReach(_collection("contacts")),
        dialer=TwilioDialer(_twilio(fresh=True), voice_base_url=voice_base_url(), replaced=distrust),
        caller_ids=caller_ids(),
        queue=_queue("refill_queue_url"),
        clock=SystemClock(),
        bounds=settings().bounds,
        new_token=new_token,
        time_left=time_left,
        account=account(),
    )


@cache
def _idempotency() -> "tuple[DynamoDBPersistenceLayer, IdempotencyConfig]":
    """One persistence layer for the one function it serves: shared ones overwrite each other's names."""
    from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig

    store = DynamoDBPersistenceLayer(
        table_name=settings().need("idempotency_table"), boto3_client=boto3.client("dynamodb", config=CONFIG)
    )
    config = IdempotencyConfig(
        event_key_jmespath="attempt_id",
        raise_on_no_idempotency_key=True,
        expires_after_seconds=_REMEMBERED_S,
    )
    return store, config


def once_per_attempt(dial_one: Callable[..., Any], context: "LambdaContext") -> Callable[..., Any]:
    """The function, repeated for no attempt it has finished. It saves work; no promise rests on it."""
    from aws_lambda_powertools.utilities.idempotency import idempotent_function

    store, config = _idempotency()
    config.register_lambda_context(context)
    once: Callable[..., Any] = idempotent_function(
        dial_one, data_keyword_argument="message", persistence_store=store, config=config, key_prefix="dial"
    )
    return once


@_part
def callback() -> "Callback":
    from dialer.adapters.hearing import MongoHearing
    from dialer.callback import Callback

    return Callback(
        hearing=MongoHearing(_collection("contacts")),
        campaigns=campaigns(),
        queue=_queue("refill_queue_url"),
        clock=SystemClock(),
        abandon_guard=abandon_guard(),
    )


@_part
def abandon_guard() -> "AbandonGuard":
    from dialer.abandon_guard import AbandonGuard
    from dialer.adapters.live_answers import MongoLiveAnswers

    return AbandonGuard(answers=MongoLiveAnswers(_collection("live_answers")), campaigns=campaigns())


@_part
def conversation() -> "Conversation":
    from dialer.conversation import Conversation

    listening = callback()
    return Conversation(
        callback=listening,
        hearing=listening.hearing,
        campaigns=campaigns(),
        suppressions=suppressions(),
        live=_LiveCalls(),
        opt_outs=opt_out_queue(),
        stream_key=stream_key(twilio_auth_token()),
    )


@cache
def opt_out_queue() -> "OptOutQueue":
    """Its client is made when something cannot be written down."""
    from dialer.adapters.opt_out_queue import SqsOptOutQueue

    return SqsOptOutQueue(_sqs, url=settings().opt_out_queue_url)


class _LiveCalls:
    """Made when the first machine is met: most invocations meet none, and start faster without Twilio's client."""

    def hang_up(self, sid: str) -> None:
        _live_calls().hang_up(sid)

    def leave_voicemail(self, ref: "CallRef", *, sid: str) -> None:
        _live_calls().leave_voicemail(ref, sid=sid)


@_part
def _live_calls() -> "LiveCalls":
    from dialer.adapters.carrier import TwilioLiveCalls

    return TwilioLiveCalls(_twilio(fresh=False), voice_base_url=voice_base_url())


@_part
def caller_ids() -> "MongoCallerIds":
    from dialer.adapters.caller_ids import MongoCallerIds

    return MongoCallerIds(_collection("caller_ids"))


@_part
def reconcile() -> "Reconcile":
    from dialer.adapters.carrier import TwilioWitness
    from dialer.adapters.overdue import MongoOverdue
    from dialer.reconcile import Reconcile

    return Reconcile(
        overdue=MongoOverdue(_collection("contacts")),
        campaigns=campaigns(),
        callback=callback(),
        witness=TwilioWitness(_twilio(fresh=False)),
        bounds=settings().bounds,
    )


@_part
def drain() -> "Drain":
    from dialer.adapters.carrier import TwilioWitness
    from dialer.adapters.waiting import MongoWaiting
    from dialer.drain import Drain

    return Drain(
        campaigns=campaigns(),
        waiting=MongoWaiting(_collection("contacts")),
        callback=callback(),
        witness=TwilioWitness(_twilio(fresh=False)),
    )


@_part
def audit() -> "Audit":
    from dialer.adapters.attempt_book import MongoAttemptBook
    from dialer.adapters.call_log import TwilioCallLog
    from dialer.adapters.carrier import TwilioWitness
    from dialer.audit import Audit

    return Audit(
        campaigns=campaigns(),
        attempts=MongoAttemptBook(_collection("contacts")),
        log=TwilioCallLog(_twilio(fresh=False)),
        witness=TwilioWitness(_twilio(fresh=False)),
        margin=settings().bounds.list_margin,
    )


@_part
def finish() -> "Finish":
    from dialer.adapters.endings import MongoEndings
    from dialer.finish import Finish

    return Finish(endings=MongoEndings(_collection("campaigns"), _collection("contacts")), campaigns=campaigns())


@_part
def patients() -> "Patients":
    from dialer.adapters.pulse import MongoPatients

    return MongoPatients(_collection("contacts"))


@_part
def _contact_book() -> "ContactBook":
    from dialer.adapters.contact_book import MongoContactBook

    return MongoContactBook(_collection("contacts"))


@_part
def campaign_office() -> "CampaignOffice":
    from dialer.campaigns import CampaignOffice

    return CampaignOffice(
        campaigns=campaigns(),
        contacts=_contact_book(),
        caller_ids=caller_ids(),
        queue=_queue("refill_queue_url"),
        abandon_guard=abandon_guard(),
        clock=SystemClock(),
        new_id=new_id,
    )


def intake() -> "Intake":
    from dialer.intake import Intake

    office = campaign_office()
    return Intake(office=office, contacts=office.contacts, bar=_barring(), new_id=new_id)


def _barring() -> "Barring":
    """One per import, because it knows whether anybody was barred by it."""
    from dialer.barring import Barring

    return Barring(contacts=_contact_book(), suppressions=suppression_list(), wait_out_dials=_wait_out_dials)


def _wait_out_dials() -> None:
    SystemClock().sleep(settings().bounds.last_request.total_seconds())


def new_id() -> str:
    """Of a campaign, list, export or token: six random bytes in hex, never digits alone, as a phone number would be."""
    while (fresh := secrets.token_hex(6)).isdigit():
        pass
    return fresh


@cache
def _store() -> "Store":
    from dialer.adapters.store import S3_CONFIG, S3Store

    return S3Store(boto3.client("s3", config=S3_CONFIG), bucket=settings().need("store_bucket"))


@cache
def store_origin() -> str:
    """Where files are put into the store, and fetched from it: its scheme and host."""
    return _store().origin()


@cache
def _paper_queue() -> "PaperQueue":
    from dialer.adapters.paper_queue import SqsPaperQueue

    return SqsPaperQueue(boto3.client("sqs", config=CONFIG), url=settings().need("intake_queue_url"))


@_part
def _lists() -> "Lists":
    from dialer.adapters.papers import MongoLists

    return MongoLists(_collection("lists"))


@_part
def _exports() -> "Exports":
    from dialer.adapters.papers import MongoExports

    return MongoExports(_collection("exports"))


def list_desk() -> "ListDesk":
    from dialer.lists import ListDesk

    return ListDesk(office=campaign_office(), lists=_lists(), store=_store(), new_id=new_id)


def export_desk() -> "ExportDesk":
    from dialer.exports import ExportDesk

    return ExportDesk(office=campaign_office(), exports=_exports(), store=_store(), queue=_paper_queue(), new_id=new_id)


def list_reading(time_left: Callable[[], timedelta], *, leave_with: timedelta) -> "ListReading":
    """One per invocation, because each has its own time left."""
    from dialer.intake import ListReading

    return ListReading(
        campaigns=campaigns(),
        contacts=_contact_book(),
        bar=_barring(),
        lists=_lists(),
        store=_store(),
        queue=_paper_queue(),
        clock=SystemClock(),
        new_token=new_token,
        time_left=time_left,
        leave_with=leave_with,
    )


def writing(time_left: Callable[[], timedelta], *, leave_with: timedelta) -> "Writing":
    """One per invocation, because each has its own time left."""
    from dialer.exports import Writing

    return Writing(
        contacts=_contact_book(),
        lists=_lists(),
        exports=_exports(),
        store=_store(),
        queue=_paper_queue(),
        new_token=new_token,
        time_left=time_left,
        leave_with=leave_with,
    )


def views() -> "Views":
    from dialer.views import Views

    office = campaign_office()
    return Views(office=office, contacts=office.contacts)


@_part
def rehearsal() -> "Rehearsal":
    from dialer.adapters.hearing import MongoHearing
    from dialer.rehearsal import Rehearsal

    office = campaign_office()
    return Rehearsal(office=office, contacts=office.contacts, hearing=MongoHearing(_collection("contacts")))


@_part
def desk() -> "Desk":
    from dialer.adapters.campaign_desk import MongoCampaignDesk
    from dialer.desk import Desk

    return Desk(office=campaign_office(), desk=MongoCampaignDesk(_collection("campaigns")), bounds=settings().bounds)


@_part
def schedule() -> "Schedule":
    from dialer.adapters.roll import MongoRoll
    from dialer.adapters.timetable import MongoTimetable
    from dialer.campaigns import Readiness
    from dialer.schedule import Schedule

    readiness = Readiness(contacts=MongoRoll(_collection("contacts")))
    return Schedule(timetable=MongoTimetable(_collection("campaigns")), readiness=readiness)


@_part
def keyring() -> "Keyring":
    from dialer.adapters.tokens import MongoTokens
    from dialer.keyring import Keyring

    return Keyring(
        tokens=MongoTokens(_collection("tokens")),
        clock=SystemClock(),
        new_id=new_id,
        new_secret=lambda: secrets.token_urlsafe(32),
    )


@_part
def audit_log() -> "AuditLog":
    from dialer.adapters.audit_log import MongoAuditLog

    return MongoAuditLog(_collection("audit"))


_OUTLINE_S = 3  # a list of campaigns is looked at every few seconds
_REPEATABLE_S = 24 * 3600


@cache
def _repetitions() -> "tuple[DynamoDBPersistenceLayer, IdempotencyConfig]":
    """A persistence layer of its own: shared ones overwrite each other's names."""
    from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig

    store = DynamoDBPersistenceLayer(
        table_name=settings().need("idempotency_table"), boto3_client=boto3.client("dynamodb", config=CONFIG)
    )
    config = IdempotencyConfig(
        event_key_jmespath="[who, what, key]",
        payload_validation_jmespath="body",
        raise_on_no_idempotency_key=True,
        expires_after_seconds=_REPEATABLE_S,
        hash_function="sha256",
    )
    return store, config


def once_per_key(answer: Callable[..., Any], context: "LambdaContext") -> Callable[..., Any]:
    """The function, answered from memory for a request with the same key, and refused for another one with it."""
    from aws_lambda_powertools.utilities.idempotency import idempotent_function

    store, config = _repetitions()
    config.register_lambda_context(context)
    once: Callable[..., Any] = idempotent_function(
        answer, data_keyword_argument="request", persistence_store=store, config=config, key_prefix="api"
    )
    return once


@_part
def suppression_list() -> "SuppressionList":
    from dialer.adapters.suppression_list import MongoSuppressionList

    return MongoSuppressionList(_collection("suppressions"), key=_parameter("phone_hash_key_parameter"))


@_part
def registry() -> "Registry":
    from dialer.adapters.overdue import MongoOverdue
    from dialer.adapters.people import MongoPeople
    from dialer.people import Registry
    from dialer.shredding import Shredding

    return Registry(
        people=MongoPeople(_collection("contacts")),
        campaigns=campaigns(),
        overdue=MongoOverdue(_collection("contacts")),
        suppressions=suppression_list(),
        shred=Shredding(lists=_lists(), exports=_exports(), store=_store(), clock=SystemClock()),
        confirm=desk().wait_out_dials,
    )


@_part
def statistics() -> "Statistics":
    from dialer.adapters.statistics import MongoStatistics

    return MongoStatistics(
        _collection("statistics"),
        contacts=_collection("contacts"),
        campaigns=_collection("campaigns"),
        clock=SystemClock(),
    )


def survey() -> "Survey":
    from dialer.statistics import Survey

    return Survey(views=views(), statistics=statistics(), floor=floor(), abandon_guard=abandon_guard())


@_part
def floor() -> "Floor":
    """Kept, since it remembers what it has seen a moment ago."""
    from dialer.adapters.floor import MongoFloor

    return MongoFloor(_collection("contacts"), clock=SystemClock())


@_part
def board() -> "Board":
    """Kept, since it remembers what it has seen a moment ago."""
    from dialer.adapters.remembering import Remembering
    from dialer.board import Board, Outline

    remember: Remembering[Outline] = Remembering(SystemClock(), at_least=_OUTLINE_S)
    return Board(
        survey=survey(),
        contacts=_contact_book(),
        floor=floor(),
        bounds=settings().bounds,
        clock=SystemClock(),
        remember=remember,
    )
