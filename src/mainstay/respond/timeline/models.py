"""The table of the timeline."""

from django.db import models


class TimelineEntry(models.Model):
    """Something that happened in an incident."""

    incident = models.ForeignKey("incidents.Incident", on_delete=models.CASCADE, related_name="timeline")
    at = models.DateTimeField()
    kind = models.CharField(max_length=24)
    actor = models.CharField(max_length=255)
    text = models.TextField()
    data = models.JSONField(default=dict)

    class Meta:
        indexes = (models.Index(fields=["incident", "at", "id"]),)

    def __str__(self) -> str:
        """The sentence."""
        return self.text
