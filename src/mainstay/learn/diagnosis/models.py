"""Tables of the diagnosis: what was said of an incident, and when, with the evidence as it was."""

from django.db import models


class Finding(models.Model):
    """What was said at one moment. It is never changed; a later one stands beside it."""

    incident = models.ForeignKey("incidents.Incident", on_delete=models.CASCADE, related_name="findings")
    at = models.DateTimeField()
    said = models.JSONField(help_text="Candidates with their evidence, as plain data.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of what was said, also in the audit log.")
    seconds = models.FloatField(help_text="How long it took.")
    asked_by = models.CharField(max_length=255, blank=True, help_text="Who wanted it; empty: by itself.")

    class Meta:
        indexes = (models.Index(fields=["incident", "-at"]),)

    def __str__(self) -> str:
        """As the audit log names it."""
        return f"diagnosis {self.pk}"


class Confirmed(models.Model):
    """What somebody confirmed to be the cause of an incident, beside what had been said of it before."""

    incident = models.OneToOneField("incidents.Incident", on_delete=models.CASCADE, related_name="confirmed")
    finding = models.ForeignKey(Finding, null=True, on_delete=models.SET_NULL, related_name="+")
    service = models.CharField(max_length=100, blank=True, help_text="Key; empty: none of the catalog.")
    change = models.CharField(max_length=300, blank=True, help_text="Its id; empty: none.")
    among = models.PositiveIntegerField(help_text="How many services could have been named.")
    note = models.TextField(blank=True)
    by = models.CharField(max_length=255)
    at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=["-at"]),)

    def __str__(self) -> str:
        """What was it."""
        return f"{self.incident_id}: {self.service or 'none'}"
