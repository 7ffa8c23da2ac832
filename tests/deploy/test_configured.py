"""samconfig.toml deploys as it stands, and every option can be turned on in a stack that runs.

MiniStack takes all of them and acts on most: it reads secrets that are kept under a key, sends alarms to the topic that
was named, and traces. Two it keeps nothing of, when they come by CloudFormation: `VpcConfig` and
`ReservedConcurrentExecutions`; tests/unit/test_options.py looks that the template asks for them.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from dialer.adapters.mongo import Document
from local import runs
from local.deploy import _sam, client, machine
from local.environments import ROOT
from local.ministack import start_ministack

pytestmark = pytest.mark.world
STACK, DATABASE = "dialer-dev", "configured"
SID = "AC" + "0" * 31 + "1"
Client = Callable[[str], Any]
Deploy = Callable[..., None]


@pytest.fixture(scope="module")
def aws(run: runs.Run) -> Iterator[Client]:
    """An account of its own, in which every function is held to its role."""
    up = start_ministack(run)
    yield partial(client, aws_url=up.url)
    up.part.stop()


@pytest.fixture(scope="module")
def secrets(aws: Client, mongodb_uri: str) -> Iterator[str]:
    """What the guide says to put into SSM for `dev`, under a key of the team's own: its ARN."""
    key: str = aws("kms").create_key()["KeyMetadata"]["Arn"]
    values = {"mongodb-uri": mongodb_uri, "twilio-auth-token": "a token", "phone-hash-key": "a key"}
    for name, value in values.items():
        aws("ssm").put_parameter(Name=f"/dialer-dev/{name}", Value=value, Type="SecureString", KeyId=key)
    yield key
    with MongoClient[Document](mongodb_uri) as database:
        database.drop_database(DATABASE)


@pytest.fixture(scope="module")
def deploy(run: runs.Run, built: Path, aws: Client, tmp_path_factory: pytest.TempPathFactory) -> Deploy:
    """`sam deploy --config-env dev` and not a word more, from the file with the account and this machine filled in."""
    folder = tmp_path_factory.mktemp("configured")

    def deploy(**options: str) -> None:
        told = {**machine(), "MongodbDatabase": DATABASE, **options}
        filled = ", ".join(f'"{pair}"' for pair in (f"TwilioAccountSid={SID}", *map("=".join, told.items())))
        text = (ROOT / "samconfig.toml").read_text()
        (folder / "samconfig.toml").write_text(text.replace('"TwilioAccountSid=the-SID-of-your-account"', filled))
        where = ["--config-file", str(folder / "samconfig.toml"), "--template-file", str(built / "packed.yaml")]
        url = aws("cloudformation").meta.endpoint_url
        _sam(run, ["deploy", "--config-env", "dev", *where], AWS_ENDPOINT_URL=url, SAM_CLI_POLL_DELAY="0.2")

    return deploy


def test_the_stack_for_development_is_made_by_its_configuration_alone(
    aws: Client, secrets: str, deploy: Deploy
) -> None:
    deploy()
    (stack,) = aws("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["Tags"] == [{"Key": "Stage", "Value": "dev"}]
    told = {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}
    assert (told["Stage"], told["LogRetentionDays"], told["TwilioAccountSid"]) == ("dev", "7", SID)
    assert settled(aws) == 0


def test_every_option_can_be_turned_on_in_a_running_stack(aws: Client, secrets: str, deploy: Deploy) -> None:
    before = made(aws)
    topic = aws("sns").create_topic(Name="on-duty")["TopicArn"]
    deploy(
        **network(aws),
        SecretsKeyArn=secrets,
        Tracing="on",
        AlarmTopicArn=topic,
        VoiceBaseUrl="https://voice.example",
        CallReservation="on",
        VoiceReservedConcurrency="20",
        ApiReservedConcurrency="5",
    )
    after = made(aws)
    assert after.keys() - before.keys() == {"NetworkPolicy", "TracingPolicy", "SecretsKeyPolicy"}
    assert before.keys() - after.keys() == {"AlarmTopic", "AlarmTopicPolicy"}
    policies = {after[name] for name in ("NetworkPolicy", "TracingPolicy", "SecretsKeyPolicy")}
    for role in (name for name in after if name.endswith("Role") and name.removesuffix("Role") + "Function" in after):
        attached = aws("iam").list_attached_role_policies(RoleName=after[role])["AttachedPolicies"]
        assert policies <= {policy["PolicyArn"] for policy in attached}, role
    function = aws("lambda").get_function_configuration(FunctionName=after["ReconcileFunction"])
    assert function["TracingConfig"] == {"Mode": "Active"}
    alarms = aws("cloudwatch").describe_alarms()["MetricAlarms"]
    assert {tuple(alarm[name]) for alarm in alarms for name in ("AlarmActions", "OKActions")} == {(topic,)}
    spoken = aws("ssm").get_parameter(Name=f"/{STACK}/voice-base-url")["Parameter"]["Value"]
    assert spoken == "https://voice.example"
    assert settled(aws) == 0


def network(aws: Client) -> dict[str, str]:
    ec2 = aws("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24")["Subnet"]["SubnetId"] for n in (1, 2)]
    group = ec2.create_security_group(GroupName="dialer", Description="the dialer's functions", VpcId=vpc)["GroupId"]
    return {"VpcSubnetIds": ",".join(subnets), "VpcSecurityGroupIds": group}


def made(aws: Client) -> dict[str, str]:
    found = aws("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}


def settled(aws: Client) -> int:
    """A run of reconcile, which reads secrets and asks the database: how many attempts it settled."""
    reply = aws("lambda").invoke(FunctionName=made(aws)["ReconcileFunction"], Payload=b"{}")
    answer = json.loads(reply["Payload"].read())
    assert "FunctionError" not in reply, answer
    assert answer["unavailable"] == []
    return int(answer["settled"])
