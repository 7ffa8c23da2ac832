"""Each defence whose absence a universe can show is taken away, and a law must be seen broken: so the laws can see."""

import pytest

from tests.mutants.mutation import Mutation, loaded
from tests.mutants.mutations import MUTATIONS

MOST_UNIVERSES = 600
SEEN = [mutation for mutation in MUTATIONS if mutation.laws]


@pytest.mark.parametrize("mutation", SEEN, ids=str)
def test_a_law_sees_that_the_defence_is_gone(mutation: Mutation) -> None:
    with loaded(mutation):
        from tests.simulation.world import history_of

        outcomes = (history_of(seed) for seed in range(MOST_UNIVERSES))
        outcome = next((one for one in outcomes if one.breaches), None)
    assert outcome is not None, f"no universe of {MOST_UNIVERSES} notices that {mutation.name}"
    assert outcome.breaches[0].law in mutation.laws.split(), outcome.breaches[0]


def test_without_a_mutation_the_same_universes_are_whole() -> None:
    """The loader itself changes nothing."""
    unchanged = Mutation(name="nothing", file=SEEN[0].file, old=SEEN[0].old, new=SEEN[0].old, tests="")
    with loaded(unchanged):
        from tests.simulation.world import history_of

        assert not any(history_of(seed).breaches for seed in range(30))
