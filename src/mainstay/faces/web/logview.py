"""What the log screen shows, ready for its templates: the address as state, rows, the histogram, links that filter."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from mainstay.faces.api.logs import DEFAULT_RANGE
from mainstay.observe.logs.search import query as language
from mainstay.observe.logs.search import times
from mainstay.observe.logs.search.answers import Facet, Histogram, Line
from mainstay.observe.logs.search.lexer import QueryError
from mainstay.observe.logs.search.parser import parse
from mainstay.observe.logs.search.query import LEVELS, And, Field, Glob, Node, Not, Or, Text

RANGES = ("last 15m", "last 1h", "last 6h", "last 24h", "last 7d", "last 30d")
COLUMNS = ("service", "stream", "source", "format", "pattern", "trace", "exception", "frame")
DEFAULT_COLUMNS = ("service",)
MOST_COLUMNS = 6
# Characters of a line that the list shows; the rest is a click away.
LONGEST = 4000
_ATTRIBUTE = {"trace": "trace_id", "span": "span_id"}


@dataclass(frozen=True)
class State:
    """What stands in the address: the query, the range as written, the columns, and whether long lines wrap."""

    query: str = ""
    range: str = DEFAULT_RANGE
    columns: tuple[str, ...] = DEFAULT_COLUMNS
    wrap: bool = False

    def pairs(self) -> dict[str, str]:
        """The parts of the address that are not as usual."""
        found = {"query": self.query, "range": self.range, "columns": ",".join(self.columns), "wrap": "1"}
        usual = {"query": "", "range": DEFAULT_RANGE, "columns": ",".join(DEFAULT_COLUMNS)}
        if not self.wrap:
            del found["wrap"]
        return {name: value for name, value in found.items() if value != usual.get(name)}

    def address(self, path: str = "/logs", **more: object) -> str:
        """A page with this state and some more parts."""
        pairs = {**self.pairs(), **{name: str(value) for name, value in more.items()}}
        return f"{path}?{urlencode(pairs)}" if pairs else path

    def narrowed(self, name: str, value: str, *, out: bool = False) -> str:
        """The address of this search with a field's value asked for, or left out."""
        test: language.Test = Text(value) if value else language.Exists()
        wanted: Node = Field(name, test)
        # An empty value is found by what is not there.
        wanted = Not(wanted) if out != (not value) else wanted
        try:
            known = parse(self.query)
        except QueryError:
            return self.address()
        parts = [wanted] if isinstance(known, language.Everything) else [known, wanted]
        return replace(self, query=language.text_of(language.joined(And, parts))).address()

    def within(self, start: datetime, end: datetime) -> str:
        """The address of this search between two moments."""
        return replace(self, range=times.of(start, end).text).address()


def state_of(found: QueryDict) -> State:
    """The state in an address; what cannot be is left out."""
    given = [name.strip() for part in found.getlist("columns") for name in part.split(",")]
    chosen = tuple(dict.fromkeys(name for name in given if name))[:MOST_COLUMNS]
    return State(
        found.get("query", "").strip(),
        " ".join(found.get("range", "").split()) or DEFAULT_RANGE,
        chosen if "columns" in found else DEFAULT_COLUMNS,
        found.get("wrap") == "1",
    )


@dataclass(frozen=True)
class Row:
    """One line of the list. ``day`` is set on the first line of another day than the one above."""

    line: Line
    address: str
    at: str
    day: str
    cells: Sequence[tuple[str, str]]
    first: SafeString
    rest: str
    folded: int


def rows_of(lines: Iterable[Line], state: State, day: str = "") -> list[Row]:
    """Lines as rows; ``day`` is that of the row above them."""
    marks = _marks(state.query)
    found = []
    for line in lines:
        local = timezone.localtime(line.time)
        today = day_of(line.time)
        first, _, rest = line.body[:LONGEST].partition("\n")
        found.append(
            Row(
                line,
                state.address(f"/logs/line/{line.cursor}"),
                f"{local:%H:%M:%S}.{local.microsecond // 1000:03}",
                today if today != day else "",
                [(name, value_of(line, name)) for name in state.columns],
                marked(first, marks),
                rest,
                line.body.count("\n"),
            )
        )
        day = today
    return found


def day_of(moment: datetime) -> str:
    """The day in the person's zone with its offset: ``Mon 23 Nov 2026, +01:00``."""
    local = timezone.localtime(moment)
    offset = local.strftime("%z")
    return f"{local:%a} {local.day} {local:%b %Y}, {offset[:3]}:{offset[3:5]}"


def value_of(line: Line, name: str) -> str:
    """The value of a column or an attribute of a line."""
    if name in COLUMNS or name == "level":
        value = getattr(line, _ATTRIBUTE.get(name, name))
        return str(value or "")
    return line.attributes.get(name.removeprefix("attributes."), "")


def _marks(query: str) -> re.Pattern[str] | None:
    """What the query looks for in the text, to be shown in it."""
    try:
        terms = list(_terms(parse(query)))
    except QueryError:
        return None
    return re.compile("|".join(sorted(terms, key=len, reverse=True)), re.IGNORECASE) if terms else None


def _terms(node: Node) -> Iterable[str]:
    match node:
        case And() | Or():
            for part in node.parts:
                yield from _terms(part)
        case Text():
            yield re.escape(node.text)
        case Glob():
            yield r"\S*".join(map(re.escape, node.parts))


def marked(text: str, marks: re.Pattern[str] | None) -> SafeString:
    """The text with what was looked for marked."""
    if marks is None:
        return format_html("{}", text)
    parts, place = [], 0
    for found in marks.finditer(text):
        if found.end() > found.start():
            parts.append(format_html("{}<mark>{}</mark>", text[place : found.start()], found[0]))
            place = found.end()
    return format_html("{}{}", format_html_join("", "{}", ((part,) for part in parts)), text[place:])


# The histogram.

WIDTH, HEIGHT = 1200, 72
_ORDER = (*reversed(LEVELS), "")


@dataclass(frozen=True)
class Bar:
    """One bucket: where it stands, its parts from the bottom up, and where a click leads."""

    x: float
    width: float
    parts: Sequence[tuple[str, float, float]]
    start: datetime
    end: datetime
    counts: Sequence[tuple[str, int]]
    total: int
    address: str


@dataclass(frozen=True)
class Bars:
    """The histogram drawn in a box of ``WIDTH`` by ``HEIGHT``."""

    bars: Sequence[Bar]
    levels: Sequence[tuple[str, int]]
    most: int
    total: int
    width: int = WIDTH
    height: int = HEIGHT


def bars_of(found: Histogram, state: State) -> Bars:
    """The histogram as rectangles; the worst level stands at the bottom, where it is seen best."""
    levels = [level for level in _ORDER if level in found.counts]
    totals = [sum(found.counts[level][place] for level in levels) for place in range(len(found.starts))]
    most = max(totals, default=0)
    width = WIDTH / max(len(found.starts), 1)
    bars = []
    for place, start in enumerate(found.starts):
        end = start + found.step
        counts = [(level, found.counts[level][place]) for level in levels if found.counts[level][place]]
        bars.append(
            Bar(
                round(place * width, 2),
                round(max(width - 1.5, 0.5), 2),
                _stacked(counts, most),
                start,
                end,
                counts,
                totals[place],
                state.within(start, end),
            )
        )
    return Bars(bars, [(level, sum(found.counts[level])) for level in levels], most, sum(totals))


def _stacked(counts: Sequence[tuple[str, int]], most: int) -> list[tuple[str, float, float]]:
    """(level, y, height) of each part. A part with any line at all is at least seen."""
    bottom = float(HEIGHT)
    parts = []
    for level, count in counts:
        height = max(count / most * (HEIGHT - 4), 1.5)
        bottom -= height
        parts.append((level or "none", round(max(bottom, 0), 2), round(height, 2)))
    return parts


@dataclass(frozen=True)
class Choice:
    """One value of a facet with the links that narrow the search."""

    value: str
    shown: str
    lines: int
    only: str
    without: str


def choices_of(facet: Facet, state: State, patterns: Mapping[str, str]) -> list[Choice]:
    """The values of a facet. ``patterns`` are the templates of patterns by number."""
    return [
        Choice(
            value,
            patterns.get(value, value) if facet.field == "pattern" else value,
            count,
            state.narrowed(facet.field, value),
            state.narrowed(facet.field, value, out=True),
        )
        for value, count in facet.values
    ]


def fields_of(line: Line, state: State) -> list[dict[str, Any]]:
    """Every field of a line that is not empty, with the links that narrow the search by it."""
    columns = ("service", "level", "stream", "source", "format", "trace_id", "span_id", "exception", "frame")
    found = [(name, str(getattr(line, name))) for name in columns]
    found += [("pattern", str(line.pattern or "")), ("fingerprint", str(line.fingerprint or ""))]
    known = [(name, name, value) for name, value in found if value]
    # An attribute that is called like a column is asked for by its full name.
    taken = {*columns, "trace", "span", "pattern", "fingerprint", "cause", "body", "message"}
    known += [(name, f"attributes.{name}" if name in taken else name, value) for name, value in line.attributes.items()]
    return [
        {
            "name": name,
            "value": value,
            "only": state.narrowed(field, value),
            "without": state.narrowed(field, value, out=True),
            "journey": state.address("/logs/journey", key=value) if _is_key(name, value) else "",
        }
        for name, field, value in known
    ]


def _is_key(name: str, value: str) -> bool:
    """Whether a value may tie lines of several services together: a trace, or what holds digits and is no measure."""
    if name == "trace_id":
        return True
    plain = name not in {"span_id", "pattern", "fingerprint", "frame", "stream", "service", "level"}
    return plain and 4 <= len(value) <= 80 and sum(map(str.isdigit, value)) >= 3 and "." not in value
