"""Read the test language of Prometheus's own expression tests into plain values. Pure: text in, commands out.

The language is described in the documentation of Prometheus's package `promqltest`: `clear`, `load STEP` with series,
and `eval instant at T EXPR` or `eval range from A to B step S EXPR` with what is expected.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

STALE = object()
"""A staleness marker among the values of a series."""
HISTOGRAM = object()
"""A native histogram among the values of a series; what it holds is not read."""

Value = float | object | None


class TestLanguageError(ValueError):
    """The file is not in the test language; the message names the line."""


@dataclass(frozen=True)
class SeriesLine:
    """A series and its values: a float, None for a gap, STALE, or HISTOGRAM."""

    labels: dict[str, str]
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Clear:
    """Forget everything that was loaded."""


@dataclass(frozen=True)
class Load:
    """Add series with a value every `step_ms` from time 0. `with_buckets` also makes native histograms of buckets."""

    step_ms: int
    series: tuple[SeriesLine, ...]
    with_buckets: bool = False


@dataclass(frozen=True)
class Case:
    """One expression and what is expected of it. An instant case has `start_ms == end_ms` and `instant` set."""

    line: int
    expr: str
    start_ms: int
    end_ms: int
    step_ms: int
    instant: bool
    series: tuple[SeriesLine, ...] = ()
    scalar: float | None = None
    text: str | None = None
    fails: bool = False
    message: str | None = None
    pattern: str | None = None
    ordered: bool = False
    remarks: tuple[str, ...] = field(default=())


Command = Clear | Load | Case

_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "y": 31_536_000_000}
_STRING = r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`"
_METRIC = re.compile(rf"([a-zA-Z_:][\w:]*)?\s*(\{{(?!\{{)(?:{_STRING}|[^\"'`{{}}])*\}})?")
_PAIR = re.compile(rf"\s*({_STRING}|[\w:.]+)\s*(?:=\s*({_STRING}))?\s*(?:,|$)")
# Hexadecimal numbers are left out: among values 0x10 means eleven zeros.
_NUMBER = r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[iI]nf(?:inity)?|[nN]a[nN])"
_HISTOGRAM = r"\{\{.*?\}\}"
_ITEM = re.compile(
    rf"(?P<histogram>{_HISTOGRAM})(?:[+-]{_HISTOGRAM})?(?:x(?P<hist_times>\d+))?(?=\s|$)"
    r"|(?P<gap>_)(?:x(?P<gap_times>\d+))?(?=\s|$)"
    r"|(?P<stale>stale)(?:x(?P<stale_times>\d+))?(?=\s|$)"
    rf"|(?P<start>{_NUMBER})(?:(?P<delta>[+-]{_NUMBER.removeprefix('[+-]?')})?x(?P<times>\d+))?(?=\s|$)"
)
_INSTANT = re.compile(r"^eval(?:_(fail|warn|info|ordered))?\s+instant\s+(?:at\s+(\S+))?\s+(.+)$")
_RANGE = re.compile(r"^eval(?:_(fail|warn|info|ordered))?\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)\s+(.+)$")
_EXPECT = re.compile(r"^expect\s+(fail|warn|info|ordered|no_warn|no_info|string|range\s+vector)\b\s*(.*)$")


def duration_ms(text: str) -> int:
    """Milliseconds of a duration such as `1h30m`, `10s53ms`, or plain seconds."""
    sign = -1 if text.startswith("-") else 1
    body = text.lstrip("+-")
    if re.fullmatch(r"\d+(?:\.\d+)?", body):
        return sign * round(float(body) * 1000)
    parts = re.findall(r"(\d+)(ms|[smhdwy])", body)
    if not parts or "".join(number + unit for number, unit in parts) != body:
        raise TestLanguageError(f"{text!r} is not a duration; write one such as 5m")
    return sign * sum(int(number) * _UNITS[unit] for number, unit in parts)


def _unquoted(text: str) -> str:
    if text.startswith("`"):
        return text[1:-1]
    return str(ast.literal_eval(text))


def metric(text: str) -> dict[str, str]:
    """The labels of a metric such as `name{a="b"}`, with the name under `__name__`."""
    found = _METRIC.fullmatch(text.strip())
    if not found:
        raise TestLanguageError(f"{text!r} is not a metric")
    labels = {"__name__": found[1]} if found[1] else {}
    body = (found[2] or "{}")[1:-1].strip()
    position = 0
    while position < len(body):
        pair = _PAIR.match(body, position)
        if not pair or pair.end() == position:
            raise TestLanguageError(f"{text!r} is not a metric")
        name = _unquoted(pair[1]) if pair[1][0] in "\"'`" else pair[1]
        if pair[2] is None:
            labels["__name__"] = name
        else:
            labels[name] = _unquoted(pair[2])
        position = pair.end()
    return {name: value for name, value in labels.items() if value}


def values(text: str) -> tuple[Value, ...]:
    """The values of a series line, with repetitions written out."""
    result: list[Value] = []
    position = 0
    text = text.strip()
    while position < len(text):
        item = _ITEM.match(text, position)
        if not item:
            raise TestLanguageError(f"{text[position:]!r} is not a list of values")
        result.extend(_repeated(item))
        position = item.end()
        while position < len(text) and text[position].isspace():
            position += 1
    return tuple(result)


def _repeated(item: re.Match[str]) -> list[Value]:
    """One item written out. A value with xN stands N + 1 times, a gap N times."""
    if item["histogram"]:
        return [HISTOGRAM] * (int(item["hist_times"] or 0) + 1)
    if item["gap"]:
        return [None] * int(item["gap_times"] or 1)
    if item["stale"]:
        return [STALE] * (int(item["stale_times"] or 0) + 1)
    start = float(item["start"])
    if item["times"] is None:
        return [start]
    # Prometheus adds the step again and again, and so the same rounding errors are wanted here.
    step = float(item["delta"]) if item["delta"] else 0.0
    series: list[Value] = []
    for _ in range(int(item["times"]) + 1):
        series.append(start)
        start += step
    return series


def series_line(text: str) -> SeriesLine:
    """A metric and its values."""
    found = _METRIC.match(text)
    if not found or found.end() == 0:
        raise TestLanguageError(f"{text!r} is not a series with values")
    return SeriesLine(metric(text[: found.end()]), values(text[found.end() :]))


def commands(text: str) -> Iterator[Command]:
    """All commands of a file in order. Raises TestLanguageError with the line for what is not in the language."""
    lines = ["" if line.strip().startswith("#") else line.strip() for line in text.splitlines()]
    position = 0
    while position < len(lines):
        head, at = lines[position], position + 1
        position += 1
        if not head:
            continue
        block: list[str] = []
        if head != "clear":
            # A block ends at an empty line or at a comment.
            while position < len(lines) and lines[position]:
                block.append(lines[position])
                position += 1
        try:
            yield _command(head, block, at)
        except (TestLanguageError, SyntaxError, ValueError) as error:
            raise TestLanguageError(f"line {at}: {error}") from error


def _command(head: str, block: list[str], line: int) -> Command:
    if head == "clear":
        return Clear()
    load = re.match(r"^(load|load_with_nhcb)\s+(\S+)$", head)
    if load:
        return Load(duration_ms(load[2]), tuple(series_line(row) for row in block), load[1] != "load")
    ranged = _RANGE.match(head)
    if ranged:
        start, end, step = (duration_ms(ranged[index]) for index in (2, 3, 4))
        return _case(line, ranged[5], (start, end, step), ranged[1], block, instant=False)
    instant = _INSTANT.match(head)
    if instant:
        at = duration_ms(instant[2] or "0")
        return _case(line, instant[3], (at, at, 1), instant[1], block, instant=True)
    raise TestLanguageError(f"{head!r} is no command")


def _case(
    line: int, expr: str, times: tuple[int, int, int], suffix: str | None, block: list[str], *, instant: bool
) -> Case:
    remarks = [suffix] if suffix in ("warn", "info") else []
    text = message = pattern = None
    scalar: float | None = None
    fails, ordered = suffix == "fail", suffix == "ordered"
    series: list[SeriesLine] = []
    for row in block:
        expect = _EXPECT.match(row)
        kind = expect[1] if expect else ""
        detail = expect[2] if expect else ""
        if kind == "fail" or row.startswith(("expected_fail_message", "expected_fail_regexp")):
            fails = True
            if detail.startswith("msg:") or row.startswith("expected_fail_message"):
                message = detail.removeprefix("msg:").strip() or row.split(None, 1)[-1]
            elif detail.startswith("regex:") or row.startswith("expected_fail_regexp"):
                pattern = detail.removeprefix("regex:").strip() or row.split(None, 1)[-1]
        elif kind == "string":
            text = _unquoted(detail)
        elif kind == "ordered":
            ordered = True
        elif kind.startswith("range"):
            remarks.append("range vector")
        elif kind:
            remarks.append(kind)
        elif re.fullmatch(_NUMBER, row):
            scalar = float(row)
        else:
            series.append(series_line(row))
    start, end, step = times
    return Case(
        line, expr, start, end, step, instant, tuple(series), scalar, text, fails, message, pattern, ordered,
        tuple(remarks),
    )  # fmt: skip


def almost_equal(a: float, b: float, epsilon: float = 1e-6) -> bool:
    """Whether two values are equal within the tolerance of Prometheus's tests. Source: util/almost."""
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    if a == b:
        return True
    if math.isinf(a) or math.isinf(b):
        return False
    smallest = 2.2250738585072014e-308
    total, difference = abs(a) + abs(b), abs(a - b)
    if a == 0 or b == 0 or total < smallest:
        return difference < epsilon * smallest
    return difference / min(total, 1.7976931348623157e308) < epsilon
