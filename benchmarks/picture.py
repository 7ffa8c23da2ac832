"""The picture: claims a second against the size of the campaign, both on log axes, as an SVG of a few lines."""

import math
from collections.abc import Mapping, Sequence
from html import escape

from benchmarks.figures import Results, Row

_WIDTH, _HEIGHT = 760, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 230, 40, 60
_COLOURS = ("#0b6e4f", "#7f8c8d", "#c0392b", "#d68910")
_FONT = 'font-family="system-ui, sans-serif" font-size="13"'
_APART = 17
_SIZES = {"k": 1_000, "M": 1_000_000}


def claims(results: Results) -> str:
    """Empty while no claims have been measured."""
    section = results.sections.get("claims")
    if section is None:
        return ""
    series: dict[str, list[Row]] = {}
    for row in section.rows:
        if row.unit == "contacts/s":
            series.setdefault(row.what, []).append(row)
    axes = _Axes([row for rows in series.values() for row in rows])
    lines = [_line(axes, rows, colour) for rows, colour in zip(series.values(), _COLOURS, strict=False)]
    return "\n".join([_OPEN, *axes.drawn(), *lines, *_names(axes, series), "</svg>", ""])


_OPEN = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
    'aria-label="Claims per second against the size of the campaign, on logarithmic axes">\n'
    f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>'
)


class _Axes:
    """Where a campaign's size and a rate lie on the page."""

    def __init__(self, rows: Sequence[Row]) -> None:
        sizes, rates = [_size(row) for row in rows], [rate for row in rows for rate in row.laps]
        self.left, self.right = math.log10(min(sizes)), math.log10(max(sizes))
        self.low, self.high = math.floor(math.log10(min(rates))), math.ceil(math.log10(max(rates)))

    def x(self, size: float) -> float:
        share = (math.log10(size) - self.left) / (self.right - self.left or 1)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, rate: float) -> float:
        share = (math.log10(rate) - self.low) / (self.high - self.low or 1)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    def drawn(self) -> list[str]:
        bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
        lines = [_text(_LEFT, 22, "claims per second", anchor="start")]
        for power in range(self.low, self.high + 1):
            y = self.y(10**power)
            lines.append(f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#e3e3e3"/>')
            lines.append(_text(_LEFT - 8, y + 4, f"{10**power:,}", anchor="end"))
        sizes = range(math.ceil(self.left), math.floor(self.right) + 1)
        lines += [_text(self.x(10**power), bottom + 20, f"{10**power:,}") for power in sizes]
        lines.append(f'<line x1="{_LEFT}" y1="{bottom}" x2="{right}" y2="{bottom}" stroke="#555"/>')
        return [*lines, _text((_LEFT + right) / 2, bottom + 44, "contacts in the campaign")]


def _names(axes: _Axes, series: Mapping[str, Sequence[Row]]) -> list[str]:
    """Each line's name at its end, a line of text apart from the next."""
    ends = [max((axes.x(_size(row)), axes.y(row.median)) for row in rows) for rows in series.values()]
    named = sorted((y, x, name, colour) for (x, y), name, colour in zip(ends, series, _COLOURS, strict=False))
    drawn, free = [], 0.0
    for y, x, name, colour in named:
        free = max(y + 4, free)
        drawn.append(_text(x + 12, free, name, anchor="start", colour=colour))
        free += _APART
    return drawn


def _line(axes: _Axes, rows: Sequence[Row], colour: str) -> str:
    """The medians joined, and at each the range of the laps."""
    points = sorted((axes.x(_size(row)), axes.y(row.median), row) for row in rows)
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
    drawn = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>']
    for x, y, row in points:
        low, high = axes.y(min(row.laps)), axes.y(max(row.laps))
        drawn.append(f'<line x1="{x:.1f}" y1="{low:.1f}" x2="{x:.1f}" y2="{high:.1f}" stroke="{colour}"/>')
        drawn.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
    return "\n".join(drawn)


def _text(x: float, y: float, words: str, *, anchor: str = "middle", colour: str = "#333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" {_FONT}>{escape(words)}</text>'


def _size(row: Row) -> int:
    return int(row.size[:-1]) * _SIZES[row.size[-1]]
