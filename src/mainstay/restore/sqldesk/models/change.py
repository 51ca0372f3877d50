"""Corrections: what was asked for, who approved exactly that, and what became of each row."""

from django.db import models

from mainstay.restore.sqldesk.models.approval import DeskChange


class Correction(DeskChange):
    """A change of production data, from the draft to its proof. An undo is a correction as well."""

    WORD, PATH = "correction", "/corrections"

    class State(models.TextChoices):
        """Where it stands. ``UNKNOWN`` means: our side died around the commit, and the database did not tell."""

        DRAFT = "draft", "Draft"
        REQUESTED = "requested", "Waits for approval"
        APPROVED = "approved", "Approved"
        QUEUED = "queued", "Waits for the worker"
        RUNNING = "running", "Being carried out"
        PAUSED = "paused", "Paused"
        DONE = "done", "Done"
        FAILED = "failed", "Failed, nothing changed"
        PARTIAL = "partial", "Stopped half way"
        UNKNOWN = "unknown", "Outcome unknown"
        REJECTED = "rejected", "Rejected"
        WITHDRAWN = "withdrawn", "Withdrawn"

    undoes = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="undone_by")
    statements = models.JSONField(default=list, help_text="SQL texts, carried out in this order in one transaction.")
    parameters = models.JSONField(default=dict, help_text="Name to value, bound and never spliced.")
    expected_rows = models.PositiveIntegerField(null=True, blank=True)
    checks_before = models.JSONField(default=list, help_text="Queries whose only value must be true before.")
    checks_after = models.JSONField(default=list)
    batch_rows = models.PositiveIntegerField(null=True, blank=True, help_text="Rows a batch; empty: all at once.")
    accepted = models.JSONField(default=list, help_text="For an undo: rows that changed since and are restored anyway.")
    state = models.CharField(max_length=12, choices=State.choices, default=State.DRAFT, db_index=True)
    preview = models.JSONField(default=dict, help_text="What the last preview saw.")
    previewed_at = models.DateTimeField(null=True)
    previewed_hash = models.CharField(max_length=64, blank=True, help_text="Of what was written when it was previewed.")
    requested_at = models.DateTimeField(null=True)
    started_name = models.CharField(max_length=255, blank=True)
    gate = models.JSONField(default=dict, help_text="What the gate answered when it was carried out.")
    pause_asked = models.BooleanField(default=False)

    def __str__(self) -> str:
        """As people name it."""
        return f"COR-{self.pk}"


class Batch(models.Model):
    """One transaction of a correction: its own intent, proof and outcome."""

    class State(models.TextChoices):
        """``COMMITTING`` stands from before the commit until its answer: after a crash it must be looked into."""

        PLANNED = "planned", "Planned"
        COMMITTING = "committing", "Committing"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    correction = models.ForeignKey(Correction, on_delete=models.CASCADE, related_name="batches")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.PLANNED)
    keys = models.JSONField(null=True, help_text="Keys of the rows that this batch changes; empty: all at once.")
    rows = models.PositiveIntegerField(null=True)
    session = models.JSONField(default=dict, help_text="By which the server knows the transaction.")
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=["correction", "number"], name="one_batch_per_number"),)

    def __str__(self) -> str:
        """Its place."""
        return f"{self.correction} batch {self.number}"


class TableImage(models.Model):
    """The rows of one table that a batch changed, before and after, packed. See ``domain.images`` for the layout."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="images")
    place = models.PositiveSmallIntegerField(help_text="Order in which tables were captured: parents first.")
    table = models.CharField(max_length=200)
    columns = models.JSONField()
    key = models.JSONField()
    count = models.PositiveIntegerField()
    rows = models.BinaryField()
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ("place",)

    def __str__(self) -> str:
        """Which table."""
        return f"{self.batch} {self.table}"
