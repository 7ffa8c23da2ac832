"""Each function may do what it does and nothing else: a whole campaign under the roles, then every call outside them.

The calls are made with the credentials of the running functions themselves, taken from their processes.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.ministack import REGION
from local.world import MONGODB_URI_PARAMETER, PHONE_HASH_KEY_PARAMETER, TWILIO_AUTH_TOKEN_PARAMETER, World
from tests.conftest import missing
from tests.deploy.campaigned import Campaigned
from tests.functions.events import event

pytestmark = pytest.mark.world

TICK, CALL, VOICE, RECONCILE = "TickFunction", "CallFunction", "VoiceFunction", "ReconcileFunction"
API, INTAKE = "ApiFunction", "IntakeFunction"
ALL = {TICK, CALL, VOICE, RECONCILE, API, INTAKE}
OTHER_ROLE = "arn:aws:iam::123456789012:role/other"
Call = Callable[[Callable[[str], Any], World], object]


def _parameter(name: str) -> Call:
    return lambda client, _: client("ssm").get_parameters(Names=[name], WithDecryption=True)


def _send(queue: str, **more: str) -> Call:
    return lambda client, world: client("sqs").send_message(QueueUrl=world.queues[queue], MessageBody="{}", **more)


def _receive(queue: str) -> Call:
    return lambda client, world: client("sqs").receive_message(QueueUrl=world.queues[queue], VisibilityTimeout=0)


def _update(table: str, key: str) -> Call:
    return lambda client, world: client("dynamodb").update_item(
        TableName=world.tables[table],
        Key={key: {"S": "nobody"}},
        UpdateExpression="SET seen = :yes",
        ExpressionAttributeValues={":yes": {"BOOL": True}},
    )


def _put(key: str) -> Call:
    return lambda client, world: client("s3").put_object(
        Bucket=world.stack.outputs["StoreBucketName"], Key=key, Body=b"phone\n"
    )


def _look(key: str) -> Call:
    def look(client: Callable[[str], Any], world: World) -> None:
        where = {"Bucket": world.stack.outputs["StoreBucketName"], "Key": key}
        world.client("s3").put_object(**where, Body=b"phone\n")
        client("s3").get_object(**where)

    return look


def _remove(key: str) -> Call:
    return lambda client, world: client("s3").delete_object(Bucket=world.stack.outputs["StoreBucketName"], Key=key)


def _event(bus: Callable[[World], str]) -> Call:
    entry = {"Source": "dialer", "DetailType": "test", "Detail": "{}"}
    return lambda client, world: client("events").put_events(Entries=[{**entry, "EventBusName": bus(world)}])


CALLS: dict[str, tuple[set[str], Call]] = {
    "lock a campaign": ({TICK}, _update("LockTable", "campaign_id")),
    "note a finished attempt": ({CALL, API}, _update("IdempotencyTable", "id")),
    "send a call message": ({TICK}, _send("CallQueue")),
    "send a hint": (ALL - {TICK, INTAKE}, _send("RefillQueue", MessageGroupId="g", MessageDeduplicationId="d")),
    "send a dead letter": (set(), _send("CallDeadLetterQueue")),
    "keep what may be an opt-out": ({VOICE}, _send("OptOutQueue")),
    "hear kept opt-outs again": ({VOICE}, _receive("OptOutQueue")),
    "ask for a list to be read": ({API, INTAKE}, _send("IntakeQueue")),
    "receive the store's news": ({INTAKE}, _receive("IntakeQueue")),
    "put a list": ({API}, _put("lists/c/other.csv")),
    "put an export": ({INTAKE}, _put("exports/c/other.csv")),
    "put something else": (set(), _put("elsewhere.csv")),
    "look at an export": ({API, INTAKE}, _look("exports/c/other.csv")),
    "look at something else": (set(), _look("elsewhere.csv")),
    "remove a list": ({API}, _remove("lists/c/other.csv")),
    "remove rejects": ({API, INTAKE}, _remove("rejects/c/other.csv")),
    "remove an export": ({API}, _remove("exports/c/other.csv")),
    "remove something else": (set(), _remove("elsewhere.csv")),
    "read the bucket's own settings": (
        set(),
        lambda client, world: client("s3").get_bucket_policy(Bucket=world.stack.outputs["StoreBucketName"]),
    ),
    "receive call messages": ({CALL}, _receive("CallQueue")),
    "receive hints": ({TICK}, _receive("RefillQueue")),
    "receive dead letters": (set(), _receive("CallDeadLetterQueue")),
    "read the database's address": (ALL, _parameter(MONGODB_URI_PARAMETER)),
    "read the hash key": (ALL - {RECONCILE}, _parameter(PHONE_HASH_KEY_PARAMETER)),
    "read the carrier's token": ({CALL, VOICE, RECONCILE}, _parameter(TWILIO_AUTH_TOKEN_PARAMETER)),
    "read the voice address": ({CALL, VOICE}, _parameter("/dialer/voice-base-url")),
    "read another parameter": (set(), _parameter("/somebody/elses")),
    "announce something": (ALL - {INTAKE}, _event(lambda world: world.stack.outputs["EventBusName"])),
    "announce something elsewhere": (set(), _event(lambda _: "default")),
    "empty the lock table": (
        set(),
        lambda client, world: client("dynamodb").delete_item(
            TableName=world.tables["LockTable"], Key={"campaign_id": {"S": "nobody"}}
        ),
    ),
    "read the whole lock table": (
        set(),
        lambda client, world: client("dynamodb").scan(TableName=world.tables["LockTable"]),
    ),
    "change a secret": (
        set(),
        lambda client, _: client("ssm").put_parameter(
            Name=TWILIO_AUTH_TOKEN_PARAMETER, Value="mine", Type="SecureString", Overwrite=True
        ),
    ),
    "run another function": (
        set(),
        lambda client, world: client("lambda").invoke(FunctionName=world.functions[RECONCILE], Payload=b"{}"),
    ),
    "stop a schedule": (set(), lambda client, _: client("scheduler").list_schedules()),
    "silence an alarm": (set(), lambda client, _: client("cloudwatch").disable_alarm_actions(AlarmNames=["any"])),
    "read files": (set(), lambda client, _: client("s3").list_buckets()),
    "become somebody else": (
        set(),
        lambda client, _: client("sts").assume_role(RoleArn=OTHER_ROLE, RoleSessionName="other"),
    ),
}  # fmt: skip


def test_a_whole_campaign_runs_under_the_roles(campaigned: Campaigned) -> None:
    campaigned.journey.assert_kept(campaigned.campaign_id, requests=6)
    assert "AccessDenied" not in "\n".join(campaigned.lines)


@pytest.mark.parametrize("function", sorted(ALL))
def test_a_function_may_do_what_its_role_names_and_nothing_else(world: World, function: str) -> None:
    client = _as(world, function)
    refusals = {what: _refusal(call, client, world) for what, (_, call) in CALLS.items()}
    allowed = {what for what, refusal in refusals.items() if not refusal}
    assert set(refusals.values()) <= {"", "AccessDenied", "AccessDeniedException"}
    assert allowed == {what for what, (functions, _) in CALLS.items() if function in functions}
    assert len(CALLS) - len(allowed) > 10


def _as(world: World, function: str) -> Callable[[str], Any]:
    """Clients with the credentials that this function has right now."""
    if not Path("/proc/self/environ").exists():
        missing("the credentials of another process can be read on Linux only")
    if not world.worker_pids(function):
        world.invoke(function, EVENTS[function])
    told = Path(f"/proc/{world.worker_pids(function)[0]}/environ").read_text().split("\0")
    own = dict(setting.split("=", 1) for setting in told if "=" in setting)
    assert own["AWS_ACCESS_KEY_ID"] != os.environ.get("AWS_ACCESS_KEY_ID", "test")
    session = boto3.session.Session(
        aws_access_key_id=own["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=own["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=own.get("AWS_SESSION_TOKEN"),
        region_name=REGION,
    )
    return lambda service: session.client(service, endpoint_url=world.aws_url)  # type: ignore[call-overload]


EVENTS: dict[str, Any] = {
    TICK: {"campaign_id": "nobody"},
    CALL: {"Records": []},
    RECONCILE: {},
    VOICE: event("voice_unsigned"),
    API: event("api_no_token"),
    INTAKE: event("intake_read_on"),
}


def _refusal(call: Call, client: Callable[[str], Any], world: World) -> str:
    try:
        call(client, world)
    except ClientError as refused:
        return str(refused.response["Error"]["Code"])
    return ""


def test_the_function_urls_have_both_permissions_and_no_other_function_has_one(world: World) -> None:
    found = {name: kind for name, kind in world.stack.types.items() if kind == "AWS::Lambda::Permission"}
    asked_by_a_rule = {"ReconcileFunctionLeftPermission"}
    assert asked_by_a_rule < set(found)
    assert len(found) == 4 + len(asked_by_a_rule)
    for function in (VOICE, API):
        policy = world.client("lambda").get_policy(FunctionName=world.functions[function])["Policy"]
        assert {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"} <= set(_words(policy))
        assert '"lambda:InvokedViaFunctionUrl"' in policy


def _words(policy: str) -> list[str]:
    return policy.replace('"', " ").replace(",", " ").split()
