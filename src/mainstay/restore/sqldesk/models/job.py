"""Clean-up and archival jobs: what was asked for, who approved exactly that, and how far it has come."""

from django.db import models

from mainstay.restore.sqldesk.models.approval import DeskChange


class Job(DeskChange):
    """Old rows of one table that are deleted, moved to another table, or archived to Parquet, batch by batch."""

    WORD, PATH = "job", "/jobs"

    class State(models.TextChoices):
        """Where it stands. ``WAITING`` means: the gate or the load of the database keeps it from its next batch."""

        DRAFT = "draft", "Draft"
        REQUESTED = "requested", "Waits for approval"
        APPROVED = "approved", "Approved"
        WAITING = "waiting", "Waits"
        RUNNING = "running", "Running"
        PAUSED = "paused", "Paused"
        DONE = "done", "Done"
        FAILED = "failed", "Stopped by an error"
        UNKNOWN = "unknown", "Outcome unknown"
        REJECTED = "rejected", "Rejected"
        WITHDRAWN = "withdrawn", "Withdrawn"

    class Action(models.TextChoices):
        """What happens to the rows."""

        DELETE = "delete", "Delete"
        MOVE = "move", "Move to another table"
        ARCHIVE = "archive", "Archive to Parquet, then delete"

    table = models.CharField(max_length=200)
    condition = models.TextField(help_text="What stands after WHERE, with :names for parameters.")
    parameters = models.JSONField(default=dict)
    action = models.CharField(max_length=8, choices=Action.choices)
    destination = models.CharField(max_length=200, blank=True, help_text="The table that rows are moved to.")
    batch_rows = models.PositiveIntegerField(help_text="Rows that a batch has at most.")
    batch_ms = models.PositiveIntegerField(help_text="Milliseconds that a batch should take.")
    rest_percent = models.PositiveIntegerField(default=0, help_text="Rest after a batch, in percent of its time.")
    max_lag = models.PositiveIntegerField(null=True, blank=True, help_text="Seconds a replica may be behind.")
    max_running = models.PositiveIntegerField(null=True, blank=True, help_text="Other statements running at once.")
    in_windows = models.BooleanField(default=True, help_text="In maintenance windows alone.")
    state = models.CharField(max_length=12, choices=State.choices, default=State.DRAFT, db_index=True)
    dry_run = models.JSONField(default=dict, help_text="What the last dry run found.")
    dry_run_hash = models.CharField(max_length=64, blank=True)
    rows_done = models.BigIntegerField(default=0)
    last_key = models.JSONField(null=True, help_text="Key of the last row of the last committed batch.")
    size_now = models.PositiveIntegerField(default=0, help_text="Rows of the next batch, found by measuring.")
    asked = models.CharField(max_length=8, blank=True, help_text="pause or stop, until the worker has obeyed.")
    holder = models.CharField(max_length=32, blank=True, help_text="Which run of a worker has it.")
    look_at = models.DateTimeField(null=True, help_text="When to look again whether it may go on.")

    def __str__(self) -> str:
        """As people name it."""
        return f"JOB-{self.pk}"


class JobBatch(models.Model):
    """One transaction of a job. ``COMMITTING`` stands from before its commit until that is answered."""

    class State(models.TextChoices):
        """What became of it. A batch that rolled back leaves no row here."""

        COMMITTING = "committing", "Committing"
        DONE = "done", "Done"

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="batches")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.COMMITTING)
    rows = models.PositiveIntegerField(help_text="Selected, archived and deleted: the three are equal, or it fails.")
    first_key = models.JSONField()
    last_key = models.JSONField()
    keys = models.BinaryField(null=True, help_text="All keys, packed, until the outcome is known.")
    session = models.JSONField(default=dict, help_text="By which the server knows the transaction.")
    file = models.CharField(max_length=300, blank=True)
    bytes = models.BigIntegerField(null=True)
    checksum = models.CharField(max_length=64, blank=True, help_text="SHA-256 over the rows of the file.")
    milliseconds = models.PositiveIntegerField(null=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=["job", "number"], name="one_job_batch_per_number"),)

    def __str__(self) -> str:
        """Its place."""
        return f"{self.job} batch {self.number}"
