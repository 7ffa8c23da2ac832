"""What the deployed stack says of itself: logs without phones, metrics that agree with the carrier, events, alarms."""

import re
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from local.world import PHONE_HASH_KEY, World
from tests.deploy.campaigned import BLOCK, Campaigned
from tests.functions.conftest import telling
from tests.journeys.journey import BOUNDS, FROM, fictional, until

pytestmark = pytest.mark.world
REQUESTS = 6  # five people, one of them busy at first


def test_the_campaign_went_as_its_fates_say(campaigned: Campaigned) -> None:
    campaigned.journey.assert_kept(campaigned.campaign_id, requests=REQUESTS)


def test_no_line_of_any_log_holds_a_phone_or_a_secret(campaigned: Campaigned) -> None:
    text = "\n".join(campaigned.lines)
    world = campaigned.world
    for number in [*fictional(BLOCK, 5), FROM]:
        assert number.removeprefix("+") not in text
    assert telling(text, world.auth_token, PHONE_HASH_KEY, world.mongodb_uri) == []


def test_every_report_names_the_function_and_whom_it_is_about(campaigned: Campaigned) -> None:
    about = {"dial": ("campaign_id", "contact_id", "attempt_id"), "tick": ("campaign_id",)}
    about |= dict.fromkeys(("webhook", "settled"), about["dial"])
    seen = Counter(line["message"] for line in campaigned.reports)
    assert seen.keys() >= {*about, "reconcile"}
    for line in campaigned.reports:
        assert line["service"] in {"tick", "call", "voice", "reconcile", "api"}
        assert line["function_request_id"]
        for name in about.get(line["message"], ()):
            assert line[name], (line["message"], name)


def test_the_metrics_agree_with_the_carriers_own_record(campaigned: Campaigned) -> None:
    told = campaigned.metrics
    assert told["Dialed"] == len(campaigned.journey.requests()) == REQUESTS
    assert (told["Refused"], told["TurnedUncertain"], told["Placed"]) == (1, 1, 4)
    assert told["Adopted"] == 1  # the one whose yes was lost
    assert told["Settled"] == 5  # all but the one who was refused
    assert (told["Duplicates"], told["Alarms"]) == (0, 0)


def test_every_claim_came_to_an_end_that_was_counted(campaigned: Campaigned) -> None:
    """How many claims there are is the machine's affair: on a slow one some expire before a function has started."""
    told = campaigned.metrics
    ends = ("Dialed", "PutOff", "Forbidden", "SteppedBack", "ExpiredClaims")
    assert told["Claimed"] == told["Sent"] == sum(told[end] for end in ends)


def test_every_metric_is_the_stacks_own_and_has_its_unit(campaigned: Campaigned) -> None:
    units = {"Time": "Milliseconds", "Lag": "Milliseconds", "Age": "Seconds"}
    for line in campaigned.metric_lines:
        (told,) = line["_aws"]["CloudWatchMetrics"]
        assert (told["Namespace"], told["Dimensions"], line["stack"]) == ("Dialer", [["stack"]], "dialer")
        for metric in told["Metrics"]:
            ending = re.findall("[A-Z][a-z]+", metric["Name"])[-1]
            assert metric["Unit"] == units.get(ending, "Count"), metric


def test_every_dial_says_how_far_it_was_behind_its_slot(campaigned: Campaigned) -> None:
    """From the slot until the line was taken: the queue's delivery, a start of the function, a turn of its own, and
    deliveries that failed. The database takes no line before the slot, nor once the permission is over."""
    lags = [value for line in campaigned.metric_lines for value in line.get("SlotLag", [])]
    grace_ms = 2000 * int(BOUNDS["QueueVisibilitySeconds"])
    assert len(lags) == REQUESTS
    assert 0 <= min(lags) <= max(lags) < grace_ms


def test_what_happened_was_announced_once_each(campaigned: Campaigned) -> None:
    kinds = Counter(event["detail-type"] for event in campaigned.events)
    assert kinds == {"CampaignRunning": 1, "CallSettled": REQUESTS, "ContactFinished": 5, "CampaignFinished": 1}
    outcomes = Counter(event["detail"].get("outcome") for event in campaigned.events if "outcome" in event["detail"])
    assert outcomes == {"answered": 2, "busy": 1, "machine": 1, "no-answer": 1, "refused": 1}


def test_an_event_has_its_version_and_ids_and_nobodys_phone(campaigned: Campaigned) -> None:
    for event in campaigned.events:
        assert (event["source"], event["detail"]["version"]) == ("dialer", 1)
        assert event["detail"]["campaign_id"] == campaigned.campaign_id
        assert telling(str(event["detail"])) == []
        if event["detail-type"] in {"CallSettled", "ContactFinished"}:
            assert event["detail"]["contact_id"]
            assert event["detail"]["attempt_id"]


DIALER_ALARMS = {
    "DuplicateAlarm": ("Duplicates", 1),
    "OldestUncertainAlarm": ("OldestUncertainAge", 14),
    "HeldAlarm": ("TurnedHeld", 1),
    "PausedAlarm": ("Paused", 1),
    "StrangersAlarm": ("RefusedWebhooks", 20),
    "NoTickAlarm": ("Ticks", 0),
    "ReturnedAlarm": ("Returned", 1),
    "UnavailableAlarm": ("Unavailable", 1),
}


@pytest.mark.parametrize("alarm", DIALER_ALARMS)
def test_a_number_beyond_its_bound_sounds_the_alarm(world: World, alarm: str) -> None:
    metric, value = DIALER_ALARMS[alarm]
    assert _state(world, alarm) != "ALARM"
    _put(world, "Dialer", metric, value, stack="dialer")
    until(lambda: _state(world, alarm) == "ALARM", seconds=30, what=lambda: _alarm(world, alarm))


def test_every_other_alarm_sounds_when_aws_own_metric_of_this_stack_goes_beyond_its_bound(world: World) -> None:
    """The emulator feeds none of these metrics and lets anybody put them; on AWS nobody but AWS may."""
    others = world.stack.of_type("AWS::CloudWatch::Alarm").keys() - DIALER_ALARMS.keys()
    watched = {_of_aws(world, alarm) for alarm in others}
    answering = {"ApiFunction", "VoiceFunction"}  # whatever goes wrong: so their URLs are watched
    failing = {
        ("AWS/Lambda", "Url5xxCount" if function in answering else "Errors", "FunctionName", name)
        for function, name in world.functions.items()
    }
    assert watched >= failing
    assert len(watched) == len(others)
    assert not [alarm for alarm in others if _state(world, alarm) == "ALARM"]
    for namespace, metric, dimension, name in watched:
        _put(world, namespace, metric, 600 if metric == "ApproximateAgeOfOldestMessage" else 1, **{dimension: name})
    until(
        lambda: {_state(world, alarm) for alarm in others} == {"ALARM"},
        seconds=30,
        what=lambda: {alarm: _state(world, alarm) for alarm in others},
    )


def _of_aws(world: World, alarm: str) -> tuple[str, str, str, str]:
    """The metric that an alarm watches, which must be of a function or a queue of this stack."""
    described = _alarm(world, alarm)
    (dimension,) = described["Dimensions"]
    queues = {url.rpartition("/")[2] for url in world.queues.values()}
    names = {"FunctionName": set(world.functions.values()), "QueueName": queues}
    assert dimension["Value"] in names[dimension["Name"]], described
    return described["Namespace"], described["MetricName"], dimension["Name"], dimension["Value"]


def test_three_minutes_without_any_tick_are_as_bad_as_failed_ones(world: World) -> None:
    """That missing data is a breach only AWS itself can show: the emulator looks at numbers alone."""
    described = _alarm(world, "NoTickAlarm")
    assert (described["MetricName"], described["TreatMissingData"]) == ("Ticks", "breaching")
    assert described["Period"] * described["EvaluationPeriods"] == 180


def _alarm(world: World, logical: str) -> dict[str, Any]:
    name = world.stack.resources[logical]
    (found,) = world.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return dict(found)


def _state(world: World, logical: str) -> str:
    return str(_alarm(world, logical)["StateValue"])


def _put(world: World, namespace: str, metric: str, value: float, **dimension: str) -> None:
    """In the last three minutes, so that alarms over several periods see enough."""
    at = [datetime.fromtimestamp(time.time() - 60 * ago, UTC) for ago in range(3)]
    dimensions = [{"Name": name, "Value": of} for name, of in dimension.items()]
    world.client("cloudwatch").put_metric_data(
        Namespace=namespace,
        MetricData=[{"MetricName": metric, "Value": value, "Timestamp": t, "Dimensions": dimensions} for t in at],
    )


def test_alarms_and_the_duplicate_rule_reach_the_topic(world: World) -> None:
    topic = world.stack.resources["AlarmTopic"]
    alarms = world.stack.of_type("AWS::CloudWatch::Alarm")
    assert len(alarms) == 20
    assert {action for logical in alarms for action in _alarm(world, logical)["AlarmActions"]} == {topic}
    (rule,) = world.client("events").list_rule_names_by_target(
        TargetArn=topic, EventBusName=world.stack.outputs["EventBusName"]
    )["RuleNames"]
    assert rule
