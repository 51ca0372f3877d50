"""A chart as SVG that stands alone: read without scripts and without colour, beside its data as CSV. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import floor, isfinite, log10
from typing import Final

from mainstay.core.drawing import shown

WIDTH, HEIGHT = 720, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 16, 30
# Lines are told apart by their dashes, so that paper and eyes without colour do.
_DASHES: Final = ("", "7 4", "2 3", "9 3 2 3", "1 4", "12 4")
MOST: Final = len(_DASHES)
# Below this a span cannot be told from none.
_NOTHING: Final = 1e-12


@dataclass(frozen=True)
class Line:
    """One series: times in seconds since 1970, ascending, and values; what is absent is a gap."""

    name: str
    times: Sequence[float]
    values: Sequence[float | None]


@dataclass(frozen=True)
class Chart:
    """Lines over a window, with the part in which the problem was and a threshold where there is one."""

    title: str
    query: str
    lines: Sequence[Line]
    start: float
    end: float
    problem: tuple[float, float]
    threshold: float | None = None
    left_out: int = 0


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round values from ``low`` to ``high``, some ``about`` of them."""
    span = high - low
    if not isfinite(span) or span < _NOTHING:
        return [low]
    rough = span / about
    size = 10.0 ** floor(log10(rough))
    step = next(size * one for one in (1, 2, 2.5, 5, 10) if size * one >= rough)
    first = -(-low // step)
    return [round((first + one) * step, 12) for one in range(int(about * 2 + 2)) if (first + one) * step <= high]


def svg(chart: Chart) -> str:
    """The picture. Its title and description say in words what it shows."""
    low, high = _bounds(chart)
    scale = _Scale(chart.start, chart.end, low, high)
    parts = [_frame(chart, scale), _grid(scale, low, high)]
    if chart.threshold is not None:
        at = scale.y(chart.threshold)
        parts.append(f'<path class="limit" d="M{_LEFT} {at:.1f}H{WIDTH - _RIGHT}"/>')
        parts.append(
            f'<text x="{WIDTH - _RIGHT}" y="{at - 4:.1f}" text-anchor="end">limit {_said(chart.threshold)}</text>'
        )
    parts += [_path(line, scale, _DASHES[place]) for place, line in enumerate(chart.lines[:MOST])]
    legend = [_key(line, place) for place, line in enumerate(chart.lines[:MOST])]
    height = HEIGHT + 18 * len(legend)
    body = "\n".join([*parts, *legend])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="system-ui, sans-serif" font-size="11" fill="currentColor" stroke="none">\n'
        f"<title>{shown(chart.title)}</title>\n<desc>{shown(described(chart))}</desc>\n"
        f"<style>.line{{fill:none;stroke:currentColor;stroke-width:1.6}}.limit{{fill:none;stroke:currentColor;"
        f"stroke-width:1;stroke-dasharray:1 3}}.grid{{stroke:currentColor;stroke-opacity:.18}}"
        f".when{{fill:currentColor;fill-opacity:.08}}</style>\n{body}\n</svg>\n"
    )


def described(chart: Chart) -> str:
    """What the picture shows, as a sentence for those who do not see it."""
    said = []
    for line in chart.lines[:MOST]:
        before = [v for t, v in zip(line.times, line.values, strict=True) if v is not None and t < chart.problem[0]]
        during = [v for t, v in zip(line.times, line.values, strict=True) if v is not None and t >= chart.problem[0]]
        said.append(f"{line.name}: {_middle(before)} before, {_middle(during)} in the problem")
    limit = f" The limit is {_said(chart.threshold)}." if chart.threshold is not None else ""
    more = f" {chart.left_out} more series are in the data alone." if chart.left_out else ""
    return f"Middle values. {'; '.join(said) or 'nothing was measured'}.{limit}{more}"


def _middle(values: Sequence[float]) -> str:
    ordered = sorted(values)
    return _said(ordered[len(ordered) // 2]) if ordered else "nothing"


def _said(value: float) -> str:
    return f"{value:.4g}"


@dataclass(frozen=True)
class _Scale:
    start: float
    end: float
    low: float
    high: float

    def x(self, time: float) -> float:
        return _LEFT + (time - self.start) / max(self.end - self.start, 1e-9) * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - (value - self.low) / max(self.high - self.low, _NOTHING) * (HEIGHT - _TOP - _BOTTOM)


def _bounds(chart: Chart) -> tuple[float, float]:
    values = [one for line in chart.lines for one in line.values if one is not None and isfinite(one)]
    values += [chart.threshold] if chart.threshold is not None else []
    low, high = min([*values, 0.0]), max([*values, 0.0])
    return (low, high * 1.05) if high > low else (low, low + 1.0)


def _frame(chart: Chart, scale: _Scale) -> str:
    start, end = max(chart.problem[0], chart.start), min(chart.problem[1], chart.end)
    left, width = scale.x(start), max(scale.x(end) - scale.x(start), 0.0)
    return (
        f'<rect class="when" x="{left:.1f}" y="{_TOP}" width="{width:.1f}" height="{HEIGHT - _TOP - _BOTTOM}"/>'
        f'<text x="{left + 3:.1f}" y="{_TOP - 4}">problem</text>'
    )


def _grid(scale: _Scale, low: float, high: float) -> str:
    parts = []
    for value in ticks(low, high):
        at = scale.y(value)
        parts.append(f'<path class="grid" d="M{_LEFT} {at:.1f}H{WIDTH - _RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{_said(value)}</text>')
    for part in range(5):
        time = scale.start + (scale.end - scale.start) * part / 4
        anchor = ("start", "middle", "middle", "middle", "end")[part]
        said = f"{datetime.fromtimestamp(time, UTC):%H:%M:%S}" + (" UTC" if part == 4 else "")
        parts.append(f'<text x="{scale.x(time):.1f}" y="{HEIGHT - 10}" text-anchor="{anchor}">{said}</text>')
    return "\n".join(parts)


def _path(line: Line, scale: _Scale, dashes: str) -> str:
    steps, drawn = [], False
    for time, value in zip(line.times, line.values, strict=True):
        if value is None or not isfinite(value):
            drawn = False
            continue
        steps.append(f"{'L' if drawn else 'M'}{scale.x(time):.1f} {scale.y(value):.1f}")
        drawn = True
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<path class="line"{dashed} d="{"".join(steps)}"/>'


def _key(line: Line, place: int) -> str:
    at = HEIGHT + 12 + 18 * place
    dashed = f' stroke-dasharray="{_DASHES[place]}"' if _DASHES[place] else ""
    return (
        f'<path class="line"{dashed} d="M{_LEFT} {at - 4}h34"/>'
        f'<text x="{_LEFT + 42}" y="{at}">{shown(line.name[:110])}</text>'
    )


def table(chart: Chart) -> list[list[object]]:
    """The data of the chart as rows of a CSV file: the series, the time in UTC, the value."""
    rows: list[list[object]] = [["series", "time", "value"]]
    for line in chart.lines:
        for time, value in zip(line.times, line.values, strict=True):
            if value is not None and isfinite(value):
                rows.append([line.name, datetime.fromtimestamp(time, UTC).isoformat().replace("+00:00", "Z"), value])
    return rows
