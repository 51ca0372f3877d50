"""Tables of maintenance: plans that come again, and each piece of work."""

from django.conf import settings
from django.db import models

from mainstay.catalog.base import Keyed
from mainstay.core.notes import Note


class Plan(Keyed):
    """Work that comes with every occurrence of a window of the calendar."""

    window = models.CharField(max_length=80, help_text="Key of an entry of the calendar.")
    services = models.ManyToManyField("catalog.Service", related_name="+", blank=True)
    reach = models.CharField(max_length=12, default="alone")
    reason = models.TextField()
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    quiet = models.BooleanField(default=True, help_text="Its services raise no incidents while it goes on.")
    announced = models.BooleanField(default=True, help_text="Subscribers are told.")
    runbook = models.CharField(max_length=80, blank=True)
    inputs = models.JSONField(default=dict)
    targets = models.JSONField(null=True, help_text="Keys of hosts; nothing takes all that the book names.")
    before = models.JSONField(default=list, help_text="Keys of checks that must be well before it begins.")
    after = models.JSONField(default=list, help_text="Keys of checks that must be well when it has ended.")
    by_itself = models.BooleanField(default=False, help_text="It begins at its time without a person.")
    enabled = models.BooleanField(default=True)
    problem = models.TextField(blank=True, help_text="Why nothing could be drafted when it was last looked at.")


class Work(models.Model):
    """One piece of planned work."""

    class State(models.TextChoices):
        """Where it stands."""

        PLANNED = "planned", "Planned"
        RUNNING = "running", "In progress"
        CHECKING = "checking", "Being checked"
        DONE = "done", "Done"
        FAILED = "failed", "Ended with trouble"
        LAPSED = "lapsed", "Never begun"
        CANCELLED = "cancelled", "Called off"

    plan = models.ForeignKey(Plan, null=True, on_delete=models.SET_NULL, related_name="works")
    title = models.CharField(max_length=200)
    reason = models.TextField()
    services = models.ManyToManyField("catalog.Service", related_name="maintenance")
    reach = models.CharField(max_length=12, default="alone", help_text="Which services around these feel it.")
    starts_at = models.DateTimeField(help_text="When it is planned to begin.")
    ends_at = models.DateTimeField(help_text="When it is planned to have ended.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PLANNED, db_index=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    planned_name = models.CharField(max_length=255)
    quiet = models.BooleanField(default=True)
    announced = models.BooleanField(default=True)
    before = models.JSONField(default=list)
    after = models.JSONField(default=list)
    by_itself = models.BooleanField(default=False)
    run = models.ForeignKey("runbooks.Run", null=True, on_delete=models.SET_NULL, related_name="+")
    silence = models.ForeignKey("silences.Silence", null=True, on_delete=models.SET_NULL, related_name="+")
    began_at = models.DateTimeField(null=True)
    began_name = models.CharField(max_length=255, blank=True)
    check_until = models.DateTimeField(null=True, help_text="Until when its checks may take.")
    ended_at = models.DateTimeField(null=True)
    ended_name = models.CharField(max_length=255, blank=True)
    outcome = models.TextField(blank=True, help_text="What came of it, for whoever takes over.")
    hindrance = models.TextField(blank=True, help_text="Why it could not begin when it last tried.")
    late_told_at = models.DateTimeField(null=True)
    overran_told_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=["state", "starts_at"]),)
        constraints = (models.UniqueConstraint(fields=["plan", "starts_at"], name="one_work_per_occurrence"),)

    def __str__(self) -> str:
        """As people name it."""
        return f"MNT-{self.pk}"


class WorkNote(Note):
    """One line of the log of a piece of work."""

    work = models.ForeignKey(Work, on_delete=models.CASCADE, related_name="notes")
