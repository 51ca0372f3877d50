"""Lines of the log that a thing has of its own, beside the audit log."""

from django.db import models


class Note(models.Model):
    """One line: when, who, what. It is never changed. A subclass names the thing that it is of, as ``notes``."""

    at = models.DateTimeField()
    who = models.CharField(max_length=255)
    text = models.TextField()

    class Meta:
        abstract = True
        ordering = ("pk",)

    def __str__(self) -> str:
        """The line."""
        return self.text
