"""Names of OTLP metrics and attributes as Prometheus writes them.

Source: OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility": characters that Prometheus does not
take become underscores, the unit and ``_total`` become suffixes.
"""

import re
from functools import lru_cache

_UNITS = {
    "d": "days",
    "h": "hours",
    "min": "minutes",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "By": "bytes",
    "KiBy": "kibibytes",
    "MiBy": "mebibytes",
    "GiBy": "gibibytes",
    "kBy": "kilobytes",
    "MBy": "megabytes",
    "GBy": "gigabytes",
    "m": "meters",
    "V": "volts",
    "A": "amperes",
    "J": "joules",
    "W": "watts",
    "g": "grams",
    "Cel": "celsius",
    "Hz": "hertz",
    "%": "percent",
}
_PER = {"s": "second", "m": "minute", "min": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year"}
_BRACES = re.compile(r"\{[^}]*\}")
_BAD = re.compile(r"[^A-Za-z0-9_:]")
_BAD_LABEL = re.compile(r"[^A-Za-z0-9_]")


@lru_cache(maxsize=10_000)
def label(name: str) -> str:
    """The label of an attribute."""
    found = re.sub(r"__+", "_", _BAD_LABEL.sub("_", name))
    return f"key_{found}" if found[:1].isdigit() else found


@lru_cache(maxsize=10_000)
def metric(name: str, unit: str, *, monotonic: bool, gauge: bool) -> str:
    """The name of a metric with its suffixes."""
    base = _BAD.sub("_", name)
    tokens = [part for part in base.split("_") if part]
    over, _, per = _BRACES.sub("", unit).partition("/")
    words = [_UNITS.get(over, over if over.isalpha() and over != "1" else "")]
    if per:
        words += ["per", _PER.get(per, per)]
    if gauge and unit == "1":
        words = ["ratio"]
    for word in words:
        if word and word not in tokens:
            tokens.append(word)
    if monotonic:
        tokens = [part for part in tokens if part != "total"] + ["total"]
    found = "_".join(tokens)
    return f"_{found}" if found[:1].isdigit() else found
