"""A log file without a server: read, mined and compared by the code of intake."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from mainstay.observe.logs import compare, redaction
from mainstay.observe.logs.formats import apply
from mainstay.observe.logs.formats.definition import Format
from mainstay.observe.logs.frame import NO_ATTRIBUTES
from mainstay.observe.logs.patterns.miner import Limits, Miner, tag_all
from mainstay.observe.logs.reading.read import Source, read

_LIMITS = Limits(learned=1_000_000)
_MOVED_OF, _SAMPLE = 200, 2000
# A file whose lines tell no time is as long as it has lines.
_SECONDS_A_LINE = 1.0


class FileError(Exception):
    """A file cannot be read; the text says why."""


@dataclass(frozen=True)
class Difference:
    """One thing that changed: a pattern that came, went, or is another number of lines, or a value of it that moved."""

    kind: str
    level: str
    before: int
    during: int
    template: str
    score: float
    detail: str = ""


def lines_of(path: Path) -> pl.Series:
    """The lines of a file, plain or compressed, whatever its encoding. Raises ``FileError``."""
    try:
        data = _unpacked(path)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise FileError(
            f"{path}: {error.strerror if isinstance(error, OSError) and error.strerror else error}"
        ) from error
    return split(decode(data))


def _unpacked(path: Path) -> bytes:
    if path.suffix == ".gz":
        with gzip.open(path) as file:
            return file.read()
    if path.suffix == ".bz2":
        return bz2.decompress(path.read_bytes())
    if path.suffix == ".xz":
        return lzma.decompress(path.read_bytes())
    return path.read_bytes()


def decode(data: bytes) -> str:
    """Bytes as text: by their mark, as UTF-8, else as Latin-1, which takes everything. NUL characters go."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, "replace").replace("\x00", "")
    try:
        return data.decode().replace("\x00", "")
    except UnicodeDecodeError:
        return data.decode("latin-1").replace("\x00", "")


def split(text: str) -> pl.Series:
    """The physical lines of a text (N); what follows the last line feed is a line unless it is empty."""
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return pl.Series(lines, dtype=pl.String).str.strip_chars_end("\r")


def records_of(lines: pl.Series, now: datetime, formats: Sequence[Format] = (), *, plain: bool) -> pl.DataFrame:
    """The records of physical lines, as ``reading.read`` gives them; ``plain`` takes each line as a bare message.

    ``formats`` go before what is guessed, whatever services they are for: a file does not say whose it is.
    """
    frame = pl.DataFrame({"body": lines}).with_columns(
        pl.lit(0).alias("which"),
        pl.lit(None, dtype=pl.Int64).alias("time"),
        *(pl.lit("").alias(name) for name in ("level", "service", "trace_id", "span_id")),
        pl.lit(NO_ATTRIBUTES).alias("attributes"),
    )
    if plain:
        return frame.with_columns(lines=pl.lit(1, dtype=pl.UInt32), format=pl.lit("raw"))
    if not formats:
        return read(frame, now, Source(), whole=False)
    own = [replace(one, services=frozenset()) for one in formats]
    begun = apply.begun(frame, own, apply.bounds())
    records = read(apply.with_lines(frame), now, Source(), whole=False, begun=begun)
    return apply.laid_over(records, own, now, Source(), apply.bounds())


def patterns(lines: pl.Series, now: datetime, formats: Sequence[Format] = (), *, plain: bool = False) -> pl.DataFrame:
    """``line`` (1-based), ``group`` and ``template`` of each physical line; lines of one record share a group."""
    records = records_of(lines, now, formats, plain=plain)
    numbers, miner = tag_all(records["body"], _LIMITS)
    texts = _templates(miner, numbers)
    tagged = pl.DataFrame({"group": numbers, "lines": records["lines"]}).join(
        texts, on="group", how="left", maintain_order="left"
    )
    spread = tagged.select(pl.col("group", "template").repeat_by("lines")).explode("group", "template")
    return spread.with_columns(line=pl.int_range(1, pl.len() + 1)).select("line", "group", "template")


def _templates(miner: Miner, numbers: pl.Series) -> pl.DataFrame:
    known = {number: found.template if (found := miner.pattern(number)) else "" for number in numbers.unique()}
    schema = {"group": pl.UInt64, "template": pl.String}
    return pl.DataFrame({"group": list(known), "template": list(known.values())}, schema=schema)


def diff(
    before: pl.Series, during: pl.Series, now: datetime, formats: Sequence[Format] = (), *, plain: bool = False
) -> list[Difference]:
    """What changed from the lines of one file to those of another, the most telling first."""
    parts = [records_of(lines, now, formats, plain=plain) for lines in (before, during)]
    bodies = redaction.redact(pl.concat([part["body"] for part in parts]), ("cards", "secrets"))
    numbers, miner = tag_all(bodies, _LIMITS)
    cut = parts[0].height
    counts = [
        compare.counts_of(found, part["service"].fill_null(""), part["level"])
        for found, part in zip((numbers.head(cut), numbers.slice(cut)), parts, strict=True)
    ]
    lengths = [_seconds(part) for part in parts]
    if None in lengths:
        lengths = [max(part.height * _SECONDS_A_LINE, 1.0) for part in parts]
    ranked = compare.compare(counts[0], counts[1], float(lengths[0] or 1.0), float(lengths[1] or 1.0))
    found = [
        Difference(
            row["kind"],
            row["level"],
            int(row["before"]),
            int(row["during"]),
            _text(miner, row["pattern"]),
            row["score"],
        )
        for row in ranked.iter_rows(named=True)
    ]
    moved = _moved(miner, numbers, bodies, cut)
    return sorted([*found, *moved], key=lambda one: -one.score)


def _text(miner: Miner, number: int) -> str:
    found = miner.pattern(number)
    return found.template if found else ""


def _seconds(records: pl.DataFrame) -> float | None:
    """How long a file lasts by the moments that its lines tell of, or nothing when they tell of none."""
    times = records["time"].drop_nulls()
    if times.len() < 2:
        return None
    first, last = times.quantile(0.01), times.quantile(0.99)
    length = timedelta(microseconds=float(last or 0) - float(first or 0)).total_seconds()
    return length if length >= 1 else None


def _moved(miner: Miner, numbers: pl.Series, bodies: pl.Series, cut: int) -> list[Difference]:
    """Values that moved in the patterns that are common to both files, the most frequent of them."""
    frame = pl.DataFrame({"pattern": numbers, "body": bodies, "after": pl.int_range(numbers.len(), eager=True) >= cut})
    common = (
        frame.group_by("pattern")
        .agg(after=pl.col("after").sum(), lines=pl.len())
        .filter((pl.col("after") > 0) & (pl.col("after") < pl.col("lines")))
        .sort("lines", descending=True)
        .head(_MOVED_OF)
    )
    found = []
    for number, during, lines in common.iter_rows():
        mine = frame.filter(pl.col("pattern") == number)
        was, now = (mine.filter(pl.col("after") == side)["body"].head(_SAMPLE) for side in (False, True))
        text = _text(miner, number)
        for one in compare.moved(was, now, text)[:1]:
            detail = f"value {one.place + 1}: {one.before} before, {one.during} now"
            found.append(Difference("moved", "", lines - during, during, text, one.score, detail))
    return found
