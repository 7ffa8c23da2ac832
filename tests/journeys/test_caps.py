"""Nobody is called more often than a cap allows, whichever campaigns share it: judged by the carrier's ledger."""

from typing import Any

from tests.journeys.conftest import Numbers
from tests.journeys.journey import Journey

SPAN_H, SPAN_S = 0.0025, 9.0


def test_two_campaigns_share_a_cap(journey: Journey, numbers: Numbers) -> None:
    people = numbers(3)
    journey.fates({phone: {"kind": "busy", "ring": 1} for phone in people})
    wishes: dict[str, Any] = {
        "caps": [{"name": "shared", "most": 2, "within_h": SPAN_H}],
        "retry": {"max_attempts": 2, "delays_s": {"busy": 0}},
    }
    campaigns = [journey.campaign(people, **wishes) for _ in range(2)]
    journey.finish(*campaigns)
    for phone in people:
        moments = sorted(request["at"] for request in journey.requests(phone))
        assert len(moments) == 4
        assert all(third - first >= SPAN_S for first, third in zip(moments, moments[2:], strict=False))
    journey.assert_kept(*campaigns, requests=12)
