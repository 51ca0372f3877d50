"""What was understood of each file of a bundle."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import polars as pl


@dataclass
class FileReport:
    """One file. Moments are microseconds since 1970 UTC; ``timed`` is how many records have a moment of their own."""

    file: str
    service: str = ""
    lines: int = 0
    records: int = 0
    timed: int = 0
    first: int | None = None
    last: int | None = None
    layout: str = ""
    encoding: str = ""
    assumed: list[str] = field(default_factory=list)
    formats: Counter[str] = field(default_factory=Counter)
    levels: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def add(self, records: pl.DataFrame) -> None:
        """Count the records of one block, as ``reading.read`` gives them."""
        self.records += records.height
        times = records["time"].drop_nulls()
        self.timed += times.len()
        if times.len():
            low, high = int(times.min() or 0), int(times.max() or 0)  # type: ignore[arg-type]
            self.first = low if self.first is None else min(self.first, low)
            self.last = high if self.last is None else max(self.last, high)
        for name, counter in (("format", self.formats), ("level", self.levels)):
            counter.update({value or "none": count for value, count in records[name].value_counts().iter_rows()})

    def as_row(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "file": self.file,
            "service": self.service,
            "lines": self.lines,
            "records": self.records,
            "formats": dict(self.formats.most_common()),
            "first": _stamp(self.first),
            "last": _stamp(self.last),
            "with_time": round(self.timed / self.records, 4) if self.records else None,
            "levels": dict(self.levels.most_common()),
            "layout": self.layout,
            "encoding": self.encoding,
            "assumed": self.assumed,
            "problems": self.problems,
        }


def _stamp(micros: int | None) -> str | None:
    if micros is None:
        return None
    return datetime.fromtimestamp(micros / 1_000_000, UTC).isoformat().replace("+00:00", "Z")
