"""Tables of metrics: what is scraped, the rules, and the state of each series that a rule watches."""

from django.db import models

from mainstay.catalog.models import Keyed


class ScrapeTarget(Keyed):
    """An address that is read at an interval. ``relabel`` and ``metric_relabel`` are Prometheus's relabel steps."""

    url = models.CharField(max_length=2000)
    service = models.ForeignKey(
        "catalog.Service", null=True, blank=True, on_delete=models.SET_NULL, related_name="targets"
    )
    labels = models.JSONField(default=dict, blank=True)
    relabel = models.JSONField(default=list, blank=True)
    metric_relabel = models.JSONField(default=list, blank=True)
    interval_seconds = models.FloatField(null=True, blank=True)
    enabled = models.BooleanField(default=True)
    last_scrape_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    last_samples = models.PositiveIntegerField(default=0)
    last_seconds = models.FloatField(null=True, blank=True)


class Rule(Keyed):
    """A threshold rule: in PromQL, or over log lines where ``log`` holds its definition; ``expr`` is its text then."""

    class Urgency(models.TextChoices):
        """How soon it hurts."""

        HIGH = "high", "High"
        MEDIUM = "medium", "Medium"
        LOW = "low", "Low"

    group = models.CharField(max_length=160, blank=True)
    expr = models.TextField()
    log = models.JSONField(null=True, blank=True, help_text="What a rule over log lines counts; empty for PromQL.")
    for_seconds = models.FloatField(default=0)
    keep_firing_for_seconds = models.FloatField(default=0)
    interval_seconds = models.FloatField(null=True, blank=True)
    labels = models.JSONField(default=dict, blank=True)
    annotations = models.JSONField(default=dict, blank=True)
    service = models.ForeignKey(
        "catalog.Service", null=True, blank=True, on_delete=models.SET_NULL, related_name="rules"
    )
    urgency = models.CharField(max_length=6, choices=Urgency.choices, blank=True)
    enabled = models.BooleanField(default=True)
    last_evaluated_at = models.DateTimeField(null=True, blank=True)
    last_seconds = models.FloatField(null=True, blank=True)
    last_error = models.CharField(max_length=1000, blank=True)


class RuleSeries(models.Model):
    """One series that a rule is watching because it breaches, or did until a moment ago."""

    class State(models.TextChoices):
        """Where it stands."""

        PENDING = "pending", "Pending"
        FIRING = "firing", "Firing"

    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="series")
    fingerprint = models.CharField(max_length=64)
    labels = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=State.choices)
    active_since = models.DateTimeField()
    fired_at = models.DateTimeField(null=True)
    keep_since = models.DateTimeField(null=True)
    value = models.FloatField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["rule", "fingerprint"], name="one_state_per_series"),)

    def __str__(self) -> str:
        """Which, and how it stands."""
        return f"{self.rule_id} {self.fingerprint} {self.state}"
