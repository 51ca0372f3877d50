"""Tables of incidents."""

from django.conf import settings
from django.db import models


class State(models.TextChoices):
    """Where an incident stands. It goes forward, and back only by a new alert before it is resolved."""

    OPEN = "open", "Open"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    RESTORED = "restored", "Restored"
    RESOLVED = "resolved", "Resolved"


class PriorityCell(models.Model):
    """One cell of the priority matrix: impact x urgency -> priority 1 to 4."""

    impact = models.CharField(max_length=6)
    urgency = models.CharField(max_length=6)
    priority = models.PositiveSmallIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["impact", "urgency"], name="one_cell_per_pair"),)

    def __str__(self) -> str:
        """The cell as a sentence."""
        return f"{self.impact} x {self.urgency} = P{self.priority}"


class Incident(models.Model):
    """Something that is broken for somebody, from the first alert to its cause."""

    title = models.CharField(max_length=300)
    service = models.ForeignKey("catalog.Service", null=True, on_delete=models.SET_NULL, related_name="incidents")
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    priority = models.PositiveSmallIntegerField()
    impact = models.CharField(max_length=6)
    urgency = models.CharField(max_length=6)
    reason = models.JSONField(
        default=dict, help_text="Why this priority, in sentences, and the processes that it hits."
    )
    opened_at = models.DateTimeField()
    started_at = models.DateTimeField(help_text="When the first alert says that it began.")
    acknowledged_at = models.DateTimeField(null=True)
    restored_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    snoozed_until = models.DateTimeField(null=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="incidents")
    cause = models.TextField(blank=True)
    known_error = models.ForeignKey(
        "catalog.KnownError", null=True, on_delete=models.SET_NULL, related_name="incidents"
    )
    known_error_why = models.CharField(max_length=300, blank=True)
    # At most one live incident has a group: set while live, emptied when it is resolved.
    live_group = models.CharField(max_length=200, null=True, unique=True)  # noqa: DJ001 - NULL is "no group", many may have it
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = (models.Index(fields=["state", "priority"]), models.Index(fields=["service", "-opened_at"]))

    def __str__(self) -> str:
        """As people call it."""
        return f"INC-{self.pk}"
