"""Each defence whose absence a universe can show is taken away, and a law must be seen broken: so the laws can see."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice

import pytest

from dialer.model import Counted
from tests.mutants.mutation import Mutation, loaded
from tests.mutants.mutations import MUTATIONS
from tests.simulation.chance import Kind
from tests.simulation.plan import Plan, plan_of

MOST_UNIVERSES = 500
SEEN = [mutation for mutation in MUTATIONS if mutation.laws]


def _slow(plan: Plan) -> bool:
    return all(campaign.pacing.call_delay >= timedelta(seconds=3) for campaign in plan.campaigns)


def _freezes_and_little_else(plan: Plan) -> bool:
    """Who is frozen between two steps is seen where nothing else of theirs goes wrong or late."""
    return {Kind.SLOW, Kind.PAUSE} <= plan.rates.keys() and Kind.LATE not in plan.rates


def _capped(plan: Plan, counts: Counted) -> bool:
    return any(cap.counts is counts for campaign in plan.campaigns for cap in campaign.caps)


def _shares_caps(plan: Plan, counts: Counted) -> bool:
    return len(plan.campaigns) > 1 and _capped(plan, counts)


# Where a defence matters only in some universes, only those are lived through.
WHERE: dict[str, Callable[[Plan], bool]] = {
    "the pace is not asked": lambda plan: _slow(plan) and plan.queues.stalls[1] > 0,
    "a message that came too early is gone": lambda plan: _slow(plan) and plan.queues.stalls[1] > 0,
    "time between the last look and the request does not matter": _freezes_and_little_else,
    "the last look forgets the hours": lambda plan: any(campaign.hours for campaign in plan.campaigns),
    "nobody looks before the request": lambda plan: plan.operator > 1,
    "a paused campaign's message is gone": lambda plan: plan.operator > 1,
    "the dial forgets the caps": lambda plan: _shares_caps(plan, Counted.CALLS),
    "a cap forgets what other campaigns did": lambda plan: _shares_caps(plan, Counted.CALLS),
    "a call counts from its dial on and not from its end": lambda plan: _capped(plan, Counted.CALLS),
    "a conversation locks nobody out": lambda plan: _shares_caps(plan, Counted.CONVERSATIONS),
}


@pytest.mark.parametrize("mutation", SEEN, ids=str)
def test_a_law_sees_that_the_defence_is_gone(mutation: Mutation) -> None:
    seeds = _seeds(WHERE.get(mutation.name, lambda _: True))
    with loaded(mutation):
        from tests.simulation.world import history_of

        outcomes = (history_of(seed) for seed in seeds)
        outcome = next((one for one in outcomes if one.breaches), None)
    assert outcome is not None, f"no universe of {MOST_UNIVERSES} notices that {mutation.name}"
    assert outcome.breaches[0].law in mutation.laws.split(), outcome.breaches[0]


def _seeds(where: Callable[[Plan], bool]) -> Iterator[int]:
    return islice((seed for seed in range(5_000) if where(plan_of(seed))), MOST_UNIVERSES)


def test_without_a_mutation_the_same_universes_are_whole() -> None:
    """The loader itself changes nothing."""
    unchanged = Mutation(name="nothing", file=SEEN[0].file, old=SEEN[0].old, new=SEEN[0].old, tests="")
    with loaded(unchanged):
        from tests.simulation.world import history_of

        assert not any(history_of(seed).breaches for seed in range(30))


def test_every_place_is_one_of_a_mutation_that_is_seen() -> None:
    assert set(WHERE) <= {mutation.name for mutation in SEEN}
