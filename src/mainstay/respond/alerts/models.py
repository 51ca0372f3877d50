"""Tables of alerts."""

from django.db import models


class Alert(models.Model):
    """One thing that somebody measures and that is wrong, or was. One row for each fingerprint."""

    class State(models.TextChoices):
        """Whether it is wrong now."""

        FIRING = "firing", "Firing"
        RESOLVED = "resolved", "Resolved"

    fingerprint = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    source = models.CharField(max_length=40)
    labels = models.JSONField(default=dict)
    annotations = models.JSONField(default=dict)
    link = models.CharField(max_length=2000, blank=True)
    state = models.CharField(max_length=8, choices=State.choices, db_index=True)
    service = models.ForeignKey("catalog.Service", null=True, on_delete=models.SET_NULL, related_name="alerts")
    rule = models.ForeignKey("metrics.Rule", null=True, on_delete=models.SET_NULL, related_name="alerts")
    incident = models.ForeignKey("incidents.Incident", null=True, on_delete=models.SET_NULL, related_name="alerts")
    silence = models.ForeignKey(
        "silences.Silence", null=True, on_delete=models.PROTECT, related_name="alerts", help_text="What held it last."
    )
    value = models.FloatField(null=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    # When a sender such as Prometheus stops repeating an alert, it counts as resolved from here on.
    expires_at = models.DateTimeField(null=True, db_index=True)
    fell_silent = models.BooleanField(default=False, help_text="It ended because its sender stopped repeating it.")
    received_at = models.DateTimeField()
    occurrences = models.PositiveIntegerField(default=1, help_text="Times that it began to fire.")

    class Meta:
        indexes = (models.Index(fields=["state", "-starts_at"]),)

    def __str__(self) -> str:
        """Its name."""
        return self.name
