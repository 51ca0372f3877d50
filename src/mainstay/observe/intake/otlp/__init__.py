"""OTLP over HTTP, as protobuf and as JSON, for metrics, logs and traces.

Source: OpenTelemetry specification, "OTLP/HTTP" and "Prometheus and OpenMetrics Compatibility".
"""

from mainstay.observe.intake.otlp.logs import decode_logs
from mainstay.observe.intake.otlp.metrics import decode_metrics
from mainstay.observe.intake.otlp.traces import decode_traces

__all__ = ["decode_logs", "decode_metrics", "decode_traces"]
