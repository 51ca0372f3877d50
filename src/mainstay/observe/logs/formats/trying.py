"""What a format makes of single lines: which part is what, and of a line that does not fit, how far it does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import orjson
import polars as pl

from mainstay.observe.logs.formats.apply import ORIGINAL, laid_over, with_lines
from mainstay.observe.logs.formats.definition import Format
from mainstay.observe.logs.formats.pattern import Pattern
from mainstay.observe.logs.frame import of_texts
from mainstay.observe.logs.lines import Origin
from mainstay.observe.logs.reading.read import Source, read

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Piece:
    """A stretch of a line and the field that it is, empty for what stands between fields."""

    text: str
    field: str = ""


@dataclass(frozen=True)
class Tried:
    """A line taken apart into pieces, with ``rest`` that the pattern does not reach.

    Of a line that fits, the others are what is stored. Of one that does not, ``stopped_at`` is the part of the pattern
    that found nothing there; it is empty for a line that lacks the text that it must hold, which is not looked at.
    """

    line: str
    fits: bool
    pieces: tuple[Piece, ...] = ()
    rest: str = ""
    stopped_at: str = ""
    time: datetime | None = None
    level: str = ""
    message: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


def tried(one: Format, lines: Sequence[str], now: datetime, most: int, source: Source | None = None) -> list[Tried]:
    """What a format makes of lines (N); ``most`` signs of each are looked at."""
    source = source or Source()
    texts = pl.Series([line.partition("\n")[0][:most] for line in lines], dtype=pl.String)
    records = read(with_lines(of_texts(texts, Origin())), now, source, whole=True)
    bodies = records["body"].str.slice(0, most)
    stored = laid_over(records, [replace(one, services=frozenset())], now, source, most)
    reached = [_reached(one.pattern, of) for of in (texts, bodies)]
    chosen = [text if far >= near else body for text, body, far, near in zip(texts, bodies, *reached, strict=True)]
    counts = [max(both) for both in zip(*reached, strict=True)]
    pieces = _pieces(one.pattern, chosen, counts)
    return [_one(one, *row) for row in zip(texts, chosen, counts, pieces, stored.iter_rows(named=True), strict=True)]


def _one(
    one: Format, line: str, chosen: str, count: int, pieces: tuple[Piece, ...], row: Mapping[str, object]
) -> Tried:
    if one.contains not in line:
        return Tried(line, fits=False, rest=line)
    rest = chosen[sum(len(piece.text) for piece in pieces) :]
    # A header that was understood stands before what the pattern saw.
    if chosen != line and line.endswith(chosen):
        pieces = (Piece(line.removesuffix(chosen)), *pieces)
    if row["format"] != one.key:
        return Tried(line, False, pieces, rest, _visible(one.pattern, count))
    said = orjson.loads(str(row["attributes"]))
    fields = {name: value for name, value in said.items() if value and name != ORIGINAL}
    fields |= {name: str(row[name]) for name in ("trace_id", "span_id") if row[name]}
    time = row["time"]
    moment = _EPOCH + timedelta(microseconds=time) if isinstance(time, int) else None
    return Tried(line, True, pieces, rest, "", moment, str(row["level"]), str(row["body"]), fields)


def _visible(pattern: Pattern, place: int) -> str:
    """An element as it is written; a blank with the one after it."""
    text = "".join(one.text for one in pattern.elements[place : place + 2])
    return text if pattern.elements[place].text.isspace() else pattern.elements[place].text


def _reached(pattern: Pattern, texts: pl.Series) -> list[int]:
    """How many of the first elements of a pattern fit each text (N). What fits more fits fewer, so halving finds it."""
    low, high = [0] * texts.len(), [len(pattern.elements)] * texts.len()
    while True:
        asked: dict[int, list[int]] = {}
        for place, (sure, most) in enumerate(zip(low, high, strict=True)):
            if sure < most:
                asked.setdefault((sure + most + 1) // 2, []).append(place)
        if not asked:
            return low
        for count, places in asked.items():
            fits = texts.gather(places).str.contains(pattern.first(count).expression())
            for place, good in zip(places, fits, strict=True):
                low[place], high[place] = (count, high[place]) if good else (low[place], count - 1)


def _pieces(pattern: Pattern, texts: Sequence[str], counts: Sequence[int]) -> list[tuple[Piece, ...]]:
    """The stretches of texts (N) that the first so many elements stand for."""
    found: list[tuple[Piece, ...]] = [()] * len(texts)
    for count in set(counts) - {0}:
        places = [place for place, reached in enumerate(counts) if reached == count]
        elements = pattern.elements[:count]
        captured = [replace(one, expression=f"(?P<e{n}>{one.expression})") for n, one in enumerate(elements)]
        expression = replace(pattern, elements=tuple(captured)).expression()
        groups = pl.Series([texts[place] for place in places]).str.extract_groups(expression).struct.unnest()
        names = [" ".join(dict.fromkeys(part.name for part in one.fields)) for one in elements]
        for place, row in zip(places, groups.iter_rows(named=True), strict=True):
            found[place] = _merged([Piece(row[f"e{n}"] or "", name) for n, name in enumerate(names)])
    return found


def _merged(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """Stretches without those that are empty, and what stands between fields as one."""
    found: list[Piece] = []
    for piece in pieces:
        if found and not piece.field and not found[-1].field:
            found[-1] = Piece(found[-1].text + piece.text)
        elif piece.text:
            found.append(piece)
    return tuple(found)
