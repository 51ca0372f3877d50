"""The metrics every service has. One process is one service, so prometheus_client's own registry is used."""

import json
import zlib
from typing import Any

import prometheus_client
from prometheus_client import GC_COLLECTOR, PLATFORM_COLLECTOR, REGISTRY, Counter, Gauge, Histogram

from cornershop.config import LiveConfig

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY.unregister(GC_COLLECTOR)
REGISTRY.unregister(PLATFORM_COLLECTOR)

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0)

HTTP_REQUESTS = Counter("http_requests_total", "Requests answered, by route and status.", ["method", "path", "status"])
HTTP_SECONDS = Histogram(
    "http_request_duration_seconds", "Time to answer a request.", ["method", "path"], buckets=BUCKETS
)
DB_SECONDS = Histogram(
    "db_query_duration_seconds", "Time of a database operation, waiting for locks included.", ["operation"],
    buckets=BUCKETS,
)  # fmt: skip
BUILD_INFO = Gauge("build_info", "1, labelled with the version that runs.", ["version"])
CONFIG_HASH = Gauge("config_hash", "CRC-32 of the configuration in force; any change of it is a config change.")
CONFIG_VALUE = Gauge("config_value", "Each numeric configuration value in force.", ["key"])


def expose_config(config: LiveConfig, version: str) -> None:
    """Publish the version and the configuration of this process; configuration is read at each scrape."""
    BUILD_INFO.labels(version=version).set(1)
    CONFIG_HASH.set_function(lambda: zlib.crc32(json.dumps(config.values(), sort_keys=True).encode()))
    for key, value in config.values().items():
        if isinstance(value, int | float):
            CONFIG_VALUE.labels(key=key).set_function(_reader(config, key))


def _reader(config: LiveConfig, key: str) -> Any:
    return lambda: float(config[key])


def render() -> bytes:
    """The exposition text of this process."""
    return prometheus_client.generate_latest()
