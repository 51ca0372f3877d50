"""Lines that belong to the line before them: stack traces and other continuations."""

import polars as pl

from mainstay.observe.logs.reading.expressions import ascii_only

# Parts of a stack trace that stand at the beginning of a line, as Python, Java, .NET, Go and Node write them.
_TRACE_PARTS = "|".join(
    (
        r"\s+\S",
        r"Caused by: |Suppressed: |\.\.\. \d+ (?:more|common frames)",
        r"Traceback \(most recent call last\):",
        r"The above exception was the direct cause|During handling of the above exception",
        r"[A-Za-z_][\w.$]*(?:Error|Exception|Throwable|Interrupt|Warning)(?::|\s*$)",
        r"goroutine \d+ \[|created by \S+|exit status \d+|\[signal \w+",
        r"[\w./*-]+\.(?:\(\*?[\w.]+\)\.)?[\w.]+\((?:0x|\.\.\.|\{|\)|[^ ]*\)$)",
        r"--- End of |   --->|\s*\}\s*$|Unhandled exception",
    )
)
CONTINUES = ascii_only(rf"\A(?:{_TRACE_PARTS})")
# A trace may also begin a record, where nothing went before it.
_OPENS = r"\A(?:Traceback \(most recent call last\):|panic: |Exception in thread |Unhandled exception)"
# When this share of a stream's lines has a header, a line without one goes on with the line before it.
_MOSTLY = 0.5


def continuations(frame: pl.DataFrame, headed: pl.Series, begun: pl.Series | None = None) -> pl.Series:
    """Which lines (N, Boolean) belong to the line before them in the same ``which``; the first of each never does.

    ``headed`` (N) tells which lines begin a record for certain, and so does ``begun`` (N) for lines that need have
    nothing in common with the others of their stream. Blank lines belong to what they follow.
    """
    known = frame.select("which", "body").with_columns(headed=headed if begun is None else headed | begun)
    part = pl.col("body").str.contains(CONTINUES)
    opens = pl.col("body").str.contains(_OPENS)
    mostly = pl.lit(headed).mean().over("which") >= _MOSTLY
    blank = pl.col("body").str.strip_chars() == ""
    after_indented = pl.col("body").str.contains(r"\A\s+\S").shift(1).over("which").fill_null(value=False)
    # What opens a trace after a line with a header was logged with it.
    after_headed = pl.col("headed").shift(1).over("which").fill_null(value=False)
    first = pl.int_range(pl.len()).over("which") == 0
    within = part & (~opens | after_indented | after_headed)
    goes_on = pl.when(mostly).then(pl.lit(value=True)).otherwise(within | blank)
    return known.select((~pl.col("headed") & ~first & goes_on).alias("continues"))["continues"]


def joined(frame: pl.DataFrame, continues: pl.Series, most_lines: int) -> pl.DataFrame:
    """One row a record: ``body`` joined by line feeds, everything else of its first line, ``lines`` how many it was.

    A record of more than ``most_lines`` lines goes on in a further one.
    """
    if not continues.any():
        return frame.with_columns(lines=pl.lit(1, dtype=pl.UInt32))
    ordered = frame.with_columns(continues=continues, place=pl.int_range(pl.len())).sort("which", maintain_order=True)
    # Most lines are records of their own, which need no grouping.
    several = ordered["continues"] | ordered["continues"].shift(-1, fill_value=False)
    alone = ordered.filter(~several).with_columns(lines=pl.lit(1, dtype=pl.UInt32))
    grouped = ordered.filter(several).with_columns(record=(~pl.col("continues")).cum_sum())
    grouped = grouped.with_columns(part=pl.int_range(pl.len()).over("record") // most_lines)
    rest = [pl.col(name).first() for name in frame.columns if name != "body"]
    records = grouped.group_by("record", "part", maintain_order=True).agg(
        pl.col("body").str.join("\n").str.strip_chars_end(),
        pl.len().cast(pl.UInt32).alias("lines"),
        pl.col("place").first(),
        *rest,
    )
    columns = [*frame.columns, "lines"]
    return pl.concat([alone.select(*columns, "place"), records.select(*columns, "place")]).sort("place").select(columns)
