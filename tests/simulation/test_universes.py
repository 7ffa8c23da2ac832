"""Two thousand universes, no law broken; and one seed is one history."""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest

from dialer.model import Campaign, Doubt
from tests.mutants.mutation import ROOT
from tests.simulation.carrier import Said
from tests.simulation.chance import Kind
from tests.simulation.plan import CROWDED, MINUTE, plan_of
from tests.simulation.story import shrunk, told
from tests.simulation.world import Outcome, World, history_of

UNIVERSES, AT_A_TIME = 1900, 100
CROWDS, CROWDS_AT_A_TIME = 100, 20
SEEDS_AT_A_TIME = [
    *(range(first, first + AT_A_TIME) for first in range(0, UNIVERSES, AT_A_TIME)),
    *(range(first, first + CROWDS_AT_A_TIME) for first in range(CROWDED, CROWDED + CROWDS, CROWDS_AT_A_TIME)),
]


@pytest.mark.parametrize("seeds", SEEDS_AT_A_TIME, ids=lambda seeds: f"{seeds[0]} and on")
def test_no_universe_breaks_a_law(seeds: range) -> None:
    for seed in seeds:
        outcome = history_of(seed)
        if outcome.breaches:
            pytest.fail(told(shrunk(outcome)), pytrace=False)


def test_universes_are_as_rough_as_they_say() -> None:
    """A proof over quiet seas would prove nothing: every kind of fault strikes, and every answer is heard."""
    worlds = [World(plan_of(seed)) for seed in range(60)]
    for world in worlds:
        world.live()
    struck = Counter(fault.rpartition(": ")[2] for world in worlds for fault in world.weather.struck)
    assert [kind for kind in Kind if kind is not Kind.FINE and not struck[kind]] == []
    said = Counter(asked.said for world in worlds for asked in world.carrier.asked)
    assert [word for word in Said if not said[word]] == []
    ends = Counter(contact["state"] for world in worlds for contact in world.laws.contacts.values())
    assert set(ends) >= {"done", "failed", "suppressed"}


def digest(outcome: Outcome) -> str:
    """Everything that happened, to the last word."""
    text = "\n".join(f"{one.at} {one.who} {one.what} {one.answer!r}" for one in outcome.history)
    return hashlib.sha256(text.encode()).hexdigest()


SEEDS = range(12)
PRINT_DIGESTS = f"""
from tests.simulation.test_universes import digest
from tests.simulation.world import history_of
print(*(digest(history_of(seed)) for seed in {SEEDS!r}), sep="\\n")
"""


def test_the_same_seed_is_the_same_history() -> None:
    """L13, in this process and in others, which hash their texts differently."""
    here = [digest(history_of(seed)) for seed in SEEDS]
    assert here == [digest(history_of(seed)) for seed in SEEDS]
    assert len(set(here)) == len(here)
    for hash_seed in ("1", "2"):
        assert _elsewhere(hash_seed) == here


def _elsewhere(hash_seed: str) -> list[str]:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(map(str, PATHS))}
    ran = subprocess.run(
        [sys.executable, "-c", PRINT_DIGESTS], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    return ran.stdout.split()


PATHS = (ROOT / "layers/dialer", ROOT)


def slower_than_the_horizon(seed: int, doubt: Doubt) -> Outcome:
    """A universe whose carrier makes calls of requests that it never answered, long after the horizon."""
    plan = plan_of(seed)
    campaigns = tuple(_with_doubt(campaign, doubt) for campaign in plan.campaigns)
    late = replace(plan.carrier, late=9 * MINUTE, errors=0.8)
    return history_of(seed, plan=replace(plan, campaigns=campaigns, carrier=late))


def _with_doubt(campaign: Campaign, doubt: Doubt) -> Campaign:
    return replace(campaign, doubt=doubt)


def test_a_carrier_slower_than_its_own_list_calls_nobody_twice_who_is_held() -> None:
    """Beyond what is promised to hold in full: the person is still called once, though it may end as unknown."""
    laws = Counter(
        breach.law for seed in range(150) for breach in slower_than_the_horizon(seed, Doubt.HOLD).breaches[:1]
    )
    assert set(laws) <= {"L2", "L4", "L9"}  # the call is nobody's any more; another contact's may overlap it


def test_with_redial_that_carrier_may_call_twice_and_the_laws_see_it() -> None:
    """The residual that docs/states.md names is real; here it is, so that nobody believes it away."""
    outcomes = (slower_than_the_horizon(seed, Doubt.REDIAL) for seed in range(150))
    assert any(outcome.breaches and outcome.breaches[0].law == "L3" for outcome in outcomes)
