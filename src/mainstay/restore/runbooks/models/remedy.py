"""Books that run by themselves: for what, within which limits, and what came of it."""

from django.db import models

from mainstay.catalog.models import Keyed
from mainstay.restore.runbooks.models.run import Run


class Remedy(Keyed):
    """A book for a known error or a rule. Keys name them, so that files may be applied in any order."""

    known_error = models.CharField(max_length=80, blank=True)
    rule = models.CharField(max_length=80, blank=True)
    runbook = models.CharField(max_length=80)
    inputs = models.JSONField(default=dict, blank=True, help_text='Name to value, or to {"label": NAME} of the alert.')
    targets = models.JSONField(default=list, blank=True, help_text="Keys of hosts; empty: all of the book.")
    target_label = models.CharField(
        max_length=120, blank=True, help_text="Label of the alert that is the key of a host."
    )
    per_hour = models.PositiveIntegerField(default=2)
    per_target = models.PositiveIntegerField(default=1)
    enabled = models.BooleanField(default=True)
    tripped_at = models.DateTimeField(null=True)
    tripped_why = models.TextField(blank=True)
    rearmed_at = models.DateTimeField(null=True, help_text="What it ran before that counts no more.")

    @property
    def asks_for(self) -> str:
        """What it is for, as people name it."""
        return f"known error {self.known_error}" if self.known_error else f"rule {self.rule}"


class RemedyUse(models.Model):
    """An incident that a remedy was asked for, once, and its run where there is one."""

    remedy = models.ForeignKey(Remedy, on_delete=models.CASCADE, related_name="uses")
    incident = models.ForeignKey("incidents.Incident", on_delete=models.CASCADE, related_name="+")
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="remedies")
    targets = models.JSONField(default=list)
    at = models.DateTimeField(db_index=True)
    reason = models.TextField(blank=True, db_default="", help_text="Why it was begun, or why not.")
    settled = models.BooleanField(default=False, help_text="Whether the end of its run was looked at.")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["remedy", "incident"], name="one_use_per_remedy_and_incident"),)

    def __str__(self) -> str:
        """Of what for what."""
        return f"{self.remedy_id} for {self.incident_id}"
