"""The tables of the telemetry store and how a spooled batch is put into each.

A batch is column-wise JSON (ClickHouse's ``JSONColumns``): a person can read it, ``orjson`` writes it in one call, and
the engine parses it at some hundred MB a second. Sample values travel as the bits of the float, because JSON has no
NaN and PromQL's staleness marker is one particular NaN.
"""

from dataclasses import dataclass

from mainstay.core.settings import Loaded


@dataclass(frozen=True)
class Table:
    """One table: its columns as DDL, its order, and how rows of a batch become rows of the table."""

    name: str
    ddl: str
    engine: str
    order: str
    time_column: str
    retention: str | None
    batch: str
    select: str

    def create(self, days: int | None) -> str:
        """The statement that makes the table. fsync puts an insert on disk before the spool forgets it."""
        partition = (
            f" PARTITION BY toYYYYMMDD({self.time_column}) TTL toDateTime({self.time_column}) + toIntervalDay({days})"
        )
        return (
            f"CREATE TABLE IF NOT EXISTS {self.name} ({self.ddl}) ENGINE = {self.engine}"
            f"{partition if days else ''} ORDER BY {self.order} "
            "SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000"
            + (", ttl_only_drop_parts = 1" if days else "")
        )

    def insert(self) -> str:
        """The statement that takes a batch."""
        return f"INSERT INTO {self.name} SELECT {self.select} FROM input('{self.batch}') FORMAT JSONColumns"


TEXT = "LowCardinality(String)"
ATTRIBUTES = f"Map({TEXT}, String)"

SERIES = Table(
    "series",
    f"id UInt64, name {TEXT}, labels {ATTRIBUTES}, last_seen DateTime64(3, 'UTC')",
    "ReplacingMergeTree(last_seen)",
    "(name, id)",
    "last_seen",
    None,
    "id UInt64, name String, labels Map(String, String), last_seen Int64",
    "id, name, labels, fromUnixTimestamp64Milli(last_seen, 'UTC')",
)
SAMPLES = Table(
    "samples",
    "series_id UInt64, time DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)), value Float64 CODEC(Gorilla, ZSTD(1))",
    "MergeTree",
    "(series_id, time)",
    "time",
    "metrics",
    "series_id UInt64, time Int64, bits UInt64",
    "series_id, fromUnixTimestamp64Milli(time, 'UTC'), reinterpretAsFloat64(bits)",
)
LOGS = Table(
    "logs",
    f"time DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)), service {TEXT}, level {TEXT}, body String CODEC(ZSTD(1)), "
    f"trace_id String CODEC(ZSTD(1)), span_id String CODEC(ZSTD(1)), attributes {ATTRIBUTES}, source {TEXT}",
    "MergeTree",
    "(service, time)",
    "time",
    "logs",
    "time Int64, service String, level String, body String, trace_id String, span_id String, "
    "attributes Map(String, String), source String",
    "fromUnixTimestamp64Milli(time, 'UTC'), service, level, body, trace_id, span_id, attributes, source",
)
OCCURRENCES = Table(
    "occurrences",
    f"time DateTime64(3, 'UTC'), fingerprint String, name {TEXT}, state {TEXT}, source {TEXT}, labels {ATTRIBUTES}",
    "MergeTree",
    "(name, fingerprint, time)",
    "time",
    "occurrences",
    "time Int64, fingerprint String, name String, state String, source String, labels Map(String, String)",
    "fromUnixTimestamp64Milli(time, 'UTC'), fingerprint, name, state, source, labels",
)
CHANGES = Table(
    "changes",
    f"time DateTime64(3, 'UTC'), service {TEXT}, kind {TEXT}, id String, summary String, author String, "
    f"version String, link String, diff String, received DateTime64(3, 'UTC')",
    "ReplacingMergeTree(received)",
    "(service, time, id)",
    "time",
    "changes",
    "time Int64, service String, kind String, id String, summary String, author String, version String, link String, "
    "diff String, received Int64",
    "fromUnixTimestamp64Milli(time, 'UTC'), service, kind, id, summary, author, version, link, diff, "
    "fromUnixTimestamp64Milli(received, 'UTC')",
)
TABLES = {table.name: table for table in (SERIES, SAMPLES, LOGS, OCCURRENCES, CHANGES)}


def statements(conf: Loaded) -> list[str]:
    """What makes the tables and brings their retention to what the settings say. Safe to run again and again."""
    found = []
    for table in TABLES.values():
        days = getattr(conf, f"retention_{table.retention}_days") if table.retention else None
        found.append(table.create(days))
        if days:
            found.append(
                f"ALTER TABLE {table.name} MODIFY TTL toDateTime({table.time_column}) + toIntervalDay({days}) "
                "SETTINGS materialize_ttl_after_modify = 0"
            )
    return found
