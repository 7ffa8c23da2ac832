"""Every state of the protocol in small worlds: no law is broken, nobody is stuck; and each defence has its worth.

Here with one tick and one voice function beside two call functions; `make model` has two of each.
"""

from pathlib import Path
from typing import Any

import pytest

from dialer.lifecycle import Move
from dialer.model import Doubt
from tests.model.explore import Explored, explore
from tests.model.protocol import Protocol

ONE_AFTER_THE_OTHER: dict[str, Any] = {"contacts": 1, "claims": 2, "most": 2, "ticks": 1, "voices": 1}
SIDE_BY_SIDE: dict[str, Any] = {"contacts": 2, "claims": 1, "most": 1, "ticks": 1, "voices": 1}


def whole(explored: Explored) -> bool:
    return not explored.broken and not explored.stuck and bool(explored.at_rest)


@pytest.mark.parametrize("doubt", list(Doubt))
def test_one_contact_with_two_attempts_is_never_called_twice_nor_stuck(doubt: Doubt) -> None:
    explored = explore(Protocol(**ONE_AFTER_THE_OTHER, doubt=doubt))
    assert whole(explored), explored
    assert explored.states > 50_000


def test_two_contacts_with_one_phone_never_ring_at_once_nor_are_they_stuck() -> None:
    explored = explore(Protocol(**SIDE_BY_SIDE))
    assert whole(explored), explored
    assert explored.states > 100_000


@pytest.mark.parametrize(
    ("without", "world", "law"),
    [
        ("states", ONE_AFTER_THE_OTHER, "L"),
        ("attempt", ONE_AFTER_THE_OTHER, "L8"),
        ("doubt_waits", ONE_AFTER_THE_OTHER, "L3"),
        ("horizon", ONE_AFTER_THE_OTHER | {"doubt": Doubt.REDIAL}, "L3"),
        ("guard", ONE_AFTER_THE_OTHER | {"doubt": Doubt.REDIAL}, "L3"),
        ("unsettled_once", SIDE_BY_SIDE, "L4"),
    ],
)
def test_without_a_defence_the_shortest_way_to_a_broken_law_is_found(without: str, world: Any, law: str) -> None:
    explored = explore(Protocol(**world | {without: False}))
    assert explored.broken.startswith(law), explored
    assert explored.way


def test_the_world_makes_every_move_but_those_that_need_more_than_it_has() -> None:
    """What is not explored is not proved: two need hours or suppressions, a recovery a database set back in time,
    and what a person postpones goes where an expired claim goes."""
    text = (Path(__file__).parent / "protocol.py").read_text()
    unused = {move for move in Move if f"Move.{move.name}" not in text}
    assert unused == {Move.SIFT, Move.FORBID, Move.RECOVER, Move.POSTPONE}
