"""What the worker calls again and again for metrics made of log lines."""

import logging
import time

from mainstay.core.settings import current
from mainstay.observe.logs.metering import services
from mainstay.observe.logs.metering.models import LogMetric

log = logging.getLogger(__name__)

# How long the list of metrics may be old.
REREAD = 5.0


class LogMetrics:
    """Counts lines into metrics when they are due."""

    def __init__(self) -> None:
        self._metrics: list[LogMetric] = []
        self._read_at = float("-inf")
        self._done: dict[int, float] = {}

    def run_due(self) -> None:
        """Count what is due."""
        now = time.monotonic()
        if now - self._read_at >= REREAD:
            self._metrics = list(LogMetric.objects.filter(enabled=True).select_related("service"))
            self._read_at = now
        for metric in self._metrics:
            interval = metric.interval_seconds or current().log_metric_interval
            if now - self._done.get(metric.pk, float("-inf")) >= interval:
                self._done[metric.pk] = now
                services.count(metric)
