"""Tables of drills."""

from typing import Any

from django.conf import settings
from django.db import models


class Exercise(models.Model):
    """A scenario from a configuration file, which breaks and mends a staging system by runbooks."""

    key = models.CharField(max_length=100, unique=True)
    source = models.CharField(max_length=300)
    entry: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField()

    def __str__(self) -> str:
        """By its key."""
        return self.key


class Drill(models.Model):
    """One drill of one person. What was asked is kept as it was, whatever becomes of the scenario."""

    class State(models.TextChoices):
        """Where it stands."""

        ASKED = "asked", "Begins"
        RUNNING = "running", "Running"
        ENDED = "ended", "Ended"
        FAILED = "failed", "Did not begin"

    scenario = models.CharField(max_length=100)
    asked: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(help_text="The scenario as it was.")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="drills")
    person_name = models.CharField(max_length=255)
    state = models.CharField(max_length=8, choices=State.choices, default=State.ASKED)
    asked_at = models.DateTimeField()
    began_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    why_ended = models.CharField(max_length=300, blank=True)
    # What the worker still has to do: break, mend, end.
    wanted = models.CharField(max_length=8, blank=True, default="break")
    problem = models.TextField(blank=True, help_text="Why it could not be broken or mended.")
    hints = models.PositiveSmallIntegerField(default=0, help_text="How many were taken.")
    shown = models.BooleanField(default=False, db_default=False, help_text="Whether the likely cause was looked up.")
    answers: "models.JSONField[list[dict[str, Any]], list[dict[str, Any]]]" = models.JSONField(default=list)
    debrief: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    score = models.PositiveSmallIntegerField(null=True)
    # At most one drill runs: two would hide in each other's alerts.
    live = models.BooleanField(null=True, unique=True, default=True, help_text="True while it goes on, then nothing.")

    class Meta:
        indexes = (models.Index(fields=["-asked_at"]),)

    def __str__(self) -> str:
        """As people call it."""
        return f"DRILL-{self.pk}"


class Look(models.Model):
    """A screen that was opened during a drill by whoever does it."""

    drill = models.ForeignKey(Drill, on_delete=models.CASCADE, related_name="looks")
    at = models.DateTimeField()
    path = models.CharField(max_length=300)

    class Meta:
        indexes = (models.Index(fields=["drill", "at"]),)

    def __str__(self) -> str:
        """Where."""
        return self.path
