"""The template and the code agree: every bound is a parameter and a variable, with the same production value."""

import json
import re
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from dialer import wiring
from dialer.bounds import Bounds, setting
from dialer.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ROOT / "layers" / "dialer" / "dialer"
BOUNDS = [field.name for field in fields(Bounds)]
FUNCTIONS = ("TickFunction", "CallFunction", "VoiceFunction", "ReconcileFunction", "IntakeFunction", "ApiFunction")


class _Template(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: `!Ref X` reads as `{"Ref": "X"}`."""


def _short_form(loader: _Template, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {suffix: loader.construct_mapping(node, deep=True)}


_Template.add_multi_constructor("!", _short_form)


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    with (ROOT / "template.yaml").open() as text:
        read: dict[str, Any] = yaml.load(text, Loader=_Template)
    return read


def parameter_of(bound: str) -> str:
    """`settle_horizon` is the parameter `SettleHorizonSeconds`."""
    return "".join(word.capitalize() for word in setting(bound).split("_"))


def variables(template: dict[str, Any], function: str) -> dict[str, Any]:
    common: dict[str, Any] = template["Globals"]["Function"]["Environment"]["Variables"]
    own: dict[str, Any] = template["Resources"][function]["Properties"].get("Environment", {}).get("Variables", {})
    return common | own


@pytest.mark.parametrize("bound", BOUNDS)
def test_every_bound_is_a_parameter_with_the_production_value(template: dict[str, Any], bound: str) -> None:
    parameter = template["Parameters"][parameter_of(bound)]
    assert parameter["Type"] == "Number"
    assert timedelta(seconds=parameter["Default"]) == getattr(Bounds(), bound)
    assert parameter["MinValue"] > 0


def test_no_schedule_is_named_by_its_logical_id(template: dict[str, Any]) -> None:
    """Unless it is told not to, the transform does that, and a second stack could not be made."""
    functions = of_type(template, "AWS::Serverless::Function").values()
    events = [event for function in functions for event in function["Properties"].get("Events", {}).values()]
    schedules = [event["Properties"] for event in events if event["Type"] == "ScheduleV2"]
    assert len(schedules) == 2
    assert all(schedule["OmitName"] is True and "Name" not in schedule for schedule in schedules)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("bound", BOUNDS)
def test_every_bound_is_a_variable_of_every_function(template: dict[str, Any], bound: str, function: str) -> None:
    assert variables(template, function)[setting(bound)] == {"Ref": parameter_of(bound)}


def test_no_parameter_in_seconds_is_left_without_a_bound(template: dict[str, Any]) -> None:
    in_seconds = {name for name in template["Parameters"] if name.endswith("Seconds")}
    assert in_seconds == {parameter_of(bound) for bound in BOUNDS}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_told_nothing_that_the_code_does_not_read(template: dict[str, Any], function: str) -> None:
    read = {field.name.upper() for field in fields(Settings)} | {setting(bound) for bound in BOUNDS}
    by_others = {"POWERTOOLS_LOG_LEVEL", "PYTHONWARNINGS"}  # the logger, and Python itself
    assert set(variables(template, function)) - read == by_others


def test_the_bounds_are_the_timeouts_they_speak_of(template: dict[str, Any]) -> None:
    resources = template["Resources"]
    assert resources["CallFunction"]["Properties"]["Timeout"] == {"Ref": "CallTimeoutSeconds"}
    assert resources["CallQueue"]["Properties"]["VisibilityTimeout"] == {"Ref": "QueueVisibilitySeconds"}


def test_a_live_tick_is_not_robbed_of_its_lock(template: dict[str, Any]) -> None:
    assert timedelta(seconds=template["Resources"]["TickFunction"]["Properties"]["Timeout"]) < Bounds().lock_lease


def test_idempotency_records_outlive_the_messages_they_are_about(template: dict[str, Any]) -> None:
    kept = template["Resources"]["CallQueue"]["Properties"]["MessageRetentionPeriod"]
    assert kept < wiring._REMEMBERED_S


def test_the_lock_table_forgets_nothing(template: dict[str, Any]) -> None:
    table = template["Resources"]["LockTable"]
    assert "TimeToLiveSpecification" not in table["Properties"]
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


@pytest.mark.parametrize("table", ["LockTable", "IdempotencyTable"])
def test_a_table_can_be_set_back_to_any_second_and_is_encrypted(template: dict[str, Any], table: str) -> None:
    properties = template["Resources"][table]["Properties"]
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True}


def test_the_store_is_private_encrypted_and_forgets(template: dict[str, Any]) -> None:
    (bucket,) = of_type(template, "AWS::S3::Bucket").values()
    properties = bucket["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert "BucketEncryption" in properties
    forget, unfinished = properties["LifecycleConfiguration"]["Rules"]
    assert forget["ExpirationInDays"] == {"Ref": "StoreRetentionDays"}
    assert "AbortIncompleteMultipartUpload" in unfinished
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_every_queue_is_encrypted(template: dict[str, Any]) -> None:
    assert all(queue["Properties"]["SqsManagedSseEnabled"] for queue in of_type(template, "AWS::SQS::Queue").values())


def test_whatever_keeps_something_says_what_becomes_of_it(template: dict[str, Any]) -> None:
    for kind in ("AWS::DynamoDB::Table", "AWS::Logs::LogGroup"):
        assert all({"DeletionPolicy", "UpdateReplacePolicy"} <= one.keys() for one in of_type(template, kind).values())


PHYSICAL_NAMES = {
    "FunctionName", "RoleName", "ManagedPolicyName", "QueueName", "TableName", "TopicName", "LogGroupName", "AlarmName",
    "DashboardName", "LayerName", "Name",
}  # fmt: skip


def test_only_what_must_be_known_beforehand_has_a_name(template: dict[str, Any]) -> None:
    """And that name follows from the stack's, so that a second stack fits beside the first."""
    named = {
        logical: resource["Properties"][name]
        for logical, resource in template["Resources"].items()
        for name in PHYSICAL_NAMES & resource["Properties"].keys()
    }
    assert named == {
        "VoiceBaseUrlParameter": {"Sub": "/${AWS::StackName}/voice-base-url"},
        "EventBus": {"Ref": "AWS::StackName"},
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_has_a_role_and_a_log_of_its_own(template: dict[str, Any], function: str) -> None:
    name = function.removesuffix("Function")
    properties = template["Resources"][function]["Properties"]
    assert properties["Role"] == {"GetAtt": f"{name}Role.Arn"}
    assert properties["LoggingConfig"] == {"LogGroup": {"Ref": f"{name}LogGroup"}}
    assert template["Resources"][f"{name}LogGroup"]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    statements = template["Resources"][f"{name}Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    logging = [one for one in statements if any(action.startswith("logs:") for action in one["Action"])]
    assert [one["Resource"] for one in logging] == [{"GetAtt": f"{name}LogGroup.Arn"}]


def test_nothing_is_allowed_everywhere_but_what_aws_cannot_narrow(template: dict[str, Any]) -> None:
    wide = {
        action
        for statement in statements_of(template)
        if statement["Resource"] == "*"
        for action in statement["Action"]
    }
    assert {action.split(":")[0] for action in wide} == {"ec2", "xray"}
    for policy in ("NetworkPolicy", "TracingPolicy"):
        assert "Condition" in template["Resources"][policy]


def test_no_permission_is_a_pattern(template: dict[str, Any]) -> None:
    actions = [action for statement in statements_of(template) for action in statement["Action"]]
    assert len(actions) > 20
    assert not [action for action in actions if "*" in action]
    named = [str(s["Resource"]) for s in statements_of(template) if s["Resource"] != "*"]
    folders = "|".join(f"[$]{{StoreBucket.Arn}}/{folder}/[*]" for folder in ("lists", "rejects", "exports"))
    assert not [one for one in named if "*" in re.sub(folders, "", one)]  # a bucket's folders have no other name


def test_no_concurrency_is_reserved_unless_asked_for(template: dict[str, Any]) -> None:
    kept = {"Call": "CallConcurrency", "Voice": "VoiceReservedConcurrency", "Api": "ApiReservedConcurrency"}
    for name, parameter in kept.items():
        reserved = template["Resources"][f"{name}Function"]["Properties"]["ReservedConcurrentExecutions"]
        assert reserved == {"If": [f"{name}Reserved", {"Ref": parameter}, {"Ref": "AWS::NoValue"}]}
    defaults = [template["Parameters"][name]["Default"] for name in ("CallReservation", *list(kept.values())[1:])]
    assert defaults == ["off", 0, 0]


def test_every_parameter_is_explained_and_every_pattern_says_what_it_wants(template: dict[str, Any]) -> None:
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"].endswith("."), name
        if "AllowedPattern" in parameter:
            assert parameter["ConstraintDescription"].startswith(name), name


GOOD_AND_BAD = {
    "Stage": (["dev", "prod-2"], ["", "Prod", "2nd", "a" * 17]),
    "MongodbUriParameter": (["/dialer/mongodb-uri"], ["", "dialer", "mongodb://host/"]),
    "MongodbDatabase": (["dialer"], ["", "a b", "a.b", "a" * 39]),
    "TwilioAccountSid": (["AC" + "0a" * 16], ["", "SK" + "0" * 32, "AC123"]),
    "TwilioAuthTokenParameter": (["/dialer/twilio-auth-token"], ["", "0123456789abcdef"]),
    "TwilioApiUrl": (["", "https://api.example"], ["api.example", "ftp://api.example", "http://api.example"]),
    "VoiceBaseUrl": (
        ["", "https://voice.example"],
        ["voice.example", "https://voice.example/path", "http://voice.example"],
    ),
    "VpcSubnetIds": (["", "subnet-0a1b2c3d", "subnet-0a1b2c3d4e5f60718,subnet-0a1b2c3d"], ["subnet-1", "vpc-0a1b2c3d"]),
    "VpcSecurityGroupIds": (["", "sg-0a1b2c3d"], ["sg-0a1b2c3d, sg-0a1b2c3e", "default"]),
    "SecretsKeyArn": (["", "arn:aws:kms:eu-west-1:123456789012:key/0a1b"], ["alias/mine"]),
    "TickRate": (["rate(1 minute)", "cron(* * * * ? *)"], ["1 minute", ""]),
    "AlarmTopicArn": (["", "arn:aws:sns:eu-west-1:123456789012:ops"], ["ops"]),
    "AlarmEmail": (["", "ops@example.com"], ["ops", "a b@example.com"]),
}


@pytest.mark.parametrize("name", GOOD_AND_BAD)
def test_a_wrong_value_is_refused_before_anything_is_made(template: dict[str, Any], name: str) -> None:
    pattern = template["Parameters"][name]["AllowedPattern"]
    good, bad = GOOD_AND_BAD[name]
    assert [value for value in good if not re.fullmatch(pattern, value)] == []
    assert [value for value in bad if re.fullmatch(pattern, value)] == []


def test_every_alarm_and_every_curve_is_of_a_metric_that_is_really_sent(template: dict[str, Any]) -> None:
    sent = set(re.findall(r'"([A-Z][A-Za-z]+)"', (PRODUCT / "measures.py").read_text()))
    sent |= set(re.findall(r'measure\(\{"([A-Z][A-Za-z]+)"', (PRODUCT / "wiring.py").read_text()))
    alarms = [alarm["Properties"] for alarm in of_type(template, "AWS::CloudWatch::Alarm").values()]
    watched = {alarm["MetricName"] for alarm in alarms if alarm["Namespace"] == "Dialer"}
    drawn = set(re.findall(r'"Dialer", "([A-Za-z]+)"', dashboard(template)))
    assert len(watched) == 8
    assert watched | drawn <= sent


def test_the_dashboard_is_whole_json(template: dict[str, Any]) -> None:
    widgets = json.loads(re.sub(r"\$\{[^}]+\}", "x", dashboard(template)))["widgets"]
    places = {(widget["x"], widget["y"]) for widget in widgets}
    assert len(places) == len(widgets) >= 9


def dashboard(template: dict[str, Any]) -> str:
    body: str = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Sub"]
    return body


def of_type(template: dict[str, Any], kind: str) -> dict[str, Any]:
    found = {name: resource for name, resource in template["Resources"].items() if resource["Type"] == kind}
    assert found
    return found


def statements_of(template: dict[str, Any]) -> list[dict[str, Any]]:
    """Every statement of every role and policy."""
    roles = of_type(template, "AWS::IAM::Role").values()
    documents = [policy["PolicyDocument"] for role in roles for policy in role["Properties"]["Policies"]]
    documents += [one["Properties"]["PolicyDocument"] for one in of_type(template, "AWS::IAM::ManagedPolicy").values()]
    return [statement for document in documents for statement in document["Statement"]]


def test_where_functions_go_round_through_queues_lambda_lets_them(template: dict[str, Any]) -> None:
    """Unasked, it drops what has gone round 16 times: a long list would never be read to its end."""
    functions = of_type(template, "AWS::Serverless::Function")
    hears = {name: _queues_that_invoke(one) for name, one in functions.items()}
    invokes = {
        name: {other for other, queues in hears.items() if queues & _queues_written_by(template, one)}
        for name, one in functions.items()
    }
    in_circles = {name for name in functions if name in _reached(invokes, name)}
    allowed = {name for name, one in functions.items() if one["Properties"].get("RecursiveLoop") == "Allow"}
    assert in_circles == allowed == {"TickFunction", "CallFunction", "VoiceFunction", "IntakeFunction"}


def _queues_that_invoke(function: dict[str, Any]) -> set[str]:
    events = function["Properties"].get("Events", {}).values()
    return {event["Properties"]["Queue"]["GetAtt"] for event in events if event["Type"] == "SQS"}


def _queues_written_by(template: dict[str, Any], function: dict[str, Any]) -> set[str]:
    role = template["Resources"][function["Properties"]["Role"]["GetAtt"].removesuffix(".Arn")]
    statements = [one for policy in role["Properties"]["Policies"] for one in policy["PolicyDocument"]["Statement"]]
    sending = [one["Resource"] for one in statements if "sqs:SendMessage" in one["Action"]]
    return {one["GetAtt"] for place in sending for one in (place if isinstance(place, list) else [place])}


def _reached(invokes: dict[str, set[str]], start: str) -> set[str]:
    reached, ahead = set[str](), set(invokes[start])
    while ahead:
        reached |= ahead
        ahead = {further for name in ahead for further in invokes[name]} - reached
    return reached


@pytest.mark.parametrize("function", ["TickFunction", "ReconcileFunction"])
def test_a_missed_minute_is_never_made_up_for(template: dict[str, Any], function: str) -> None:
    properties = template["Resources"][function]["Properties"]
    once = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    assert properties["EventInvokeConfig"] == once
    schedule = properties["Events"]["EveryMinute"]["Properties"]
    assert schedule["RetryPolicy"] == once
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert json.loads(schedule["Input"]) == {"scheduled_at": "<aws.scheduler.scheduled-time>"}


def test_the_file_of_a_pause_is_one_that_the_bus_hands_to_reconcile(template: dict[str, Any]) -> None:
    pattern = template["Resources"]["ReconcileFunction"]["Properties"]["Events"]["Left"]["Properties"]["Pattern"]
    told = json.loads((ROOT / "events" / "reconcile_campaign_paused.json").read_text())
    assert all(told[name] in wanted for name, wanted in pattern.items() if name != "detail")
    assert all(told["detail"][name] in wanted for name, wanted in pattern["detail"].items())


def test_the_queue_gives_back_only_the_records_that_failed(template: dict[str, Any]) -> None:
    messages = template["Resources"]["CallFunction"]["Properties"]["Events"]["Messages"]["Properties"]
    assert messages["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
