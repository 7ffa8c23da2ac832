"""`make model`: the whole small world, two of everything, and the table of what was looked at."""

import sys
import time
from typing import Any

from dialer.model import Doubt
from tests.model.explore import explore
from tests.model.protocol import Protocol

WORLDS: list[tuple[str, dict[str, Any]]] = [
    ("1 contact, 2 attempts, doubt is held", {"contacts": 1, "claims": 2, "most": 2}),
    ("1 contact, 2 attempts, doubt is redialed", {"contacts": 1, "claims": 2, "most": 2, "doubt": Doubt.REDIAL}),
    ("2 contacts with one phone, 1 attempt each", {"contacts": 2, "claims": 1, "most": 1}),
    (
        "2 contacts with phones of their own, 1 attempt each",
        {"contacts": 2, "claims": 1, "most": 1, "one_phone": False},
    ),
]


def main() -> int:
    """Each world has 2 ticks, 2 call functions, 2 voice functions, reconcile and the carrier."""
    print(
        "| world | states | steps | laws broken | states without a way to rest | seconds |\n|---|---|---|---|---|---|"
    )
    failed = False
    for name, size in WORLDS:
        began = time.process_time()
        seen = explore(Protocol(**size))
        took = time.process_time() - began
        print(
            f"| {name} | {seen.states:,} | {seen.steps:,} | {seen.broken or 0} | {seen.stuck} | {took:.0f} |",
            flush=True,
        )
        failed |= bool(seen.broken) or bool(seen.stuck)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
