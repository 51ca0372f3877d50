"""The headers of many lines taken apart: an expression with groups is slow, so it is asked once for each kind.

Where a header ends is told by the automaton alone. Headers that differ in nothing but the digits of their moment are
one kind: styles treat all digits alike, so what holds for one holds for all of them.
"""

import re
from dataclasses import dataclass

import polars as pl

from mainstay.observe.logs.reading.headers import HEAD, Style

# In front of what is left of a header without its moment, where others are kept whole.
_CUT = "\0"


@dataclass(frozen=True)
class Heads:
    """``head`` and ``stamp`` of each line (N); ``kind`` (N) is the row of ``kinds`` that has its named parts."""

    head: pl.Series
    stamp: pl.Series
    kind: pl.Series
    kinds: pl.DataFrame


def apart(bodies: pl.Series, style: Style) -> Heads:
    """Take the headers of lines (N) apart that are all in one style."""
    head = bodies.str.slice(0, HEAD).str.extract(style.bare, 0)
    place, stamp = _moment_of(head, style)
    if not stamp:
        kind, first = _kinds(head)
        kinds = _groups(head.gather(first), style)
        said = (
            kinds["stamp"] if "stamp" in kinds.columns else pl.repeat(None, kinds.height, dtype=pl.String, eager=True)
        )
        return Heads(head, said.gather(kind), kind, kinds)
    shape = "".join(r"[0-9]" if sign in "0123456789" else re.escape(sign) for sign in head[0][: place + len(stamp)])
    alike = head.str.contains(rf"\A{shape}")
    rest = head.str.slice(place + len(stamp))
    cut = pl.concat_str(pl.lit(_CUT), head.str.slice(0, place), rest) if place else pl.concat_str(pl.lit(_CUT), rest)
    kind, first = _kinds(pl.select(pl.when(alike).then(cut).otherwise(head)).to_series())
    kinds = _groups(head.gather(first), style)
    own = head.str.slice(place, len(stamp))
    return Heads(head, own.zip_with(alike, kinds["stamp"].gather(kind)), kind, kinds)


def _groups(heads: pl.Series, style: Style) -> pl.DataFrame:
    return heads.str.extract_groups(style.expression).struct.unnest()


def _moment_of(head: pl.Series, style: Style) -> tuple[int, str]:
    """Where the moment of the first header stands, and the moment; no text where digits are not alike."""
    if not style.digits_alike or not head.len():
        return 0, ""
    found = _groups(head.head(1), style)
    stamp = found["stamp"][0] if "stamp" in found.columns else None
    return (head[0].find(stamp), stamp) if stamp else (0, "")


def _kinds(keys: pl.Series) -> tuple[pl.Series, pl.Series]:
    """For each text (N) the number of its kind from 0, and for each kind the place of its first text."""
    codes = keys.cast(pl.Categorical(pl.Categories.random())).to_physical()
    seen = codes.to_frame("code").with_row_index("place").unique("code", keep="first", maintain_order=True)
    return codes.replace_strict(seen["code"], pl.int_range(seen.height, dtype=pl.UInt32, eager=True)), seen["place"]
