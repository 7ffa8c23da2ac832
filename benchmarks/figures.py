"""What was measured, kept as JSON, and compared with what was measured before."""

import json
import os
import platform
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.sizes import QUICK
from local.environments import LOCAL

HERE = Path(__file__).parent
COMMITTED = HERE / "results" / "full.json"
QUICK_ONES = LOCAL / "benchmarks" / "quick.json"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure: the median of its laps."""

    what: str
    size: str = ""
    unit: str
    laps: Sequence[float]
    higher_is_better: bool = True
    peak_mb: float | None = None
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.laps)

    @property
    def name(self) -> str:
        return f"{self.what}, {self.size}" if self.size else self.what

    def is_worse_than(self, before: "Row") -> bool:
        """By more than the spread: each median lies outside the other's range."""
        if self.higher_is_better:
            return self.median < min(before.laps) and before.median > max(self.laps)
        return self.median > max(before.laps) and before.median < min(self.laps)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A yardstick, its bar, and how far we got."""

    yardstick: str
    what: str
    value: float
    bar: float
    stretch: float | None = None
    higher_is_better: bool = True
    unit: str = "×"

    @property
    def met(self) -> bool:
        return self._reaches(self.bar)

    @property
    def said(self) -> str:
        if not self.met:
            return "missed"
        return "stretch reached" if self.stretch is not None and self._reaches(self.stretch) else "met"

    def _reaches(self, goal: float) -> bool:
        return self.value >= goal if self.higher_is_better else self.value <= goal


@dataclass(kw_only=True)
class Section:
    """One benchmark's part of the page."""

    key: str
    title: str
    text: str
    rows: list[Row] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    date: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))

    def add(self, **row: Any) -> Row:
        self.rows.append(Row(**row))
        return self.rows[-1]

    def judge(self, **verdict: Any) -> Verdict:
        self.verdicts.append(Verdict(**verdict))
        return self.verdicts[-1]

    def demand(self) -> None:
        """Every bar is met. Small sizes prove nothing, so a quick run only shows that it works."""
        missed = [
            f"{one.yardstick}, {one.what}: {one.value:.3g} (bar {one.bar:g})" for one in self.verdicts if not one.met
        ]
        assert QUICK or not missed, "; ".join(missed)


@dataclass(kw_only=True)
class Results:
    """All sections of the page, each as old as its last run."""

    machine: dict[str, str] = field(default_factory=dict)
    sections: dict[str, Section] = field(default_factory=dict)

    def rows(self) -> Iterator[tuple[str, Row]]:
        for key, section in self.sections.items():
            for row in section.rows:
                yield f"{key}: {row.name}", row


def read(path: Path) -> Results:
    if not path.exists():
        return Results()
    kept = json.loads(path.read_text())
    sections = {
        key: Section(
            **{
                **one,
                "rows": [Row(**row) for row in one["rows"]],
                "verdicts": [Verdict(**verdict) for verdict in one["verdicts"]],
            }
        )
        for key, one in kept["sections"].items()
    }
    return Results(machine=kept["machine"], sections=sections)


def write(path: Path, results: Results) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(results), indent=1, ensure_ascii=False, default=list) + "\n")


def slower(before: Results, after: Results) -> list[str]:
    """What has become worse by more than the spread of both runs."""
    known = dict(before.rows())
    return [
        f"{name}: {known[name].median:.4g} → {row.median:.4g} {row.unit}"
        for name, row in after.rows()
        if name in known and row.is_worse_than(known[name])
    ]


def merged(before: Results, measured: Iterable[Section], machine: dict[str, str]) -> Results:
    """The old results with the new sections in place of the old ones."""
    return Results(machine=machine, sections={**before.sections, **{one.key: one for one in measured}})


def this_machine(mongod_version: str) -> dict[str, str]:
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": str(os.cpu_count()),
        "memory": f"{pages * size / 2**30:.0f} GB",
        "mongod": mongod_version,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }
