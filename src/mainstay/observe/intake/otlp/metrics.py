"""Metrics of OTLP, as the series that Prometheus would make of them."""

import struct
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_DELTA, DataPointFlags

from mainstay.observe.intake.otlp import names, wire
from mainstay.observe.intake.received import Received, Request
from mainstay.observe.telemetry import services as telemetry

_STALE = struct.unpack("<d", struct.pack("<Q", telemetry.STALE_BITS))[0]
_NO_VALUE = DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK


class _Samples:
    """Samples as they are gathered, series by series."""

    def __init__(self, now_ms: int) -> None:
        self._now = now_ms
        self._index: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
        self.series: list[tuple[int, str, Mapping[str, str]]] = []
        self.which: list[int] = []
        self.times: list[int] = []
        self.values: list[float] = []

    def add(self, name: str, labels: Mapping[str, str], nanos: int, value: float) -> None:
        key = (name, tuple(sorted(labels.items())))
        place = self._index.get(key)
        if place is None:
            place = self._index[key] = len(self.series)
            self.series.append((telemetry.series_id(name, labels), name, dict(labels)))
        self.which.append(place)
        self.times.append(nanos // 1_000_000 if nanos else self._now)
        self.values.append(value)


def decode_metrics(request: Request) -> Received:
    """An export of metrics. Points that are no series of Prometheus are counted as rejected, with the reason."""
    posted = wire.parse(request, ExportMetricsServiceRequest())
    response, keep = samples_of(posted, int(request.now.timestamp() * 1000))
    return wire.answer(request, response, Received(keep=keep))


def samples_of(
    posted: ExportMetricsServiceRequest, now_ms: int
) -> tuple[ExportMetricsServiceResponse, list[Callable[[], object]]]:
    """The answer to an export, and what keeps its samples."""
    samples = _Samples(now_ms)
    rejected: dict[str, int] = {}
    for resource in posted.resource_metrics:
        base = _resource_labels(wire.attributes(resource.resource.attributes))
        for scope in resource.scope_metrics:
            for one in scope.metrics:
                reason = _add(samples, one, base)
                if reason:
                    points = getattr(one, one.WhichOneof("data") or "gauge").data_points
                    rejected[reason] = rejected.get(reason, 0) + len(points)
    response = ExportMetricsServiceResponse()
    if rejected:
        response.partial_success.rejected_data_points = sum(rejected.values())
        response.partial_success.error_message = "; ".join(rejected)
    keep: list[Callable[[], object]] = []
    if samples.values:
        arrays = (
            np.array(samples.which, dtype=np.int64),
            np.array(samples.times, dtype=np.int64),
            np.array(samples.values, dtype=np.float64),
        )
        keep = [partial(telemetry.write_samples, samples.series, *arrays)]
    return response, keep


def _resource_labels(about: Mapping[str, str]) -> dict[str, str]:
    """``job`` and ``instance`` from the resource, as the specification maps them."""
    labels = {}
    service, namespace = about.get("service.name", ""), about.get("service.namespace", "")
    if service:
        labels["job"] = f"{namespace}/{service}" if namespace else service
        labels["service"] = service
    if about.get("service.instance.id"):
        labels["instance"] = about["service.instance.id"]
    return labels


def _labels(base: Mapping[str, str], point: Any) -> dict[str, str]:
    own = {names.label(pair.key): wire.text(pair.value) for pair in point.attributes}
    return {name: value for name, value in {**own, **base}.items() if value}


def _add(samples: _Samples, one: Any, base: Mapping[str, str]) -> str | None:
    """Gather one metric, or say why it cannot be kept."""
    kind = one.WhichOneof("data")
    if kind == "gauge":
        _add_numbers(samples, names.metric(one.name, one.unit, monotonic=False, gauge=True), one.gauge, base)
    elif kind == "sum":
        if one.sum.aggregation_temporality == AGGREGATION_TEMPORALITY_DELTA:
            return f"{one.name}: delta temporality; set the exporter to cumulative"
        name = names.metric(one.name, one.unit, monotonic=one.sum.is_monotonic, gauge=False)
        _add_numbers(samples, name, one.sum, base)
    elif kind == "histogram":
        if one.histogram.aggregation_temporality == AGGREGATION_TEMPORALITY_DELTA:
            return f"{one.name}: delta temporality; set the exporter to cumulative"
        _add_histogram(samples, names.metric(one.name, one.unit, monotonic=False, gauge=False), one.histogram, base)
    elif kind == "summary":
        _add_summary(samples, names.metric(one.name, one.unit, monotonic=False, gauge=False), one.summary, base)
    else:
        return f"{one.name}: {kind or 'no data'} is not kept; use explicit bucket histograms"
    return None


def _add_numbers(samples: _Samples, name: str, data: Any, base: Mapping[str, str]) -> None:
    for point in data.data_points:
        value = point.as_double if point.WhichOneof("value") == "as_double" else float(point.as_int)
        samples.add(name, _labels(base, point), point.time_unix_nano, _STALE if point.flags & _NO_VALUE else value)


def _add_histogram(samples: _Samples, name: str, data: Any, base: Mapping[str, str]) -> None:
    for point in data.data_points:
        labels, at = _labels(base, point), point.time_unix_nano
        stale = bool(point.flags & _NO_VALUE)
        total = 0
        for bound, count in zip([*point.explicit_bounds, float("inf")], point.bucket_counts, strict=False):
            total += count
            edge = {**labels, "le": "+Inf" if bound == float("inf") else f"{bound:g}"}
            samples.add(f"{name}_bucket", edge, at, _STALE if stale else float(total))
        if not point.bucket_counts:
            samples.add(f"{name}_bucket", {**labels, "le": "+Inf"}, at, _STALE if stale else float(point.count))
        samples.add(f"{name}_count", labels, at, _STALE if stale else float(point.count))
        if point.HasField("sum"):
            samples.add(f"{name}_sum", labels, at, _STALE if stale else point.sum)


def _add_summary(samples: _Samples, name: str, data: Any, base: Mapping[str, str]) -> None:
    for point in data.data_points:
        labels, at = _labels(base, point), point.time_unix_nano
        for one in point.quantile_values:
            samples.add(name, {**labels, "quantile": f"{one.quantile:g}"}, at, one.value)
        samples.add(f"{name}_count", labels, at, float(point.count))
        samples.add(f"{name}_sum", labels, at, point.sum)
