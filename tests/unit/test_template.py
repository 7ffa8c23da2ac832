"""The template and the code agree: every bound is a parameter and a variable, with the same production value."""

from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from dialer import wiring
from dialer.bounds import Bounds, setting
from dialer.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
BOUNDS = [field.name for field in fields(Bounds)]
FUNCTIONS = ("TickFunction", "CallFunction", "VoiceFunction", "ReconcileFunction")


class _Template(yaml.SafeLoader):  # type: ignore[misc]
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
    assert set(variables(template, function)) - read <= {"STAGE"}


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
    assert "TimeToLiveSpecification" not in template["Resources"]["LockTable"]["Properties"]
    assert template["Resources"]["LockTable"]["DeletionPolicy"] == "Retain"


@pytest.mark.parametrize("function", ["TickFunction", "ReconcileFunction"])
def test_a_missed_minute_is_never_made_up_for(template: dict[str, Any], function: str) -> None:
    properties = template["Resources"][function]["Properties"]
    assert properties["EventInvokeConfig"]["MaximumRetryAttempts"] == 0
    assert properties["Events"]["EveryMinute"]["Properties"]["RetryPolicy"]["MaximumRetryAttempts"] == 0


def test_the_queue_gives_back_only_the_records_that_failed(template: dict[str, Any]) -> None:
    messages = template["Resources"]["CallFunction"]["Properties"]["Events"]["Messages"]["Properties"]
    assert messages["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
