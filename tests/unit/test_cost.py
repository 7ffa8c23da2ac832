"""What a campaign costs: counted lines times dated prices."""

import json
import re
from typing import Any

import pytest

from local import cost
from local.environments import Refused
from tests.unit.test_template import PRODUCT, of_type, template

__all__ = ["template"]


def report(milliseconds: int) -> str:
    return f"REPORT RequestId: x\tDuration: {milliseconds} ms\tBilled Duration: {milliseconds} ms\tMemory Size: 512 MB"


def metrics(**sums: float) -> str:
    return json.dumps({"_aws": {}, **{name: [value] for name, value in sums.items()}})


SCHEDULED, HINTED = metrics(TickTime=5, Ticks=1), metrics(TickTime=5, Claimed=3)
DIAL, FREED = json.dumps({"message": "dial", "line_freed": False}), json.dumps({"message": "dial", "line_freed": True})
LINES = {
    "tick": [SCHEDULED, report(1000), HINTED, report(3000)],
    "call": [report(500), metrics(Dialed=1), DIAL],
    "voice": [*[report(100)] * 4, metrics(Webhooks=1), metrics(Settled=1)],
    "reconcile": [report(2000)],
}


def test_invocations_and_their_mean_come_from_the_reports_and_attempts_from_the_metrics() -> None:
    run = cost.used(LINES)
    assert (run.attempts, run.invocations["voice"], run.mean_ms("tick")) == (1, 4, 2000)
    assert run.log_bytes == sum(len(line) for of in LINES.values() for line in of)


def test_a_thousand_attempts_are_a_thousand_times_what_one_used() -> None:
    parts = cost.per_thousand(cost.used(LINES))
    working = 0.5 * 0.5 + 4 * 0.1 * 0.5  # gigabyte-seconds
    assert parts["call and voice functions"] == pytest.approx(1000 * (5 * 0.20 / 1e6 + working * 0.0000133334))
    assert parts["events"] == pytest.approx(1000 * 2 / 1e6)
    twice = cost.used({function: of * 2 for function, of in LINES.items()})
    assert cost.per_thousand(twice) == pytest.approx(parts)


def test_a_hint_is_for_a_freed_line_and_several_may_cause_one_tick() -> None:
    """A campaign sends one hint a second at most to its tick, however many attempts end in it."""
    lines = {
        **LINES,
        "tick": [SCHEDULED, HINTED, *LINES["tick"]],
        "call": [metrics(Dialed=1)] * 4 + [FREED],
        "voice": [metrics(Settled=1)] * 5,
        "reconcile": [metrics(Settled=2)],
    }
    run = cost.used(lines)
    assert (run.attempts, run.hints, run.hinted) == (4, 5 + 2 + 1, 2)


def test_what_hints_cost_is_counted_by_hints_and_by_their_ticks_and_not_by_attempts() -> None:
    run = cost.used({**LINES, "call": [report(500), *[metrics(Dialed=1)] * 10], "voice": [metrics(Settled=1)] * 4})
    parts, each = cost.per_thousand(run), 1000 / 10
    tick = 0.20 / 1e6 + 2 * 0.5 * 0.0000133334  # two seconds on average
    assert parts["tick function, by hints"] == pytest.approx(each * tick)
    assert parts["queues"] == pytest.approx(each * (3 * 0.40 + (4 + 2) * 0.50) / 1e6)
    assert parts["tables"] == pytest.approx(each * (2 + 2) * 0.625 / 1e6)


def test_the_other_processor_costs_more() -> None:
    run = cost.used(LINES)
    arm, other = (cost.per_thousand(run, architecture=one) for one in ("arm64", "x86_64"))
    assert other["call and voice functions"] > arm["call and voice functions"]


def test_a_run_that_dialed_nobody_has_no_price() -> None:
    with pytest.raises(Refused, match="Nobody was dialed"):
        cost.per_thousand(cost.used(dict.fromkeys(LINES, ())))


def test_what_waits_costs_by_the_month_whoever_is_called() -> None:
    parts = cost.per_month(cost.used(LINES))
    each_minute = 2 * 0.20 / 1e6 + 2 * 1.00 / 1e6 + (2 + 2) * 0.5 * 0.0000133334  # two seconds each
    assert parts["tick and reconcile, every minute"] == pytest.approx(43200 * each_minute)
    assert parts["dashboard"] == 3.0


def test_metrics_and_alarms_are_counted_as_they_are(template: dict[str, Any]) -> None:
    assert len(of_type(template, "AWS::CloudWatch::Alarm")) == cost.ALARMS
    sent = set(re.findall(r'"([A-Z][A-Za-z]+)"', (PRODUCT / "measures.py").read_text())) | {"Paused"}
    sent = {name for name in sent if not name.endswith("Report")}  # these are types
    assert len(sent) == cost.METRICS, sorted(sent)


def test_the_queues_that_are_listened_to_are_counted_as_they_are(template: dict[str, Any]) -> None:
    functions = of_type(template, "AWS::Serverless::Function").values()
    woken = [one for function in functions for one in function["Properties"].get("Events", {}).values()]
    queues = [one["Properties"]["Queue"] for one in woken if one["Type"] == "SQS"]
    fifo = [one for one in queues if "RefillQueue" in str(one)]
    assert (len(queues) - len(fifo), len(fifo)) == (cost.LISTENED, cost.LISTENED_FIFO)


def test_the_memory_is_the_templates(template: dict[str, Any]) -> None:
    assert template["Globals"]["Function"]["MemorySize"] / 1024 == cost.MEMORY_GB


def test_every_price_has_its_month_and_the_oldest_is_told_with_the_newest() -> None:
    prices, months = cost.PRICES, cost.PRICES["as_of"]
    assert months.keys() == {*prices["per_million"], *prices["per_month"], "lambda_gb_second", "log_gb"}
    assert all(re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", month) for month in months.values())
    assert cost.as_of() == f"{min(months.values())} to {max(months.values())}"
