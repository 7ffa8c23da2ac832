"""`python -m tests.simulation SEED`: one universe again, made short and told. It ends with 1 when a law is broken."""

import sys

from tests.simulation.story import shrunk, told
from tests.simulation.world import history_of


def main(seed: int) -> int:
    outcome = history_of(seed)
    if not outcome.breaches:
        print(f"seed {seed}: {outcome.attempts} attempts, {len(outcome.faults)} faults, no law is broken")
        return 0
    print(told(shrunk(outcome)))
    return 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
