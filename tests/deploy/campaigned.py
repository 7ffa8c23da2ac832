"""One whole campaign on the deployed stack, and what it left behind: at the carrier, in the logs, on the event bus."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from local.world import World
from tests.journeys.desk import Desk
from tests.journeys.journey import HUMAN, Journey, fictional

BLOCK = 55  # of numbers; the journeys on this world count theirs from 0
Json = dict[str, Any]


@dataclass(frozen=True)
class Campaigned:
    """The campaign's traces, read once it is over."""

    world: World
    journey: Journey
    campaign_id: str
    events: list[Json]
    earlier: int
    """Lines that were in the logs before it began: of other campaigns on the same stack."""

    @cached_property
    def lines(self) -> list[str]:
        """Every line in every log of the stack that was written since the campaign began."""
        found = _logged(self.world)[self.earlier :]
        assert found
        return found

    @cached_property
    def reports(self) -> list[Json]:
        """The lines that the functions' logger wrote."""
        return [line for line in _json(self.lines) if "service" in line and "message" in line]

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Sums of all metrics, as CloudWatch would take them out of the log."""
        sums: dict[str, float] = defaultdict(float)
        for line in self.metric_lines:
            for told in line["_aws"]["CloudWatchMetrics"]:
                for metric in told["Metrics"]:
                    sums[metric["Name"]] += sum(_values(line[metric["Name"]]))
        return sums

    @cached_property
    def metric_lines(self) -> list[Json]:
        return [line for line in _json(self.lines) if "_aws" in line]


def run_a_campaign(world: World, desk: Desk) -> Campaigned:
    """Answered, busy and tried again, a machine, refused, and a yes that was lost: every path that talks to AWS.

    Nobody answers the lost one and its webhooks are lost too, so that only reconcile can find out about it.
    """
    journey = Journey(world, desk)
    human, busy, machine, refused, lost = fictional(BLOCK, 5)
    journey.fates(
        {
            busy: ["busy", HUMAN],
            machine: {"kind": "machine", "ring": 4, "talk": 5},
            refused: {"kind": "refuse", "code": 21211},
            lost: "no-answer",
        }
    )
    journey.carrier.set_faults([{"kind": "accepted_then_cut", "match": lost}], [{"kind": "lost", "match": lost}])
    queue, earlier = _listening(world), len(_logged(world))
    words = {"say": "Hello {name}.", "ring_timeout_s": 15, "talk_limit_s": 5, "detect_machine": True}
    retry = {"max_attempts": 3, "delays_s": {"busy": 1}}  # who reaches a machine has been reached
    campaign_id = journey.campaign([human, busy, machine, refused, lost], call=words, retry=retry)
    journey.finish(campaign_id)
    journey.tick(campaign_id)  # the tick that finds nothing left to do
    done = Campaigned(world, journey, campaign_id, list(_heard(world, queue)), earlier)
    journey.end()
    return done


def _logged(world: World) -> list[str]:
    """All lines of all logs, in the order in which they were written."""
    logs = world.client("logs")
    groups = world.stack.of_type("AWS::Logs::LogGroup").values()
    lines = [line for group in groups for line in logs.filter_log_events(logGroupName=group)["events"]]
    return [line["message"] for line in sorted(lines, key=lambda line: (line["timestamp"], line["ingestionTime"]))]


def _listening(world: World) -> str:
    """A queue that gets every event of the bus, by a rule such as any team would write."""
    sqs, events = world.client("sqs"), world.client("events")
    url: str = sqs.create_queue(QueueName="everything")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bus = world.stack.outputs["EventBusName"]
    events.put_rule(Name="everything", EventBusName=bus, EventPattern=json.dumps({"source": ["dialer"]}))
    events.put_targets(Rule="everything", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    return url


def _heard(world: World, queue: str) -> Iterator[Json]:
    sqs = world.client("sqs")
    while True:
        batch = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
        if not batch:
            return
        for message in batch:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            yield json.loads(message["Body"])


def _json(lines: list[str]) -> Iterator[Json]:
    for line in lines:
        if line.startswith("{"):
            yield json.loads(line)


def _values(value: Any) -> list[float]:
    return value if isinstance(value, list) else [value]
