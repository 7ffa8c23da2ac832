"""P14, pace in a bounded account: that of a campaign alone in it, beside the same campaign where nothing is bounded."""

from benchmarks.conftest import Notebook
from benchmarks.sizes import QUICK
from benchmarks.worlds import drafted, fictional, requested, world_at_work
from dialer import wiring
from local.carrier.control import Carrier
from tests.journeys.journey import until

DELAY_S, ACCOUNT = 0.25, 10
CALLS = 20 if QUICK else 120
FORM = {
    "name": "Alone in its account",
    "any_hour_because": "a measurement: the people are made up",
    "from_numbers": ["+13105550199"],
    "call": {"twiml": '<Response><Pause length="1"/></Response>', "talk_limit_s": 60},
    "pacing": {"call_delay_s": DELAY_S, "max_concurrent": 40},
    "retry": {"max_attempts": 1},
}
TEXT = f"""
One campaign on the local world with a call every {DELAY_S} s and more lines than it needs, people who answer at once
and stay for a second; once where the stack bounds the account to {ACCOUNT} calls a second, which the campaign never
asks for, and once where it bounds nothing. The pace is that of the requests in the carrier's ledger, from the first
to the last.
"""


def test_a_campaign_alone_in_its_account_keeps_its_pace(results: Notebook) -> None:
    section = results.section("account-pace", "Pace in a bounded account", TEXT)
    bounded, free = _pace({"AccountCallsPerSecond": str(ACCOUNT)}), _pace({})
    section.add(what="alone in a bounded account", unit="calls/s", laps=[bounded])
    section.add(what="without a bound", unit="calls/s", laps=[free])
    section.judge(yardstick="P14", what="pace in a bounded account against none", value=bounded / free, bar=0.9)
    section.demand()


def _pace(parameters: dict[str, str]) -> float:
    with world_at_work(parameters=parameters) as world:
        carrier = Carrier(world.carrier_url)
        carrier.set_fates(mix=[{"weight": 1, "kind": "human", "ring": 0, "talk": 1}], seed=1)
        wiring.campaign_office().ask(drafted(FORM, fictional(CALLS)), "start")
        until(lambda: len(requested(carrier)) == CALLS, seconds=20 * CALLS * DELAY_S, every=0.5, what="all calls")
        moments = requested(carrier)
    return (CALLS - 1) / (max(moments) - min(moments))
