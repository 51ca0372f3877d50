"""Tables of reviews: what was found each time, and what people confirm because no machine can see it."""

from django.db import models


class Review(models.Model):
    """One look at a service. ``findings`` are those of ``domain.Finding`` as JSON."""

    service = models.ForeignKey("catalog.Service", on_delete=models.CASCADE, related_name="reviews")
    at = models.DateTimeField()
    made_by = models.CharField(max_length=255)
    score = models.PositiveSmallIntegerField(help_text="0 to 100.")
    findings = models.JSONField(default=list)

    class Meta:
        indexes = (models.Index(fields=["service", "-at"]),)

    def __str__(self) -> str:
        """Of what, and how it went."""
        return f"review of {self.service_id}: {self.score}"


class Confirmation(models.Model):
    """What somebody says of a point of the list. The newest of a point counts, for as long as it is fresh."""

    service = models.ForeignKey("catalog.Service", on_delete=models.CASCADE, related_name="confirmations")
    point = models.CharField(max_length=40)
    text = models.TextField(help_text="What was done, and where that can be read.")
    at = models.DateTimeField()
    made_by = models.CharField(max_length=255)

    class Meta:
        indexes = (models.Index(fields=["service", "point", "-at"]),)

    def __str__(self) -> str:
        """Which point."""
        return self.point
