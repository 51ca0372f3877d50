"""Tables of releases: each one, and its log."""

from django.db import models

from mainstay.catalog.base import Keyed
from mainstay.change.releases import domain
from mainstay.core.notes import Note


class Release(models.Model):
    """One version of a service, brought to production."""

    class State(models.TextChoices):
        """Where it stands."""

        PLANNED = domain.State.PLANNED.value, "Planned"
        STARTED = domain.State.STARTED.value, "Being rolled out"
        WATCHED = domain.State.WATCHED.value, "Being watched"
        PASSED = domain.State.PASSED.value, "Passed"
        FAILED = domain.State.FAILED.value, "Failed"
        INCONCLUSIVE = domain.State.INCONCLUSIVE.value, "Inconclusive"
        BROKEN_OFF = domain.State.BROKEN_OFF.value, "Broken off"
        ROLLED_BACK = domain.State.ROLLED_BACK.value, "Rolled back"

    service = models.ForeignKey("catalog.Service", on_delete=models.CASCADE, related_name="releases")
    version = models.CharField(max_length=200)
    previous = models.CharField(max_length=200, blank=True, help_text="The version that it replaces.")
    summary = models.TextField(blank=True, help_text="What changes for users and for the desk.")
    artefact = models.CharField(max_length=500, blank=True, help_text="Image, package or commit.")
    ticket = models.CharField(max_length=200, blank=True)
    link = models.CharField(max_length=2000, blank=True, help_text="Where the pipeline ran.")
    reference = models.CharField(max_length=200, blank=True, help_text="What the sender calls it.")
    state = models.CharField(max_length=12, choices=State.choices, default=State.PLANNED, db_index=True)
    created_at = models.DateTimeField()
    made_by = models.CharField(max_length=255)
    planned_for = models.DateTimeField(null=True, help_text="When it is to be rolled out.")
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True, help_text="When it was broken off or rolled back.")
    asked_at = models.DateTimeField(null=True, db_index=True, help_text="When somebody asked for a verdict now.")
    judged_at = models.DateTimeField(null=True)
    verdict = models.CharField(max_length=12, blank=True)
    reason = models.TextField(blank=True, help_text="Why this verdict.")
    confidence = models.FloatField(null=True)
    findings = models.JSONField(default=list, help_text="The evidence, the worst first.")
    evidence = models.JSONField(default=list, help_text="What was looked at beside the metrics.")
    runbook = models.CharField(max_length=80, blank=True, db_default="", help_text="Key of the book that rolls it out.")
    inputs = models.JSONField(null=True, help_text="What the book is given beside the facts of the release.")
    rollout_run = models.ForeignKey(
        "runbooks.Run", null=True, on_delete=models.SET_NULL, related_name="+", help_text="What rolls it out."
    )
    undo_run = models.ForeignKey(
        "runbooks.Run", null=True, on_delete=models.SET_NULL, related_name="+", help_text="What its failure began."
    )
    undo_settled = models.BooleanField(default=True, db_default=True, help_text="Whether its end is written down.")
    metrics = models.JSONField(null=True, help_text="What the metrics alone said: verdict, reason, confidence.")
    counts = models.JSONField(default=dict, help_text="How many measures passed, failed and say nothing.")

    class Meta:
        indexes = (models.Index(fields=["service", "started_at"]),)
        constraints = (
            models.UniqueConstraint(
                fields=["service", "reference"], condition=~models.Q(reference=""), name="one_release_per_reference"
            ),
        )

    def __str__(self) -> str:
        """As people name it."""
        return f"REL-{self.pk}"


class ReleaseNote(Note):
    """One line of the log of a release."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="notes")


class ReleasePlan(Keyed):
    """What is looked at after a release of a service. Its steps are as they stand in the file."""

    service = models.OneToOneField("catalog.Service", on_delete=models.CASCADE, related_name="release_plan")
    steps = models.JSONField(default=list)
    on_failed = models.JSONField(null=True, help_text="The runbook that begins when a release has failed.")
    on_verdict = models.JSONField(null=True, help_text="Who is told of each verdict.")
    enabled = models.BooleanField(default=True)

    class Meta:
        verbose_name = "release plan"


class VerdictDelivery(models.Model):
    """A verdict on its way to a webhook. It is sent under the same key until it is taken, or given up."""

    class State(models.TextChoices):
        """Where it stands."""

        WAITING = "waiting", "Waits"
        SENT = "sent", "Sent"
        FAILED = "failed", "Given up"

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="deliveries")
    key = models.CharField(max_length=64, unique=True)
    address = models.CharField(max_length=2000, blank=True)
    secret = models.CharField(max_length=80, blank=True, help_text="Name of the secret that is the address.")
    body = models.TextField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    tries = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(db_index=True, help_text="When it is tried next, or the lease ends.")
    answer = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        """Its key."""
        return self.key
