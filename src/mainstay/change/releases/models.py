"""Tables of releases: each one, and its log."""

from django.db import models

from mainstay.change.releases import domain


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
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True, help_text="When it was broken off or rolled back.")
    judged_at = models.DateTimeField(null=True)
    verdict = models.CharField(max_length=12, blank=True)
    reason = models.TextField(blank=True, help_text="Why this verdict.")
    confidence = models.FloatField(null=True)
    findings = models.JSONField(default=list, help_text="The evidence, the worst first.")
    evidence = models.JSONField(default=list, help_text="What was looked at beside the metrics.")
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


class ReleaseNote(models.Model):
    """One line of the log of a release."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="notes")
    at = models.DateTimeField()
    who = models.CharField(max_length=255)
    text = models.TextField()

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        """The line."""
        return self.text
