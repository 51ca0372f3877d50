"""The samples of a service from the telemetry store, as the judge takes them."""

from datetime import datetime

import polars as pl

from mainstay.core.settings import current
from mainstay.observe.telemetry import services as telemetry

_SCHEMA = {"time": pl.Float64, "service": pl.String, "instance": pl.String, "metric": pl.String, "value": pl.Float64}
# Labels that say whose series it is, which has columns of its own.
_WHOSE = frozenset({"service", "instance", "job"})


def samples(service: str, span: tuple[datetime, datetime]) -> pl.DataFrame:
    """All samples of a service in a span. Raises ``TelemetryError`` when the store does not answer."""
    start, end = (int(one.timestamp() * 1000) for one in span)
    series = telemetry.rows(
        "SELECT id, name, labels FROM series FINAL WHERE labels['service'] = {service:String} "
        "AND last_seen >= fromUnixTimestamp64Milli({start:Int64}) AND NOT endsWith(name, '_bucket') "
        "ORDER BY name, id LIMIT {most:UInt32}",
        # A series is written again once an hour, so one that was seen last a while before may still have samples.
        {"service": service, "start": start - 2 * 3_600_000, "most": current().release_max_series},
    )
    if not series:
        return pl.DataFrame(schema=_SCHEMA)
    rows = telemetry.rows(
        "SELECT series_id, toUnixTimestamp64Milli(time) / 1000, value FROM samples "
        "WHERE series_id IN {ids:Array(UInt64)} AND time > fromUnixTimestamp64Milli({start:Int64}) "
        "AND time <= fromUnixTimestamp64Milli({end:Int64}) AND isFinite(value)",
        {"ids": [one[0] for one in series], "start": start, "end": end},
    )
    names = pl.DataFrame(
        [(one[0], service, one[2].get("instance", ""), _name(one[1], one[2])) for one in series],
        schema={"id": pl.UInt64, "service": pl.String, "instance": pl.String, "metric": pl.String},
        orient="row",
    )
    read = pl.DataFrame(rows, schema={"id": pl.UInt64, "time": pl.Float64, "value": pl.Float64}, orient="row")
    return read.join(names, on="id").select(*_SCHEMA)


def _name(name: str, labels: dict[str, str]) -> str:
    told = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()) if key not in _WHOSE and value)
    return f"{name}{{{told}}}" if told else name
