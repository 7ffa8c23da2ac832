"""docs/states.md and the table of moves say the same: every edge, every row, every state."""

import re
from pathlib import Path

from dialer.bounds import Bounds
from dialer.lifecycle import MOVES, TERMINAL, State

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "states.md").read_text()
Edge = tuple[str, str, str]


def drawn() -> list[Edge]:
    """(from, to, move) of every arrow in the diagram."""
    (diagram,) = re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", PAGE, re.DOTALL)
    arrows = re.findall(r"^ +(\w+) --> (\w+): (.+)$", diagram, re.MULTILINE)
    assert len(arrows) == len(re.findall(r"-->.*:", diagram))
    return [(source, end, move) for source, end, moves in arrows for move in moves.split(", ")]


def listed() -> dict[str, tuple[str, str, set[str], set[str], str]]:
    """The rows of the table of moves, by move."""
    _, _, table = PAGE.partition("| move | step | who | from | to | why |\n|---|---|---|---|---|---|\n")
    rows = [line.strip("| ").split(" | ") for line in table.split("\n\n")[0].splitlines()]
    return {
        move: (step, who, set(sources.split(", ")), set(ends.split(", ")), why)
        for move, step, who, sources, ends, why in rows
    }


def test_every_arrow_is_in_the_table_and_every_pair_of_the_table_is_drawn_once() -> None:
    agreed = [(source, end, move) for move, rule in MOVES.items() for source in rule.sources for end in rule.targets]
    assert sorted(drawn()) == sorted((str(source), str(end), str(move)) for source, end, move in agreed)


def test_a_contact_begins_pending_and_ends_where_the_table_ends() -> None:
    assert re.findall(r"\[\*\] --> (\w+)", PAGE) == [State.PENDING]
    assert set(re.findall(r"(\w+) --> \[\*\]", PAGE)) == TERMINAL


def test_every_row_is_the_tables_own() -> None:
    assert listed() == {
        move: (rule.step, rule.owner, set(rule.sources), set(rule.targets), rule.why) for move, rule in MOVES.items()
    }


def test_every_state_has_its_paragraph_in_the_order_of_the_code() -> None:
    assert re.findall(r"^### (.+)$", PAGE, re.MULTILINE) == list(State)


def test_every_span_of_time_that_is_named_is_a_bound() -> None:
    words = set(re.findall(r"`([a-z]+_[a-z_]+)`", PAGE))
    assert {word for word in words if not hasattr(Bounds(), word)} == {"due_at"}
