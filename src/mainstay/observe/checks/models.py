"""Tables of checks: what is run, and what each run said."""

from typing import ClassVar

from django.db import models

from mainstay.catalog.models import Keyed
from mainstay.observe.checks.domain import State

STATES = [(one.value, one.value.upper()) for one in State]


class Check(Keyed):
    """A program or a runbook that is run at an interval. ``state`` counts, ``recent`` is what the last runs said."""

    service = models.ForeignKey(
        "catalog.Service", null=True, blank=True, on_delete=models.SET_NULL, related_name="checks"
    )
    command = models.JSONField(default=list, blank=True, help_text="The program and its arguments.")
    script = models.TextField(blank=True, help_text="The text of a script that begins with #!, instead of a command.")
    runbook = models.CharField(
        max_length=80, blank=True, db_default="", help_text="Key of a book that only looks, instead of a program."
    )
    inputs = models.JSONField(default=dict, blank=True, db_default={}, help_text="Values for the book.")
    interval_seconds = models.FloatField(null=True, blank=True)
    timeout_seconds = models.FloatField(null=True, blank=True)
    env = models.JSONField(default=dict, blank=True, help_text="Environment variable to text.")
    secrets = models.JSONField(default=dict, blank=True, help_text="Environment variable to the name of a secret.")
    needed = models.PositiveSmallIntegerField(default=1, help_text="Of the last ``of`` runs so many decide.")
    of = models.PositiveSmallIntegerField(default=1)
    labels = models.JSONField(default=dict, blank=True)
    enabled = models.BooleanField(default=True)
    state = models.CharField(max_length=8, choices=STATES, default=State.OK)
    state_since = models.DateTimeField(null=True)
    recent = models.JSONField(default=list)
    reason = models.CharField(max_length=200, blank=True)
    next_at = models.DateTimeField(null=True, db_index=True)
    last_at = models.DateTimeField(null=True)
    last_text = models.CharField(max_length=1000, blank=True)
    slow = models.BooleanField(default=False, help_text="Its last run did not end in time.")


class CheckRun(models.Model):
    """One run: when, how long, what it said."""

    check_of = models.ForeignKey(Check, on_delete=models.CASCADE, related_name="runs")
    started_at = models.DateTimeField()
    seconds = models.FloatField()
    state = models.CharField(max_length=8, choices=STATES)
    code = models.SmallIntegerField(null=True, help_text="Exit code; none when it was ended.")
    text = models.CharField(max_length=1000, blank=True)
    output = models.TextField(blank=True)
    measures = models.JSONField(default=list)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["check_of", "-started_at"], name="run_of_check")]

    def __str__(self) -> str:
        """Its state."""
        return f"{self.state} of check {self.check_of_id}"
