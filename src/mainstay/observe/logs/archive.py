"""Days of log lines as Parquet files: written, read back, and only then taken out of the store when asked."""

from collections.abc import Iterator
from typing import IO

import polars as pl
import pyarrow.parquet as pq

from mainstay.observe.logs import frame

BATCH = 50_000


def rows_of(file: IO[bytes]) -> Iterator[pl.DataFrame]:
    """The lines of an archive, as rows of the table, in batches. Raises ``OSError`` when it is no Parquet."""
    for batch in pq.ParquetFile(file).iter_batches(BATCH):
        found = pl.from_arrow(batch)
        if not isinstance(found, pl.DataFrame) or "body" not in found.columns:
            raise OSError("this Parquet file has no column named body")
        known = [
            name for name in frame.COLUMNS if name in found.columns and name not in {"id", "received", "keep_days"}
        ]
        yield found.select(known)
