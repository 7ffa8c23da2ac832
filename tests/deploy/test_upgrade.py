"""A stack that is changed and removed while it is in use: nobody is lost or called twice, and only data stays."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from local.deploy import delete, deploy
from local.world import FunctionFailed, Wish, World
from tests.journeys.desk import Desk
from tests.journeys.journey import BOUNDS, TIME_SCALE, Journey, fictional, until

pytestmark = pytest.mark.world
PEOPLE = 40


@pytest.fixture(scope="module")
def used(mongodb_uri: str) -> Iterator[World]:
    """A world of its own: at the end its stack is gone."""
    wish = Wish(parameters=BOUNDS, time_scale=TIME_SCALE, calls_per_second=0, mongodb=mongodb_uri, database="upgraded")
    with World(wish) as up:
        yield up


@pytest.fixture
def second_version(built: Path, tmp_path: Path) -> Path:
    """The same functions and layers with other bytes: every function and every layer is replaced."""
    folder = tmp_path / "second"
    shutil.copytree(built, folder, ignore=shutil.ignore_patterns("*.zip"))
    for app in folder.glob("*Function/app.py"):
        app.write_text(f"{app.read_text()}\nSECOND_VERSION = True\n")
    for layer in folder.glob("*Layer/python"):
        (layer / "second_version.py").write_text('"""Of the second version."""\n')
    return folder / "template.yaml"


def test_a_second_version_is_deployed_while_a_campaign_runs(used: World, second_version: Path) -> None:
    """MiniStack, unlike AWS, kills a function at work when it is replaced: whose request never left is called later."""
    with Desk(used.run.description) as desk:
        journey = Journey(used, desk)
        pacing = {"call_delay_s": 0.4, "max_concurrent": 10}
        campaign = journey.campaign(fictional(54, PEOPLE), pacing=pacing, doubt="redial")
        before = _layers(used)
        with ThreadPoolExecutor(1) as at_once:
            over = Event()
            minutes = at_once.submit(_pass_minutes, journey, campaign, over)
            try:
                until(lambda: len(journey.requests()) >= 3, what="the first calls")
                deploy(second_version, used.run, aws_url=used.aws_url, parameters=used._parameters())
                placed = len(journey.requests())
            finally:
                over.set()
            minutes.result()
        assert 3 <= placed < PEOPLE  # the campaign went on over the change
        assert _layers(used).keys() == before.keys()
        assert all(_layers(used)[name] != before[name] for name in before)
        journey.finish(campaign)
        journey.assert_kept(campaign, requests=PEOPLE)
        journey.end()


def _pass_minutes(journey: Journey, campaign: str, over: Event) -> None:
    """Steps that we invoke are killed like any other when their function is replaced: the next minute goes on."""
    while not over.wait(0.5):
        try:
            journey.pass_time(campaign)
        except FunctionFailed as failed:
            if "Worker process died" not in str(failed):
                raise


def _layers(world: World) -> dict[str, list[str]]:
    of = world.client("lambda")
    found = {name: of.get_function_configuration(FunctionName=name) for name in world.functions.values()}
    return {name: [layer["Arn"] for layer in one["Layers"]] for name, one in found.items()}


def test_what_is_left_of_a_deleted_stack_is_the_lock_table_and_the_lists(used: World) -> None:
    """Its fences, which say what has been, and what people have uploaded and exported."""
    kept = {used.stack.resources[name] for name in ("LockTable", "StoreBucket")}
    assert _left(used) >= {*kept, *used.functions.values()}
    delete(used.run, aws_url=used.aws_url)
    assert _left(used) == kept


def _left(world: World) -> set[str]:
    """Physical names of whatever the stack had and AWS still has, kind by kind."""
    ours = {str(name) for name in world.stack.resources.values()}
    return ours & set(_everything(world.client))


def _everything(client: Any) -> Iterator[str]:
    yield from (one["FunctionName"] for one in client("lambda").list_functions()["Functions"])
    yield from (one["UUID"] for one in client("lambda").list_event_source_mappings()["EventSourceMappings"])
    layers = [one["LayerName"] for one in client("lambda").list_layers()["Layers"]]
    versions = [client("lambda").list_layer_versions(LayerName=name)["LayerVersions"] for name in layers]
    yield from (one["LayerVersionArn"] for found in versions for one in found)
    yield from (one["Name"] for one in client("s3").list_buckets()["Buckets"])
    yield from client("dynamodb").list_tables()["TableNames"]
    yield from client("sqs").list_queues().get("QueueUrls", [])
    yield from (one["RoleName"] for one in client("iam").list_roles()["Roles"])
    yield from (one["Arn"] for one in client("iam").list_policies(Scope="Local")["Policies"])
    yield from (one["logGroupName"] for one in client("logs").describe_log_groups()["logGroups"])
    yield from (one["AlarmName"] for one in client("cloudwatch").describe_alarms()["MetricAlarms"])
    yield from (one["DashboardName"] for one in client("cloudwatch").list_dashboards()["DashboardEntries"])
    yield from (one["Name"] for one in client("events").list_event_buses()["EventBuses"])
    yield from (one["TopicArn"] for one in client("sns").list_topics()["Topics"])
    yield from (one["Name"] for one in client("scheduler").list_schedules()["Schedules"])
    yield from (one["Name"] for one in client("ssm").describe_parameters()["Parameters"])
