"""Tables of intake: what could not be taken, for the operator to see, and which files were imported."""

from django.db import models


class IntakeError(models.Model):
    """A request that was refused, with as much of its body as helps to find out why."""

    at = models.DateTimeField(db_index=True)
    protocol = models.CharField(max_length=40)
    path = models.CharField(max_length=300)
    sender = models.CharField(max_length=120, blank=True)
    status = models.PositiveSmallIntegerField()
    field = models.CharField(max_length=300, blank=True)
    detail = models.CharField(max_length=1000)
    body = models.TextField(blank=True, help_text="The first 16 KB, as text.")

    def __str__(self) -> str:
        """What was wrong."""
        return self.detail


class ImportedFile(models.Model):
    """A file whose lines were imported, known by its content."""

    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of its bytes.")
    name = models.CharField(max_length=1000)
    at = models.DateTimeField()
    records = models.PositiveBigIntegerField()

    def __str__(self) -> str:
        """Its name."""
        return self.name
