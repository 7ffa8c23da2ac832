"""The page: docs/benchmarks.md, made from the results and from nothing else."""

from collections.abc import Iterable, Sequence

from benchmarks.results import Results, Row, Section, Verdict

_HEAD = """\
# How fast it is

The safe way is also the fast way, and this page is where that is measured. It is written by `make bench`; the figures
are kept in `benchmarks/results/full.json`, and every run says what has become slower than these by more than the
spread.

Every contestant runs in a process of its own, lap by lap in turn with its rivals on the same machine, and the figures
are medians with the range of the laps behind them. Absolute figures belong to this machine; the ratios say more. Writes
are majority writes with journal everywhere, on a replica set of one node: where a majority is three machines
apart, whatever makes one round trip per contact loses more.
"""
_PICTURE = "\n![Claims per second against the size of the campaign](claims.svg)\n"


def written(results: Results) -> str:
    parts = [_HEAD, _machine(results), _yardsticks(results.sections.values()), _PICTURE]
    return "\n".join([*parts, *(section(one) for one in results.sections.values())]).rstrip() + "\n"


def section(one: Section) -> str:
    remarks = "".join(f"- {remark}\n" for remark in one.remarks)
    verdicts = "".join(f"- {_sentence(verdict)}\n" for verdict in one.verdicts)
    command = f"`make bench-{one.key}`, {one.date}"
    return f"## {one.title}\n\n{one.text}\n\n{_table(one.rows)}\n{verdicts}{remarks}\n{command}\n"


def _machine(results: Results) -> str:
    said = results.machine
    return (
        f"Machine: {said['cores']} cores, {said['memory']} of memory, {said['system']}, "
        f"mongod {said['mongod']}, Python {said['python']}.\n"
    )


def _yardsticks(sections: Iterable[Section]) -> str:
    lines = ["| yardstick | what | measured | bar | stretch | |", "|---|---|---|---|---|---|"]
    for verdict in sorted((one for each in sections for one in each.verdicts), key=_order):
        stretch = "" if verdict.stretch is None else f"{_sign(verdict)} {number(verdict.stretch)}{verdict.unit}"
        lines.append(
            f"| {verdict.yardstick} | {verdict.what} | {number(verdict.value)}{verdict.unit} "
            f"| {_sign(verdict)} {number(verdict.bar)}{verdict.unit} | {stretch} | {verdict.said} |"
        )
    return "\n".join(["## Yardsticks\n", *lines, ""])


def _order(verdict: Verdict) -> int:
    return int(verdict.yardstick.lstrip("P"))


def _sentence(verdict: Verdict) -> str:
    stretch = "" if verdict.stretch is None else f", stretch {_sign(verdict)} {number(verdict.stretch)}"
    return (
        f"**{verdict.yardstick}** {verdict.what}: **{number(verdict.value)}{verdict.unit}** "
        f"(bar {_sign(verdict)} {number(verdict.bar)}{stretch}): {verdict.said}"
    )


def _sign(verdict: Verdict) -> str:
    return "≥" if verdict.higher_is_better else "≤"


def _table(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    sized, remembered, noted = any(r.size for r in rows), any(r.peak_mb for r in rows), any(r.note for r in rows)
    head = ["what", *(["size"] if sized else []), "median", "lowest and highest of the laps", "laps"]
    head += [*(["peak memory"] if remembered else []), *([""] if noted else [])]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        cells = [row.what, *([row.size] if sized else []), f"{number(row.median)} {row.unit}"]
        cells += [f"{number(min(row.laps))}–{number(max(row.laps))}", str(len(row.laps))]
        cells += [f"{row.peak_mb:.0f} MB" if row.peak_mb else ""] if remembered else []
        cells += [row.note] if noted else []
        lines.append(cells)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def number(value: float) -> str:
    """Three figures are enough: 18,300; 0.75; 4.12."""
    if value == 0 or abs(value) >= 100:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"


def sized(count: int) -> str:
    """10,000 contacts as a reader says it."""
    for unit, name in ((1_000_000, "M"), (1_000, "k")):
        if count >= unit and count % unit == 0:
            return f"{count // unit}{name}"
    return str(count)
