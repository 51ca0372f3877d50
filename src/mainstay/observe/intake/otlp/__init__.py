"""OTLP over HTTP, as protobuf and as JSON, for metrics and logs.

Source: OpenTelemetry specification, "OTLP/HTTP" and "Prometheus and OpenMetrics Compatibility".
"""

from mainstay.observe.intake.otlp.logs import decode_logs
from mainstay.observe.intake.otlp.metrics import decode_metrics

__all__ = ["decode_logs", "decode_metrics"]
