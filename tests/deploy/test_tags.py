"""Whoever reads a bill or a list of resources sees which stage each belongs to."""

import pytest

from local.deploy import STACK
from local.world import World

pytestmark = pytest.mark.world


def test_the_stack_has_the_tag_that_aws_puts_on_all_it_makes(world: World) -> None:
    (stack,) = world.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    assert {"Key": "Stage", "Value": "local"} in stack["Tags"]


def test_every_function_and_the_alarm_topic_have_it_however_they_are_deployed(world: World) -> None:
    of = world.client("lambda")
    for name in world.functions.values():
        assert of.get_function(FunctionName=name)["Tags"]["Stage"] == "local"
    tags = world.client("sns").list_tags_for_resource(ResourceArn=world.stack.resources["AlarmTopic"])["Tags"]
    assert {"Key": "Stage", "Value": "local"} in tags
