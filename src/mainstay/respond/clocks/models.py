"""Tables of clocks: what was said of each once and for all, and the time in which work stopped them."""

from django.db import models

from mainstay.respond.clocks.domain import Goal


class Reading(models.Model):
    """What one goal of an incident came to: what was told meanwhile, and the outcome when it is resolved."""

    class Outcome(models.TextChoices):
        """How it ended."""

        LIVE = "", "Not over"
        MET = "met", "Met"
        BREACHED = "breached", "Breached"

    incident = models.ForeignKey("incidents.Incident", on_delete=models.CASCADE, related_name="readings")
    goal = models.CharField(max_length=12, choices=[(one.value, one.value) for one in Goal])
    agreement = models.CharField(max_length=80)
    priority = models.PositiveSmallIntegerField()
    limit_seconds = models.PositiveBigIntegerField(null=True)
    spent_seconds = models.PositiveBigIntegerField(default=0)
    warned_at = models.DateTimeField(null=True)
    breached_at = models.DateTimeField(null=True, help_text="When more time than agreed was used.")
    breach_told_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=8, choices=Outcome.choices, blank=True, db_index=True)
    reason = models.TextField(blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["incident", "goal"], name="one_reading_per_goal"),)

    def __str__(self) -> str:
        """Which goal of which incident."""
        return f"{self.goal} of INC-{self.incident_id}"


class Pause(models.Model):
    """Time in which planned work on a service stops its clocks, where that is agreed. ``ends_at`` is the agreed end."""

    service = models.ForeignKey("catalog.Service", on_delete=models.CASCADE, related_name="+")
    work = models.CharField(max_length=40)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=["service", "ends_at"]), models.Index(fields=["work"]))

    def __str__(self) -> str:
        """What pauses."""
        return f"{self.work} on {self.service_id}"
