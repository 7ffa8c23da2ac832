"""`make faults`: strike every function at every request in every way, and write the table into docs/proof.md.

What has been lived through is kept cell by cell, so that an interrupted run goes on where it was; a change of the
product or of the cells begins a new one. It ends with 1 when somebody was called twice or lost.
"""

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from local import runs
from local.deploy import build
from local.environments import Refused
from local.mongod import start_mongod
from tests.faults.cells import Cell, Result, complaints
from tests.faults.matrix import Kept, Learned, core, every_cell, learned, run, table
from tests.faults.stage import Stage
from tests.mutants.mutation import ROOT

PAGE = ROOT / "docs" / "proof.md"
BEGIN, END = "<!-- make faults writes from here -->\n", "<!-- to here -->\n"


def main() -> int:
    kept = Kept.of_this_source()
    stage_run = runs.begin()
    try:
        built = build(stage_run, say=_say).parent
        mongod = start_mongod(stage_run)
        with Stage(stage_run, built, mongod.uri) as stage:
            return _whole(stage, kept)
    except KeyboardInterrupt:
        _say("\ninterrupted: the same command goes on from here")
        return 130
    except Refused as refused:
        _say(str(refused))
        return 2
    finally:
        stage_run.remove()


def _whole(stage: Stage, kept: Kept) -> int:
    _say("learning what each function asks for when nothing goes wrong")
    usual = learned(stage)
    points = {name: result.seen for name, result in usual.items()}
    cells = every_cell(points)

    def tell(result: Result) -> None:
        kept.add(result)
        done = [kept.results[cell] for cell in cells if cell in kept.results]
        print(f"\r{len(done)} of {len(cells)} cells, {_red(done)} red", end="", file=sys.stderr, flush=True)
        for complaint in result.wrong:
            _say(f"\n{result.cell}: {complaint}")

    run(stage, [cell for cell in cells if cell not in kept.results], tell=tell)
    _say("")
    stage.drain()
    complained = [f"{broken!r}" for broken in stage.broken] + complaints(stage.people.whole_verdict())
    complained += [f"{one.cell}: {complaint}" for one in usual.values() for complaint in one.wrong]
    for complaint in complained:
        _say(complaint)
    results = {cell: kept.results[cell] for cell in cells}
    _write(PAGE, f"{_summary(points, results)}\n\n{table(points, results)}\n")
    return 1 if complained or _red(results.values()) else 0


def _red(results: Iterable[Result]) -> int:
    return sum(bool(result.wrong) for result in results)


def _summary(points: Learned, results: dict[Cell, Result]) -> str:
    states = Counter[str]()
    for result in results.values():
        states.update(result.states)
    people, requests = sum(result.people for result in results.values()), sum(r.requests for r in results.values())
    ended = ", ".join(f"{count:,} {state}" for state, count in states.most_common())
    slowest = max(result.seconds for result in results.values())
    return (
        f"{len(results):,} of {len(every_cell(points)):,} cells, {people:,} people: "
        f"{requests:,} requests for a call; {ended}; {_red(results.values())} cells in which somebody was called twice "
        f"or lost; at rest after {slowest:.0f} s at the latest. The {len(core(points))} cells of the rows in bold, and "
        "a sample of the others, are run by every `make test`."
    )


def _write(page: Path, text: str) -> None:
    before, found, rest = page.read_text().partition(BEGIN)
    _, ended, after = rest.partition(END)
    assert (found, ended) == (BEGIN, END), f"{page} has lost its markers"
    page.write_text(f"{before}{BEGIN}{text}{END}{after}")


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
