"""Text of a file in large blocks that end where a record ends, whatever its encoding and layout."""

import codecs
import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import orjson
import polars as pl

from mainstay.observe.intake import journald
from mainstay.observe.intake.bundle.unpack import Stream
from mainstay.observe.logs.agent.text import last_begin
from mainstay.observe.logs.reading import structured

BLOCK = 8_000_000
_HEAD = 65_536
# A document of JSON, which must be read as a whole, may have this many bytes.
_DOCUMENT = 256_000_000
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# All bytes but the control characters that no text has: more than a few of those are no text.
_TEXT = bytes({*range(256)} - {*range(32), 127} | set(b"\t\n\r\f\x1b"))
_CSV_NAMES = {name.lower() for names in structured.KNOWN.values() for name in names}


class NotTextError(ValueError):
    """A file holds no lines of text; the text says what it seems to be."""


@dataclass
class Told:
    """What was found out about a file while reading it."""

    encoding: set[str] = field(default_factory=set)
    layout: str = "lines"


def layout_of(head: bytes) -> str:
    """``parquet``, ``journal``, ``json document``, ``csv`` or ``lines``, by the first bytes of a file as UTF-8."""
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"__CURSOR=", b"__REALTIME_TIMESTAMP=")):
        return "journal"
    start = b"".join(head[:200].split())
    if start.startswith((b"[{", b'{"Records":[', b'{"records":[')):
        return "json document"
    return "csv" if _separator(head) else "lines"


def _separator(head: bytes) -> str:
    """What parts the columns of a file that begins with their names; empty when it does not."""
    text = head.decode("utf-8", "replace").replace("\r\n", "\n")
    for sign in ",;\t|":
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=sign)
        try:
            names, first = next(rows, []), next(rows, [])
        except csv.Error:
            continue
        if len({name.strip().lower() for name in names} & _CSV_NAMES) > 1 and len(first) == len(names):
            return sign
    return ""


def texts(stream: Stream, told: Told) -> Iterator[pl.Series]:
    """The lines of a file, a column a block. Raises ``NotTextError``."""
    whole = _utf8(stream, told)
    first = next(whole, b"")
    told.layout = layout_of(first[:_HEAD])
    again = _again(first, whole)
    if told.layout == "json document":
        yield from _documents(again)
    elif told.layout == "csv":
        yield from _tables(again, _separator(first[:_HEAD]))
    else:
        for block in _cut(again, last_begin):
            yield _lines(block)


def journal_blocks(stream: Stream) -> Iterator[bytes]:
    """Whole entries of a journal."""
    yield from _cut(iter(lambda: stream.read(BLOCK // 4), b""), journald.split)


def _again(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _utf8(stream: Stream, told: Told) -> Iterator[bytes]:
    """The bytes of a file as UTF-8, in pieces that end anywhere but within a sign, without NUL characters."""
    head = stream.peek(_HEAD)
    encoding = _encoding(head)
    decoder = codecs.getincrementaldecoder(encoding)("strict" if encoding == "utf-8" else "replace")
    told.encoding.add(encoding)
    while data := stream.read(BLOCK):
        try:
            text = decoder.decode(data)
        except UnicodeDecodeError:
            # What is no UTF-8 was written on Windows, or is damaged in some places only.
            decoder.reset()
            text = data.decode("cp1252", "replace")
            told.encoding.add("cp1252")
        yield text.replace("\x00", "").encode("utf-8", "replace")
    yield decoder.decode(b"", final=encoding != "utf-8").encode("utf-8", "replace")


def _encoding(head: bytes) -> str:
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    zeros = head.count(0)
    if not zeros and len(head.translate(None, _TEXT)) <= len(head) // 20:
        return "utf-8"
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if zeros > len(head) // 5 and min(even, odd) * 20 < max(even, odd):
        return "utf-16-le" if odd > even else "utf-16-be"
    if len(head.translate(None, _TEXT)) > len(head) // 20:
        raise NotTextError("this is no text")
    return "utf-8"


def _cut(pieces: Iterator[bytes], end_of: Callable[[bytes], int]) -> Iterator[bytes]:
    """Pieces joined and cut again where ``end_of`` says that whole records end. The last one is what is left."""
    waiting = b""
    for piece in pieces:
        waiting += piece
        if len(waiting) < BLOCK:
            continue
        lines = waiting.rfind(b"\n") + 1
        # A record that is larger than a block is cut at a line, a line that is larger anywhere.
        end = end_of(waiting[:lines]) or lines or (len(waiting) if len(waiting) > 4 * BLOCK else 0)
        if end:
            yield waiting[:end]
            waiting = waiting[end:]
    if waiting:
        yield waiting


def _lines(block: bytes) -> pl.Series:
    lines = block.decode("utf-8", "replace").split("\n")
    if not lines[-1]:
        lines.pop()
    return pl.Series(lines, dtype=pl.String)


def _documents(pieces: Iterator[bytes]) -> Iterator[pl.Series]:
    """A list of JSON objects, or an object that holds one, as one line each."""
    whole = bytearray()
    for piece in pieces:
        whole += piece
        if len(whole) > _DOCUMENT:
            raise NotTextError(
                f"one document of JSON of more than {_DOCUMENT // 1_000_000} MB; write one object a line"
            )
    try:
        found = orjson.loads(bytes(whole))
    except ValueError:
        # It only began like one.
        yield _lines(bytes(whole))
        return
    if isinstance(found, dict):
        found = found.get("Records", found.get("records", found))
    entries = found if isinstance(found, list) else [found]
    for start in range(0, len(entries), 20_000):
        yield pl.Series([orjson.dumps(one).decode() for one in entries[start : start + 20_000]], dtype=pl.String)


def _tables(pieces: Iterator[bytes], sign: str) -> Iterator[pl.Series]:
    """Rows of CSV as one line of JSON each, so that their columns are read as fields are."""
    header = b""
    for block in _cut(pieces, _end_of_row):
        if not header:
            header, _, block = block.partition(b"\n")  # noqa: PLW2901
        if not block.strip():
            continue
        table = pl.read_csv(
            io.BytesIO(header + b"\n" + block),
            separator=sign,
            infer_schema=False,
            truncate_ragged_lines=True,
            ignore_errors=True,
        )
        yield table.select(pl.struct(pl.all()).struct.json_encode()).to_series()


def _end_of_row(block: bytes) -> int:
    """Where the last whole row ends: a line feed between quotes ends none."""
    end = len(block)
    while end > 0:
        if block.count(b'"', 0, end) % 2 == 0:
            return end
        end = block.rfind(b"\n", 0, end - 1) + 1
    return 0
