"""Tables of the assistant."""

from typing import Any

from django.db import models


class Opinion(models.Model):
    """What the model was asked of an incident, what it looked at, and what of its answer stands."""

    class State(models.TextChoices):
        """Where it stands."""

        ASKED = "asked", "Asked"
        RUNNING = "running", "Looking"
        DONE = "done", "Said"
        FAILED = "failed", "Failed"

    incident = models.ForeignKey("incidents.Incident", on_delete=models.CASCADE, related_name="opinions")
    state = models.CharField(max_length=8, choices=State.choices, default=State.ASKED)
    asked_by = models.CharField(max_length=255)
    # The right that its tools have, which is never more than that of whoever asked.
    right = models.PositiveSmallIntegerField()
    asked_at = models.DateTimeField()
    until = models.DateTimeField(null=True, help_text="Until when the worker that took it holds it.")
    ended_at = models.DateTimeField(null=True)
    model = models.CharField(max_length=200, blank=True)
    exhibits: "models.JSONField[list[dict[str, Any]], list[dict[str, Any]]]" = models.JSONField(default=list)
    kept: "models.JSONField[list[dict[str, Any]], list[dict[str, Any]]]" = models.JSONField(default=list)
    discarded: "models.JSONField[list[dict[str, Any]], list[dict[str, Any]]]" = models.JSONField(default=list)
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of exhibits and statements.")
    problem = models.TextField(blank=True)

    class Meta:
        indexes = (models.Index(fields=["incident", "-asked_at"]), models.Index(fields=["state", "asked_at"]))

    def __str__(self) -> str:
        """As the audit log names it."""
        return f"opinion {self.pk}"
