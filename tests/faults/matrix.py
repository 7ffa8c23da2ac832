"""The matrix: every function, struck at every one of its requests, in every way; run, kept, and shown as a table."""

import hashlib
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from tests.faults.cells import SCENARIOS, Cell, Result, lived
from tests.faults.stage import Stage
from tests.faults.wires import Fault, Point
from tests.mutants.mutation import ROOT

KEPT = ROOT / ".local" / "faults"
AT_ONCE = 16
_STRIKING = ("cells", "door", "people", "stage", "wires")
_TAKES_THE_LINE, _IS_ACCEPTED = Point(request="findAndModify contacts"), Point(request="update contacts")

Learned = Mapping[str, Sequence[Point]]
Tell = Callable[[Result], object]


def learned(stage: Stage) -> dict[str, Result]:
    """Each function's run in which nothing goes wrong: what it asks for, one request after the other."""
    results: dict[str, Result] = {}
    run(stage, [Cell(scenario=name) for name in SCENARIOS], tell=lambda one: results.update({one.cell.scenario: one}))
    return results


def every_cell(points: Learned) -> list[Cell]:
    return [
        Cell(scenario=name, point=point, fault=fault) for name in points for point in points[name] for fault in Fault
    ]


def core(points: Learned) -> list[Cell]:
    """From the permission to dial to the written acceptance (T4 to T7): where a second call would come from."""
    seen = list(points["call"])
    between = seen[seen.index(_TAKES_THE_LINE) : seen.index(_IS_ACCEPTED) + 1]
    return every_cell({"call": between})


def sample(points: Learned, *, size: int, seed: int) -> list[Cell]:
    """Some of the rest, the same ones for the same seed."""
    sure = set(core(points))
    rest = [cell for cell in every_cell(points) if cell not in sure]
    return random.Random(seed).sample(rest, min(size, len(rest)))


def run(stage: Stage, cells: Sequence[Cell], *, tell: Tell) -> None:
    """Live through the cells, many at once; those that do not share the stage with others come last."""
    work = partial(lived, stage)
    alone = [cell for cell in cells if SCENARIOS[cell.scenario].alone]
    together = [cell for cell in cells if not SCENARIOS[cell.scenario].alone]
    for share in (together, alone):
        with _hands(stage) as pool:
            for future in as_completed([pool.submit(work, cell) for cell in share]):
                tell(future.result())


@contextmanager
def _hands(stage: Stage) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        yield pool
    except BaseException:
        stage.ended.set()  # nobody waits any longer
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@dataclass(kw_only=True)
class Kept:
    """What has been lived through with this source, so that an interrupted run goes on where it was."""

    path: Path
    results: dict[Cell, Result] = field(default_factory=dict)

    @classmethod
    def of_this_source(cls) -> "Kept":
        kept = cls(path=KEPT / f"{_source()}.jsonl")
        kept.path.parent.mkdir(parents=True, exist_ok=True)
        for line in kept.path.read_text().splitlines(keepends=True) if kept.path.exists() else ():
            if line.endswith("\n"):  # the last one may have been cut short
                result = _read(json.loads(line))
                kept.results[result.cell] = result
        return kept

    def add(self, result: Result) -> None:
        """Only what kept the promise: what did not is tried again, and seen again."""
        self.results[result.cell] = result
        if not result.wrong:
            with self.path.open("a") as file:
                file.write(json.dumps(asdict(result) | {"seen": ()}) + "\n")


def _read(kept: dict[str, object]) -> Result:
    cell = kept["cell"]
    assert isinstance(cell, dict)
    found = Cell(scenario=cell["scenario"], point=Point(**cell["point"]), fault=Fault(cell["fault"]))
    return Result(**{**kept, "cell": found})  # type: ignore[arg-type]


def _source() -> str:
    """The product and what strikes it, as one short hash."""
    digest = hashlib.sha256()
    product = [path for folder in ("layers/dialer", "functions") for path in (ROOT / folder).rglob("*.py")]
    for path in sorted([*product, *(ROOT / "tests/faults" / f"{name}.py" for name in _STRIKING)]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def table(points: Learned, results: Mapping[Cell, Result]) -> str:
    """One row for a request, one column for a fault: calls asked for, where everybody ended, after how many seconds."""
    head = ["function", "request", *Fault]
    rows = [head, ["---"] * len(head)]
    sure = set(core(points))
    for name, seen in points.items():
        for point in seen:
            cells = [Cell(scenario=name, point=point, fault=fault) for fault in Fault]
            request = f"**{point}**" if cells[0] in sure else str(point)
            rows.append([name, request, *(_said(results.get(cell)) for cell in cells)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _said(result: Result | None) -> str:
    if result is None:
        return "not run"
    ended = ", ".join(
        state if result.people == 1 else f"{count} {state}" for state, count in sorted(result.states.items())
    )
    said = f"{result.requests} · {ended} · {result.seconds:.0f} s"
    return f"**{said}: {'; '.join(result.wrong)}**" if result.wrong else said
