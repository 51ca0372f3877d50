"""Tables of configuration: where it is, each look at it, and the texts that were seen, each kept once."""

from django.db import models

from mainstay.catalog.base import Keyed


class Source(Keyed):
    """A place with configuration."""

    class Kind(models.TextChoices):
        """How it is looked at."""

        FILES = "files", "Files"
        COMMAND = "command", "Output of a command"
        HTTP = "http", "Answer of an address"
        DATABASE = "database", "Settings of a database"

    kind = models.CharField(max_length=8, choices=Kind.choices)
    service = models.ForeignKey("catalog.Service", null=True, on_delete=models.SET_NULL, related_name="+")
    host = models.CharField(max_length=80, blank=True, help_text="Key of a host; empty: where the worker runs.")
    files = models.JSONField(default=list, help_text="Patterns of paths.")
    command = models.TextField(blank=True)
    url = models.CharField(max_length=2000, blank=True)
    connection = models.CharField(max_length=80, blank=True, help_text="Key of a connection of the SQL desk.")
    ignore = models.JSONField(default=list, help_text="Expressions; lines in which one is found are left out.")
    like = models.CharField(max_length=80, blank=True, help_text="Key of another source that must look the same.")
    interval_seconds = models.FloatField()
    enabled = models.BooleanField(default=True)
    next_at = models.DateTimeField(db_index=True)
    looked_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True, help_text="Why the last look failed.")
    drift_since = models.DateTimeField(null=True)
    drift_text = models.TextField(blank=True)


class Snapshot(models.Model):
    """What was seen when it had changed. ``manifest`` is JSON packed by Zstandard: path -> [text, bytes]."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="snapshots")
    at = models.DateTimeField()
    manifest = models.BinaryField()
    digest = models.CharField(max_length=64)
    files = models.PositiveIntegerField()
    summary = models.CharField(max_length=300)
    why = models.CharField(max_length=120, blank=True, help_text="What it was taken for, such as a release.")

    class Meta:
        indexes = (models.Index(fields=["source", "-at"]),)

    def __str__(self) -> str:
        """As links name it."""
        return f"snapshot {self.pk}"


class Text(models.Model):
    """A text without its secrets, packed by Zstandard, under its SHA-256."""

    digest = models.CharField(max_length=64, unique=True)
    packed = models.BinaryField()

    def __str__(self) -> str:
        """Its name."""
        return self.digest
