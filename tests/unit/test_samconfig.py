"""samconfig.toml: three ways to deploy that know only parameters of the template, and cannot go out unfilled."""

import re
import tomllib
from typing import Any

import pytest

from tests.unit.test_template import ROOT, template

__all__ = ["template"]
CONFIG: dict[str, Any] = tomllib.loads((ROOT / "samconfig.toml").read_text())
WAYS = ("default", "dev", "prod")


def told(way: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in CONFIG[way]["global"]["parameters"]["parameter_overrides"])
    return {name: value for name, _, value in pairs}


def test_there_are_three_ways_to_stacks_of_their_own() -> None:
    assert set(CONFIG) - {"version"} == set(WAYS)
    assert len({CONFIG[way]["global"]["parameters"]["stack_name"] for way in WAYS}) == 3


@pytest.mark.parametrize("way", WAYS)
def test_nobody_is_asked_a_question_but_whoever_changes_production(way: str) -> None:
    deploy = CONFIG[way]["deploy"]["parameters"]
    assert (deploy["resolve_s3"], deploy["capabilities"]) == (True, "CAPABILITY_IAM")
    assert deploy["confirm_changeset"] is (way == "prod")


@pytest.mark.parametrize("way", WAYS)
def test_what_is_told_are_parameters_of_the_template_and_right_but_for_what_must_be_filled_in(
    template: dict[str, Any], way: str
) -> None:
    unfilled = set()
    for name, value in told(way).items():
        parameter = template["Parameters"][name]
        if "AllowedPattern" in parameter and not re.fullmatch(parameter["AllowedPattern"], value):
            unfilled.add(name)
            assert value.startswith("the-")
        assert "AllowedValues" not in parameter or value in map(str, parameter["AllowedValues"])
    assert unfilled == {"TwilioAccountSid"} | ({"AlarmEmail"} if way == "prod" else set())


@pytest.mark.parametrize("way", WAYS)
def test_everything_in_a_stack_has_the_tag_of_its_stage(template: dict[str, Any], way: str) -> None:
    stage = told(way).get("Stage", template["Parameters"]["Stage"]["Default"])
    assert CONFIG[way]["deploy"]["parameters"]["tags"] == f"Stage={stage}"


def test_two_stacks_never_share_a_secret() -> None:
    named = [value for way in ("dev", "prod") for value in told(way).values() if value.startswith("/")]
    assert len(named) == len(set(named)) == 6
