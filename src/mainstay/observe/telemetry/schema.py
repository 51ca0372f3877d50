"""The tables of the telemetry store and how a spooled batch is put into each.

A batch is column-wise JSON (ClickHouse's ``JSONColumns``): a person can read it, ``orjson`` writes it in one call, and
the engine parses it at some hundred MB a second. Log lines, of which there are most, are Arrow: they come as frames,
travel compressed, and go in several times as fast. Sample values travel as the bits of the float, because JSON has no
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
    format: str = "JSONColumns"
    partition: str | None = None
    ttl: str | None = None

    def create(self, days: int | None) -> str:
        """The statement that makes the table. fsync puts an insert on disk before the spool forgets it."""
        partition, ttl = self.partition, self.lifetime(days)
        if ttl and not partition:
            partition = f"toYYYYMMDD({self.time_column})"
        return (
            f"CREATE TABLE IF NOT EXISTS {self.name} ({self.ddl}) ENGINE = {self.engine}"
            f"{f' PARTITION BY {partition}' if partition else ''} ORDER BY {self.order}"
            f"{f' TTL {ttl}' if ttl else ''} "
            "SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000"
            + (", ttl_only_drop_parts = 1" if days else "")
        )

    def lifetime(self, days: int | None) -> str | None:
        """When a row goes, as an expression; nothing when rows stay."""
        if self.ttl or not days:
            return self.ttl
        return f"toDateTime({self.time_column}) + toIntervalDay({days})"

    def insert(self) -> str:
        """The statement that takes a batch."""
        return f"INSERT INTO {self.name} SELECT {self.select} FROM input('{self.batch}') FORMAT {self.format}"


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
LOG_LINES = Table(
    "log_lines",
    "time DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)), id UInt64 CODEC(Delta, ZSTD(1)), "
    f"received DateTime('UTC') CODEC(T64, ZSTD(1)), keep_days UInt16 CODEC(ZSTD(1)), service {TEXT}, level {TEXT}, "
    f"pattern UInt64 CODEC(ZSTD(1)), body String CODEC(ZSTD(3)), trace_id String CODEC(ZSTD(1)), "
    f"span_id String CODEC(ZSTD(1)), stream {TEXT}, source {TEXT}, format {TEXT}, attributes {ATTRIBUTES} "
    f"CODEC(ZSTD(1)), exception {TEXT}, frame {TEXT}, fingerprint UInt64 CODEC(ZSTD(1)), causes Array({TEXT}), "
    # Words are asked for in any case, so the index holds them in lower case.
    "INDEX words lower(body) TYPE tokenbf_v1(16384, 2, 0) GRANULARITY 1, "
    "INDEX times time TYPE minmax GRANULARITY 1, "
    "INDEX patterns pattern TYPE bloom_filter(0.01) GRANULARITY 1, "
    "INDEX traces trace_id TYPE bloom_filter(0.01) GRANULARITY 1, "
    "INDEX fingerprints fingerprint TYPE bloom_filter(0.01) GRANULARITY 1, "
    "INDEX attribute_values mapValues(attributes) TYPE bloom_filter(0.01) GRANULARITY 1",
    "MergeTree",
    # Like lines beside each other: they take a tenth less, and the indexes below leave out more of them.
    "(service, toStartOfHour(time), pattern, time, id)",
    "time",
    None,
    "time Int64, id UInt64, received Int64, keep_days UInt16, service String, level String, pattern UInt64, "
    "body String, trace_id String, span_id String, stream String, source String, format String, "
    "attributes String, exception String, frame String, fingerprint UInt64, "
    "causes Array(String)",
    "fromUnixTimestamp64Micro(time, 'UTC'), id, toDateTime(received, 'UTC'), keep_days, service, level, pattern, "
    "body, trace_id, span_id, stream, source, format, "
    # Attributes travel as JSON; one that says nothing is left out.
    "CAST(arrayFilter(pair -> pair.2 != '', JSONExtractKeysAndValues(attributes, 'String')), "
    f"'{ATTRIBUTES}'), exception, frame, fingerprint, causes",
    format="ArrowStream",
    # Kept from the day it came in, not from the day it tells of: a bundle of last year must be readable.
    partition="toYYYYMMDD(time)",
    ttl="received + toIntervalDay(keep_days)",
)
LOG_MINUTES = Table(
    "log_minutes",
    f"minute DateTime('UTC') CODEC(Delta, ZSTD(1)), service {TEXT}, level {TEXT}, pattern UInt64, lines UInt64, "
    "bytes UInt64",
    "SummingMergeTree((lines, bytes))",
    "(service, pattern, level, minute)",
    "minute",
    "log_counts",
    "",
    "",
)
# Counts per minute are made by the engine as lines go in: they are there with the lines, and never twice.
LOG_MINUTES_VIEW = (
    "CREATE MATERIALIZED VIEW IF NOT EXISTS log_minutes_view TO log_minutes AS "
    "SELECT toStartOfMinute(toDateTime(time, 'UTC')) AS minute, service, level, pattern, count() AS lines, "
    "sum(length(body)) AS bytes FROM log_lines GROUP BY minute, service, level, pattern"
)
SPANS = Table(
    "spans",
    "time DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)), duration UInt64 CODEC(T64, ZSTD(1)), "
    f"trace_id String CODEC(ZSTD(1)), span_id String CODEC(ZSTD(1)), parent_id String CODEC(ZSTD(1)), service {TEXT}, "
    f"operation {TEXT}, kind {TEXT}, failed UInt8, message {TEXT}, attributes {ATTRIBUTES} CODEC(ZSTD(1)), "
    "INDEX traces trace_id TYPE bloom_filter(0.01) GRANULARITY 1",
    "MergeTree",
    "(service, operation, time)",
    "time",
    "traces",
    "time Int64, duration UInt64, trace_id String, span_id String, parent_id String, service String, "
    "operation String, kind String, failed UInt8, message String, attributes Map(String, String)",
    "fromUnixTimestamp64Micro(time, 'UTC'), duration, trace_id, span_id, parent_id, service, operation, kind, failed, "
    "message, attributes",
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
TABLES = {table.name: table for table in (SERIES, SAMPLES, LOG_LINES, LOG_MINUTES, SPANS, OCCURRENCES, CHANGES)}


def statements(conf: Loaded) -> list[str]:
    """What makes the tables and brings their retention to what the settings say. Safe to run again and again."""
    found = []
    for table in TABLES.values():
        days = getattr(conf, f"retention_{table.retention}_days") if table.retention else None
        found.append(table.create(days))
        if days:
            found.append(
                f"ALTER TABLE {table.name} MODIFY TTL {table.lifetime(days)} SETTINGS materialize_ttl_after_modify = 0"
            )
    return [*found, LOG_MINUTES_VIEW]
