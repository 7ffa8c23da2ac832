"""What is off by default does what it says where it is on: every condition of the template, on both of its sides."""

from typing import Any

import pytest

from tests.unit.made import Given, Json, Made, expanded, linted
from tests.unit.test_template import FUNCTIONS

KEY = "arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000000"
TOPIC = "arn:aws:sns:us-east-1:123456789012:on-duty"
SUBNETS, GROUPS = "subnet-0a1b2c3d,subnet-0a1b2c3e", "sg-0a1b2c3d"
DEFAULT: Given = {"TwilioAccountSid": "AC" + "0" * 32}

# Each condition, and the parameters that turn it over.
TURNED: dict[str, Given] = {
    "OwnVoiceUrl": {"VoiceBaseUrl": "https://voice.example"},
    "InVpc": {"VpcSubnetIds": SUBNETS, "VpcSecurityGroupIds": GROUPS},
    "OwnSecretsKey": {"SecretsKeyArn": KEY},
    "Traced": {"Tracing": "on"},
    "OwnAlarmTopic": {"AlarmTopicArn": TOPIC},
    "WritesToSomebody": {"AlarmEmail": "ops@example.com"},
    "CallReserved": {"CallReservation": "on", "CallConcurrency": 40},
    "VoiceReserved": {"VoiceReservedConcurrency": 20},
    "ApiReserved": {"ApiReservedConcurrency": 5},
}
BY_DEFAULT = {"OwnVoiceUrl", "OwnAlarmTopic"}
ROLES = {name.replace("Function", "Role") for name in FUNCTIONS}


@pytest.fixture(scope="module")
def stacks() -> dict[str, Made]:
    """The stack with all defaults, with each condition turned over, and with all of them that go together."""
    everything = {name: value for given in TURNED.values() for name, value in given.items() if name != "AlarmEmail"}
    wanted = {"default": {}, **TURNED, "everything": everything}
    told = [{**DEFAULT, **given} for given in wanted.values()]
    return dict(zip(wanted, map(Made, expanded(*told), told), strict=True))


def changed(stacks: dict[str, Made], name: str) -> set[str]:
    """The resources that are there on one side only, or are others there."""
    before, after = stacks["default"].resources, stacks[name].resources
    return {one for one in before | after if before.get(one) != after.get(one)}


def test_every_condition_is_seen_on_both_of_its_sides(stacks: dict[str, Made]) -> None:
    assert stacks["default"].template["Conditions"].keys() == TURNED.keys()
    for condition in TURNED:
        assert stacks["default"].holds(condition) is (condition in BY_DEFAULT)
        assert stacks[condition].holds(condition) is (condition not in BY_DEFAULT)


@pytest.mark.parametrize("name", ["default", *TURNED, "everything"])
def test_nothing_speaks_of_what_is_not_made_and_no_rule_is_broken(stacks: dict[str, Made], name: str) -> None:
    assert stacks[name].dangling() == set()
    assert stacks[name].refusals() == []


def test_with_all_of_it_on_the_stack_is_right_to_the_last_value(stacks: dict[str, Made]) -> None:
    """`sam validate --lint` looks at both sides of a condition, but at the values of no parameter."""
    assert linted(stacks["everything"].whole) == [[]]


def test_in_a_vpc_every_function_has_its_interfaces_and_the_right_to_make_them(stacks: dict[str, Made]) -> None:
    assert changed(stacks, "InVpc") == {*FUNCTIONS, *ROLES, "NetworkPolicy"}
    for function in functions(stacks["InVpc"]).values():
        assert function["VpcConfig"] == {"SubnetIds": SUBNETS.split(","), "SecurityGroupIds": [GROUPS]}
    assert_every_role_has(stacks["InVpc"], "NetworkPolicy")
    (statement,) = statements(stacks["InVpc"], "NetworkPolicy")
    needed = {"CreateNetworkInterface", "DescribeNetworkInterfaces", "DescribeSubnets", "DeleteNetworkInterface"}
    needed |= {"AssignPrivateIpAddresses", "UnassignPrivateIpAddresses"}
    assert {action.removeprefix("ec2:") for action in statement["Action"]} == needed


def test_traced_functions_say_so_and_may_send_what_they_trace(stacks: dict[str, Made]) -> None:
    assert changed(stacks, "Traced") == {*FUNCTIONS, *ROLES, "TracingPolicy"}
    modes = [
        {one["TracingConfig"]["Mode"] for one in functions(stacks[name]).values()} for name in ("default", "Traced")
    ]
    assert modes == [{"PassThrough"}, {"Active"}]
    assert_every_role_has(stacks["Traced"], "TracingPolicy")


def test_a_key_of_ones_own_is_opened_for_every_function_through_ssm_and_for_nothing_else(
    stacks: dict[str, Made],
) -> None:
    assert changed(stacks, "OwnSecretsKey") == {*ROLES, "SecretsKeyPolicy"}
    assert_every_role_has(stacks["OwnSecretsKey"], "SecretsKeyPolicy")
    (statement,) = statements(stacks["OwnSecretsKey"], "SecretsKeyPolicy")
    assert (statement["Action"], statement["Resource"]) == (["kms:Decrypt"], KEY)
    assert statement["Condition"] == {
        "StringEquals": {"kms:ViaService": {"Fn::Sub": "ssm.${AWS::Region}.amazonaws.com"}}
    }


def test_another_topic_gets_every_alarm_and_every_all_clear_and_none_is_made(stacks: dict[str, Made]) -> None:
    ours, theirs = stacks["default"], stacks["OwnAlarmTopic"]
    alarms = ours.of_type("AWS::CloudWatch::Alarm")
    assert changed(stacks, "OwnAlarmTopic") == {*alarms, "DuplicateRule", "AlarmTopic", "AlarmTopicPolicy"}
    assert "AlarmTopic" not in theirs.resources
    for stack, topic in ((ours, {"Ref": "AlarmTopic"}), (theirs, TOPIC)):
        assert alarms.keys() == stack.of_type("AWS::CloudWatch::Alarm").keys()
        for alarm in stack.of_type("AWS::CloudWatch::Alarm").values():
            assert (alarm["AlarmActions"], alarm["OKActions"]) == ([topic], [topic])
        (target,) = stack.of_type("AWS::Events::Rule")["DuplicateRule"]["Targets"]
        assert target["Arn"] == topic


def test_an_address_gets_the_mail_of_the_topic_that_is_made(stacks: dict[str, Made]) -> None:
    assert changed(stacks, "WritesToSomebody") == {"AlarmSubscription"}
    (mail,) = stacks["WritesToSomebody"].of_type("AWS::SNS::Subscription").values()
    assert mail == {"TopicArn": {"Ref": "AlarmTopic"}, "Protocol": "email", "Endpoint": "ops@example.com"}


def test_a_domain_of_ones_own_is_what_the_functions_read(stacks: dict[str, Made]) -> None:
    assert changed(stacks, "OwnVoiceUrl") == {"VoiceBaseUrlParameter"}
    values = [
        stacks[one].of_type("AWS::SSM::Parameter")["VoiceBaseUrlParameter"]["Value"]
        for one in ("default", "OwnVoiceUrl")
    ]
    assert values == [{"Fn::GetAtt": ["VoiceFunctionUrl", "FunctionUrl"]}, "https://voice.example"]


@pytest.mark.parametrize(
    ("condition", "function", "kept"),
    [("CallReserved", "CallFunction", 40), ("VoiceReserved", "VoiceFunction", 20), ("ApiReserved", "ApiFunction", 5)],
)
def test_concurrency_is_kept_for_the_one_function_that_asks(
    stacks: dict[str, Made], condition: str, function: str, kept: int
) -> None:
    asking = {name for name, one in functions(stacks[condition]).items() if "ReservedConcurrentExecutions" in one}
    assert asking == {function}
    assert functions(stacks[condition])[function]["ReservedConcurrentExecutions"] == kept


def test_the_call_function_cannot_be_left_with_less_than_its_queue_asks_for(stacks: dict[str, Made]) -> None:
    (queue,) = [
        one
        for one in stacks["CallReserved"].of_type("AWS::Lambda::EventSourceMapping").values()
        if one["FunctionName"] == {"Ref": "CallFunction"}
    ]
    assert queue["ScalingConfig"] == {"MaximumConcurrency": 40}


REFUSED: list[tuple[Given, str]] = [
    ({"VpcSubnetIds": SUBNETS}, "VpcSubnetIds needs VpcSecurityGroupIds beside it."),
    ({"VpcSecurityGroupIds": GROUPS}, "VpcSecurityGroupIds needs VpcSubnetIds beside it."),
    ({"AlarmTopicArn": TOPIC, "AlarmEmail": "ops@example.com"}, "AlarmEmail is for the topic made here;"),
    ({"VoiceReservedConcurrency": 1}, "VoiceReservedConcurrency is 0 for none, or at least 3,"),
    ({"VoiceReservedConcurrency": 2}, "VoiceReservedConcurrency is 0 for none, or at least 3,"),
]


@pytest.mark.parametrize(("given", "said"), REFUSED)
def test_what_does_not_go_together_is_refused_in_one_sentence(stacks: dict[str, Made], given: Given, said: str) -> None:
    (refusal,) = Made(stacks["default"].template, {**DEFAULT, **given}).refusals()
    assert refusal.startswith(said)


def test_webhooks_have_room_beside_all_that_may_write_late_opt_outs(stacks: dict[str, Made]) -> None:
    mappings = stacks["default"].of_type("AWS::Lambda::EventSourceMapping").values()
    (late,) = [one for one in mappings if one["FunctionName"] == {"Ref": "VoiceFunction"}]
    at_least = late["ScalingConfig"]["MaximumConcurrency"] + 1
    allowed = [
        kept for kept in range(6) if not Made(stacks["default"].template, {"VoiceReservedConcurrency": kept}).refusals()
    ]
    assert allowed == [0, *range(at_least, 6)]


def test_every_parameter_reaches_something(stacks: dict[str, Made]) -> None:
    template = stacks["default"].template
    for name, parameter in template["Parameters"].items():
        together = {**DEFAULT, **next((given for given in TURNED.values() if name in given), {})}
        other = _other(parameter, together.get(name, parameter.get("Default", "")))
        assert Made(template, together).resources != Made(template, {**together, name: other}).resources, name


def _other(parameter: dict[str, Any], now: str | int) -> str | int:
    others: list[str | int] = [value for value in parameter.get("AllowedValues", ()) if value != now]
    return others[0] if others else int(now) + 1 if parameter["Type"] == "Number" else "other"


def functions(stack: Made) -> dict[str, Json]:
    found = stack.of_type("AWS::Lambda::Function")
    assert found.keys() == set(FUNCTIONS)
    return found


def assert_every_role_has(stack: Made, policy: str) -> None:
    roles = stack.of_type("AWS::IAM::Role")
    assert roles.keys() >= ROLES
    assert {name for name in ROLES if {"Ref": policy} in roles[name]["ManagedPolicyArns"]} == ROLES


def statements(stack: Made, policy: str) -> list[Json]:
    found: list[Json] = stack.of_type("AWS::IAM::ManagedPolicy")[policy]["PolicyDocument"]["Statement"]
    return found
