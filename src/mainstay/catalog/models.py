"""Tables of the catalog. Everything has a key, by which files, addresses and people name it."""

import secrets

from django.conf import settings
from django.db import models

from mainstay.catalog.base import KEY, Keyed, Service, Team
from mainstay.catalog.known.models import KnownError, KnownErrorStamp
from mainstay.catalog.levels.models import Agreement, Budget, Objective, Tally

__all__ = [
    "KEY",
    "Agreement",
    "Budget",
    "BusinessProcess",
    "CalendarEntry",
    "Dependency",
    "EmergencyUse",
    "Keyed",
    "KnownError",
    "KnownErrorStamp",
    "Objective",
    "Service",
    "Tally",
    "Team",
]


class Dependency(models.Model):
    """``caller`` cannot do all of its work without ``callee``."""

    caller = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="calls")
    callee = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="called_by")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["caller", "callee"], name="one_dependency_per_pair"),)

    def __str__(self) -> str:
        """Who calls whom."""
        return f"{self.caller_id} -> {self.callee_id}"


class BusinessProcess(Keyed):
    """What the business does with the services, in its own words."""

    class Importance(models.TextChoices):
        """How much the business is hurt when the process stops."""

        HIGH = "high", "High"
        MEDIUM = "medium", "Medium"
        LOW = "low", "Low"

    importance = models.CharField(max_length=6, choices=Importance.choices, default=Importance.MEDIUM)
    users = models.CharField(
        max_length=200, blank=True, help_text="Who is hit, for example: about 400 customers an hour."
    )
    cost_per_hour = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    support_hours = models.JSONField(default=dict, blank=True)
    services = models.ManyToManyField("catalog.Service", related_name="processes", blank=True)


def new_revision() -> int:
    """A number that no change had before."""
    return secrets.randbits(63)


class CalendarEntry(Keyed):
    """A maintenance window, freeze or business event. Civil times and rules are text, as ``calendar.entries`` reads it.

    Lists are text with commas: the gate reads every entry for each question, and decoding JSON would be most of it.
    ``over_at`` is a moment after which it surely never comes true again, so that old entries cost the gate nothing.
    """

    kind = models.CharField(max_length=6, choices=(("window", "Window"), ("freeze", "Freeze"), ("event", "Event")))
    timezone = models.CharField(max_length=64)
    start = models.CharField(max_length=16)
    lasts = models.PositiveIntegerField(null=True, blank=True, help_text="Seconds.")
    to = models.CharField(max_length=5, blank=True)
    days_later = models.PositiveSmallIntegerField(default=0)
    rrule = models.CharField(max_length=300, blank=True)
    rdate = models.TextField(blank=True)
    exdate = models.TextField(blank=True)
    until = models.CharField(max_length=16, blank=True)
    services = models.ManyToManyField("catalog.Service", related_name="calendar_entries", blank=True)
    # Known apart from the services: when the last of them is deleted, the entry must not become one of everything.
    covers_all = models.BooleanField(default=False)
    reach = models.CharField(max_length=12, default="alone")
    changes = models.CharField(max_length=120, blank=True, help_text="Kinds of change; empty: every kind.")
    reason = models.TextField(blank=True)
    created_by = models.CharField(max_length=255)
    enabled = models.BooleanField(default=True)
    over_at = models.DateTimeField(null=True, blank=True, db_index=True)
    # Another number with each change: what was read of an entry with this number need not be read again.
    revision = models.BigIntegerField(default=new_revision)


class EmergencyUse(models.Model):
    """Somebody changed production against the calendar, said why, and owes a review by somebody else."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    person_name = models.CharField(max_length=255)
    kind = models.CharField(max_length=12)
    services = models.JSONField(default=list)
    reason = models.TextField()
    refusal = models.TextField(help_text="What the gate had answered.")
    at = models.DateTimeField(db_index=True)
    until = models.DateTimeField()
    reviewed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    reviewed_name = models.CharField(max_length=255, blank=True)
    reviewed_at = models.DateTimeField(null=True)
    review = models.TextField(blank=True)

    def __str__(self) -> str:
        """Who and when."""
        return f"{self.person_name} at {self.at:%Y-%m-%d %H:%M}"
