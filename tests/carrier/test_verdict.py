"""The judge before a real carrier: a careful dialer passes through every fault, a careless one does not."""

import time
from collections import defaultdict
from itertools import count
from typing import Any

from requests import RequestException
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from local.carrier.control import Carrier
from tests.carrier.conftest import Connect, Dial, StartCarrier
from tests.carrier.planted import POLICY, found

MIX = {"human": 4, "machine": 2, "busy": 3, "no-answer": 1, "failed": 1, "rejected": 1}
RETRIED = {"busy", "no-answer", "failed", "machine"}
PHONES = [f"+1557000{n:04}" for n in range(30)]
FAULTS = ["accepted_then_cut", "accepted_empty", "accepted_500", "accepted_truncated", "reset", "500_before", "429"]


def outcome(call: Any) -> str:
    while call.status in ("queued", "ringing", "in-progress"):
        time.sleep(0.005)
        call = call.fetch()
    return "machine" if (call.answered_by or "").startswith(("machine", "fax")) else str(call.status)


class Dialer:
    """One person after the other. `careless`: takes a doubt for a failure and simply asks again."""

    def __init__(self, client: Client, dial: Dial, *, careless: bool) -> None:
        self._client, self._dial, self._careless = client, dial, careless
        self._attempts = count(1)

    def reach(self, phone: str) -> dict[str, object]:
        ended: dict[str, object] = {"phone": phone, "campaign_id": "spring", "contact_id": f"c{phone[-4:]}"}
        used, last = 0, "unreachable"
        while used < POLICY["max_attempts"]:
            try:
                call = self._attempt(phone)
            except TwilioRestException as refused:
                if refused.code == 20429 or self._careless:
                    continue
                call = None
            except (RequestException, ValueError):
                call = None
            used += 1
            call = call if call and call.sid else self._settled(phone, used)
            if call is None:
                if self._careless:
                    continue
                return ended | {"state": "held", "reason": "the carrier lists no call"}
            if (last := outcome(call)) not in RETRIED:
                return ended | {"state": "done"}
        return ended | {"state": "done" if last == "machine" else "failed", "reason": last}

    def _attempt(self, phone: str) -> Any:
        about = {"contact": f"c{phone[-4:]}", "attempt": f"attempt-{next(self._attempts)}"}
        return self._dial(self._client, phone, machine_detection="Enable", **about)

    def _settled(self, phone: str, used: int) -> Any:
        """The call that must be ours: as many are listed as attempts were made."""
        listed = [] if self._careless else self._client.calls.list(to=phone)
        return listed[0] if len(listed) == used else None


def judged(carrier: Carrier, client: Client, dial: Dial, *, careless: bool) -> dict[str, Any]:
    carrier.set_fates(mix=MIX)
    carrier.set_faults(
        requests=[{"kind": kind, "probability": 0.1} for kind in FAULTS],
        callbacks=[{"kind": kind, "probability": 0.1} for kind in ("lost", "duplicate", "forged", "reorder")],
    )
    dialer = Dialer(client, dial, careless=careless)
    rows = [dialer.reach(phone) for phone in PHONES]
    carrier.wait_idle()
    return carrier.verdict(rows, POLICY)


def test_a_careful_dialer_passes_through_every_fault(carrier: StartCarrier, connect: Connect, dial: Dial) -> None:
    ours = carrier(time_scale=0, seed=5)
    verdict = judged(ours, connect(ours), dial, careless=False)
    assert found(verdict) == set()
    assert verdict["ok"]
    assert verdict["held"]
    assert verdict["summary"]["calls"] >= 30
    assert set(ours.state()["strikes"]) >= set(FAULTS)


def test_a_careless_dialer_does_not(carrier: StartCarrier, connect: Connect, dial: Dial) -> None:
    ours = carrier(time_scale=0, seed=5)
    verdict = judged(ours, connect(ours), dial, careless=True)
    assert not verdict["ok"]
    assert verdict["duplicates"] > 0


def test_a_verdict_on_rows_and_an_empty_carrier_is_that_all_are_lost(carrier: StartCarrier) -> None:
    rows = [{"phone": phone, "campaign_id": "spring", "state": "done"} for phone in PHONES]
    verdict = carrier(seed=1).verdict(rows, POLICY)
    assert not verdict["ok"]
    assert verdict["summary"]["lost"] == verdict["summary"]["wrong_count"] == len(PHONES)
    assert defaultdict(int, verdict["summary"]["states"])["done"] == len(PHONES)
