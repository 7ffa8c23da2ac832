"""Every state that a protocol can reach, breadth first: so the first broken law comes with the shortest way to it."""

from collections import deque
from dataclasses import dataclass, field

from tests.model.protocol import Protocol, World


@dataclass(kw_only=True)
class Explored:
    """What there is to be seen."""

    states: int = 0
    steps: int = 0
    at_rest: int = 0
    broken: str = ""
    way: list[str] = field(default_factory=list)
    """The steps that lead to the broken law."""
    stuck: int = 0
    """States from which nobody can come to rest any more."""


def explore(protocol: Protocol, *, most: int = 5_000_000) -> Explored:
    """Look at all of them. Raises RuntimeError when there are more than `most`."""
    begin = protocol.begin()
    numbers: dict[World, int] = {begin: 0}
    came_from: list[tuple[int, str]] = [(0, "")]
    leads_to: list[list[int]] = [[]]
    waiting, explored = deque([begin]), Explored()
    while waiting:
        world = waiting.popleft()
        number = numbers[world]
        for label, after in protocol.steps(world):
            explored.steps += 1
            law = protocol.broken(world, label, after)
            if law:
                explored.broken, explored.states = law, len(numbers)
                explored.way = [*_way(came_from, number), label]
                return explored
            known = numbers.get(after)
            if known is None:
                known = numbers[after] = len(came_from)
                came_from.append((number, label))
                leads_to.append([])
                waiting.append(after)
                if known > most:
                    raise RuntimeError(f"more than {most} states")
            leads_to[known].append(number)
    resting = [number for world, number in numbers.items() if protocol.at_rest(world)]
    explored.states, explored.at_rest = len(numbers), len(resting)
    explored.stuck = len(numbers) - _can_reach(resting, leads_to)
    return explored


def _way(came_from: list[tuple[int, str]], number: int) -> list[str]:
    way = []
    while number:
        number, label = came_from[number]
        way.append(label)
    return way[::-1]


def _can_reach(resting: list[int], came_from: list[list[int]]) -> int:
    """How many states have a way to one of these."""
    seen, waiting = bytearray(len(came_from)), deque(resting)
    for number in resting:
        seen[number] = 1
    while waiting:
        for before in came_from[waiting.popleft()]:
            if not seen[before]:
                seen[before] = 1
                waiting.append(before)
    return sum(seen)
