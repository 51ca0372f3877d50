"""Reads: what was asked of a database, by whom, and what came of it; queries that are kept; answers as evidence."""

from django.conf import settings
from django.db import models

from mainstay.restore.sqldesk.models.connection import Connection


class SavedQuery(models.Model):
    """A read that is kept under a name, with typed parameters."""

    name = models.CharField(max_length=120, unique=True)
    description = models.TextField(blank=True)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="saved_queries")
    sql = models.TextField()
    parameters = models.JSONField(default=list, help_text="[{name, type, source}]")
    sensitive = models.BooleanField(default=False, help_text="Whether a colleague has to approve each read.")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    owner_name = models.CharField(max_length=255)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        """As people name it."""
        return self.name


class Read(models.Model):
    """One read, from the question to its end. The answer itself is not kept."""

    class State(models.TextChoices):
        """Where it stands. An approved read is carried out once and then is ``DONE``."""

        REQUESTED = "requested", "Waits for approval"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        REFUSED = "refused", "Refused"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="reads")
    saved = models.ForeignKey(SavedQuery, null=True, blank=True, on_delete=models.SET_NULL, related_name="reads")
    incident = models.ForeignKey(
        "incidents.Incident", null=True, blank=True, on_delete=models.SET_NULL, related_name="reads"
    )
    person = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    person_name = models.CharField(max_length=255)
    token = models.CharField(max_length=40, unique=True, help_text="By which whoever asked can cancel it.")
    sql = models.TextField()
    values = models.JSONField(default=dict, help_text="Values of the parameters, as they were given.")
    reason = models.TextField(blank=True, help_text="Why it is asked for, for whoever approves.")
    state = models.CharField(max_length=10, choices=State.choices, db_index=True)
    message = models.TextField(blank=True, help_text="Why it was refused, failed or rejected.")
    server_id = models.CharField(max_length=40, blank=True, help_text="By which the server knows its session.")
    rows = models.PositiveIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)
    cut = models.BooleanField(default=False, help_text="Whether a limit ended the answer.")
    elapsed_ms = models.PositiveIntegerField(default=0)
    asked_at = models.DateTimeField()
    cancelled_name = models.CharField(max_length=255, blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_name = models.CharField(max_length=255, blank=True)
    decided_hash = models.CharField(max_length=64, blank=True, help_text="Of exactly what was approved.")
    expires_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=["person", "-asked_at"]), models.Index(fields=["connection", "-asked_at"]))

    def __str__(self) -> str:
        """As people name it."""
        return f"READ-{self.pk}"


class Evidence(models.Model):
    """The answer of a read as it was, kept with an incident. ``digest`` is the SHA-256 of columns and rows."""

    incident = models.ForeignKey("incidents.Incident", on_delete=models.CASCADE, related_name="evidence")
    read = models.ForeignKey(Read, on_delete=models.PROTECT, related_name="evidence")
    title = models.CharField(max_length=200)
    columns = models.JSONField()
    rows = models.JSONField()
    cut = models.BooleanField()
    digest = models.CharField(max_length=64)
    pinned_name = models.CharField(max_length=255)
    pinned_at = models.DateTimeField()

    def __str__(self) -> str:
        """As people name it."""
        return self.title
