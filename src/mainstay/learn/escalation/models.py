"""Tables of cases for developers: where each stands, what it holds, and the file itself as long as it is kept."""

from django.conf import settings
from django.db import models

from mainstay.core.notes import Note
from mainstay.learn.escalation.domain import states


class Escalation(models.Model):
    """A case that was built of an incident, and what became of it."""

    class State(models.TextChoices):
        """Where it stands."""

        BUILDING = states.State.BUILDING.value, "Being built"
        BROKEN = states.State.BROKEN.value, "Could not be built"
        READY = states.State.READY.value, "Ready to go"
        SENT = states.State.SENT.value, "Handed over"
        ACCEPTED = states.State.ACCEPTED.value, "Accepted"
        ASKED = states.State.ASKED.value, "Needs information"
        FIXED = states.State.FIXED.value, "Fixed"
        DECLINED = states.State.DECLINED.value, "Declined"

    incident = models.ForeignKey("incidents.Incident", on_delete=models.CASCADE, related_name="cases")
    state = models.CharField(max_length=8, choices=State.choices, default=State.BUILDING, db_index=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_name = models.CharField(max_length=255)
    asked_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, help_text="Until when a worker has it to build.")
    tries = models.PositiveSmallIntegerField(default=0)
    built_at = models.DateTimeField(null=True)
    seconds = models.FloatField(null=True, help_text="How long building took.")
    problem = models.TextField(blank=True, help_text="Why it could not be built.")
    summary = models.JSONField(default=dict, help_text="What the page before handing over shows; cleaned.")
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the file, also in the audit log.")
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes of the file.")
    note = models.TextField(blank=True, help_text="What whoever handed it over said, cleaned.")
    team = models.ForeignKey("catalog.Team", null=True, on_delete=models.SET_NULL, related_name="+")
    team_name = models.CharField(max_length=160, blank=True)
    sent_name = models.CharField(max_length=255, blank=True)
    sent_at = models.DateTimeField(null=True)
    told = models.PositiveIntegerField(default=0, help_text="How many people it was mailed to.")
    said_at = models.DateTimeField(null=True, help_text="When developers last said something.")

    class Meta:
        indexes = (models.Index(fields=["incident", "-id"]), models.Index(fields=["state", "asked_at"]))

    def __str__(self) -> str:
        """As people name it."""
        return f"ESC-{self.pk}"


class EscalationFile(models.Model):
    """The file of a case: the zip, in the database so that every process reaches it."""

    escalation = models.OneToOneField(Escalation, on_delete=models.CASCADE, related_name="file")
    content = models.BinaryField()
    kept_until = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        """Whose it is."""
        return f"file of ESC-{self.escalation_id}"


class EscalationNote(Note):
    """One thing that was said of a case, by us or by developers. It is never changed."""

    escalation = models.ForeignKey(Escalation, on_delete=models.CASCADE, related_name="notes")
