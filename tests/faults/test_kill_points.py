"""Functions struck at their requests, on real parts: between permission and acceptance everywhere, elsewhere in places.

`make faults` strikes them everywhere and writes the table in docs/proof.md.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local import emulator, runs
from local.carrier.judge import Verdict
from local.deploy import build
from tests.conftest import missing
from tests.faults.cells import Cell, Result, complaints
from tests.faults.matrix import core, learned, run, sample
from tests.faults.stage import Stage
from tests.faults.wires import Fault, Point
from tests.mutants.mutations import MUTATIONS

pytestmark = pytest.mark.timeout(900)

SEED = int(os.environ.get("FAULTS_SEED", "1"))
SAMPLE = 14
SEEDED = {
    "a request in doubt is sent again": (Fault.REPLY_LOST, Fault.REPLY_LATE),
    "the permission to dial is only read": (Fault.KILLED_WAITING, Fault.REPLY_LOST),
}


@dataclass(frozen=True, kw_only=True)
class Matrix:
    usual: dict[str, Result]
    struck: list[Result]
    whole: Verdict
    broken: list[BaseException]


@pytest.fixture(scope="module")
def matrix(mongodb_uri: str) -> Iterator[Matrix]:
    """All cells at once, those of the products that lack a defence among them: most of the time is waiting."""
    if emulator.available():
        missing(emulator.available())
    stage_run, struck = runs.begin(), list[Result]()
    try:
        with Stage(stage_run, build(stage_run).parent, mongodb_uri) as stage:
            stage.layers |= {name: _without(name, stage) for name in SEEDED}
            usual = learned(stage)
            points = {name: result.seen for name, result in usual.items()}
            seeded = [_at_the_request(name, fault) for name, faults in SEEDED.items() for fault in (None, *faults)]
            run(stage, [*seeded, *core(points), *sample(points, size=SAMPLE, seed=SEED)], tell=struck.append)
            stage.drain()
            yield Matrix(usual=usual, struck=struck, whole=stage.people.whole_verdict(), broken=stage.broken)
    finally:
        stage_run.remove()


def test_where_nothing_goes_wrong_everybody_is_called_once(matrix: Matrix) -> None:
    assert {name: (result.requests, result.states, result.wrong) for name, result in matrix.usual.items()} == {
        name: (result.people, {"done": result.people}, []) for name, result in matrix.usual.items()
    }


def test_wherever_a_function_is_struck_nobody_is_called_twice_and_nobody_is_lost(matrix: Matrix) -> None:
    assert {str(result.cell): result.wrong for result in _of_the_product(matrix) if result.wrong} == {}
    assert complaints(matrix.whole) == []
    assert matrix.broken == []


def test_doubt_that_may_be_redialed_is_over_in_the_end_and_everybody_is_reached(matrix: Matrix) -> None:
    redialed = [result for result in _of_the_product(matrix) if "held" not in result.cell.scenario]
    assert {str(one.cell): one.states for one in redialed if one.states != {"done": one.people}} == {}


@pytest.mark.parametrize("defence", SEEDED)
def test_a_defence_that_is_missing_shows_where_it_is_needed_and_nowhere_else(matrix: Matrix, defence: str) -> None:
    """The judge's eyes: the same cells, with a function that lacks one line."""
    seen = {result.cell.fault: bool(result.wrong) for result in matrix.struck if result.cell.without == defence}
    missed: dict[Fault | None, bool] = {None: False, **dict.fromkeys(SEEDED[defence], True)}
    assert seen == missed


def _of_the_product(matrix: Matrix) -> list[Result]:
    return [result for result in matrix.struck if not result.cell.without]


def _at_the_request(without: str, fault: Fault | None) -> Cell:
    return Cell(scenario="call", point=Point(request="POST /Calls") if fault else None, fault=fault, without=without)


def _without(defence: str, stage: Stage) -> Path:
    """The built layers with one line changed; without bytecode, which would still have the line."""
    (mutation,) = [one for one in MUTATIONS if one.name == defence]
    copy = stage.run.own("layers") / mutation.name.replace(" ", "-")
    shutil.copytree(stage.built / "DialerLayer", copy / "DialerLayer", ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "DependenciesLayer").symlink_to(stage.built / "DependenciesLayer")
    inside = Path(mutation.file).relative_to("layers/dialer")
    (copy / "DialerLayer" / "python" / inside).write_text(mutation.applied())
    return copy
