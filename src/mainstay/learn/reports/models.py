"""Tables of reports: those that are sent by themselves, and what was sent."""

from django.db import models

from mainstay.catalog.base import Keyed


class ReportPlan(Keyed):
    """A report that is mailed after each shift, week or month. Without a team it is about everything."""

    class Kind(models.TextChoices):
        """What it is of."""

        SHIFT = "shift", "Each shift"
        WEEK = "week", "Each week"
        MONTH = "month", "Each month"

    kind = models.CharField(max_length=5, choices=Kind.choices)
    team = models.ForeignKey("catalog.Team", null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    timezone = models.CharField(max_length=64)
    shifts = models.JSONField(default=list, help_text="Times of day at which shifts begin, HH:MM.")
    mails = models.JSONField(default=list, help_text="Addresses besides those of the members of the team.")
    to_team = models.BooleanField(default=True, help_text="Whether the members of the team get it.")
    enabled = models.BooleanField(default=True)
    next_at = models.DateTimeField(db_index=True)


class SentReport(models.Model):
    """A report as it was sent: its time, and what it said."""

    plan = models.ForeignKey(ReportPlan, null=True, on_delete=models.SET_NULL, related_name="sent")
    name = models.CharField(max_length=160)
    link = models.CharField(max_length=1000)
    start = models.DateTimeField()
    end = models.DateTimeField()
    at = models.DateTimeField()
    told = models.PositiveIntegerField(help_text="How many people it was mailed to.")
    summary = models.JSONField(default=list)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["plan", "start"], name="one_report_per_plan_and_time"),)

    def __str__(self) -> str:
        """Its name."""
        return self.name
