"""Equal texts of a column as numbers, so that what few of them say is worked out once for each."""

import polars as pl


def kinds_of(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """For each text (N, UInt32) the number of its kind from 0, and for each kind (K) the place of its first text."""
    # Categories of our own: those that all columns share would be kept as long as any of them lives.
    codes = texts.cast(pl.Categorical(pl.Categories.random())).to_physical()
    seen = codes.to_frame("code").with_row_index("place").unique("code", keep="first", maintain_order=True)
    return codes.replace_strict(seen["code"], pl.int_range(seen.height, dtype=pl.UInt32, eager=True)), seen["place"]
