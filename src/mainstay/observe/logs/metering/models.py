"""Tables of metrics made of log lines: what is counted, and how far it has come."""

from typing import ClassVar

from django.db import models

from mainstay.catalog.models import Keyed


class LogMetric(Keyed):
    """A metric that lines are counted into. ``counted_to`` is the number of the last line that was looked at."""

    metric = models.CharField(max_length=200)
    query = models.TextField(blank=True)
    service = models.ForeignKey("catalog.Service", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    by = models.JSONField(default=list, blank=True)
    value = models.CharField(max_length=120, blank=True, help_text="An attribute that holds a number.")
    pattern = models.BigIntegerField(null=True, blank=True)
    slot = models.PositiveSmallIntegerField(null=True, blank=True)
    buckets = models.JSONField(default=list, blank=True)
    interval_seconds = models.FloatField(null=True, blank=True)
    enabled = models.BooleanField(default=True)
    counted_to = models.BigIntegerField(default=0)
    last_error = models.CharField(max_length=500, blank=True)


class LogMetricCount(models.Model):
    """What one series of a metric has come to since it began. It only grows, whatever is restarted."""

    metric = models.ForeignKey(LogMetric, on_delete=models.CASCADE, related_name="counts")
    fingerprint = models.CharField(max_length=64)
    labels = models.JSONField(default=dict)
    lines = models.BigIntegerField(default=0)
    total = models.FloatField(default=0.0, help_text="The sum of the values.")
    buckets = models.JSONField(default=list, help_text="Values at most as large as each bucket's bound.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["metric", "fingerprint"], name="one_count_per_log_series")
        ]

    def __str__(self) -> str:
        """Which, and how many."""
        return f"{self.metric_id} {self.fingerprint} {self.lines}"
