"""Dry runs that were asked for and are not told yet."""

from django.conf import settings
from django.db import models

from mainstay.restore.runbooks.models.run import Run


class Trial(models.Model):
    """A dry run for the worker. That of a run is gone once its run has it, that of a bare text once it was read."""

    run = models.OneToOneField(Run, null=True, on_delete=models.CASCADE, related_name="trial")
    run_hash = models.CharField(max_length=64, blank=True, help_text="The content of the run as it was asked for.")
    text = models.TextField(help_text="The book.")
    inputs = models.JSONField(default=dict)
    targets = models.JSONField(default=list)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_name = models.CharField(max_length=255)
    asked_at = models.DateTimeField()
    holder = models.CharField(max_length=32, blank=True, help_text="Which worker's thread has it.")
    lease_until = models.DateTimeField(null=True)
    seen = models.JSONField(null=True, help_text="What it found.")

    def __str__(self) -> str:
        """Of what."""
        return f"dry run of {self.run or 'a text'}"
