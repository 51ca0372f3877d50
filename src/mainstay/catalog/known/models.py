"""The table of known errors, and the stamp by which running processes see that it has changed."""

from django.conf import settings
from django.db import models

from mainstay.catalog.base import Keyed, Team


class KnownError(Keyed):
    """A failure that was seen before, how to recognise it, and what to do until it is fixed for good."""

    class Fix(models.TextChoices):
        """How far the permanent fix is."""

        NONE = "none", "No permanent fix planned"
        REPORTED = "reported", "Reported to those who can fix it"
        PLANNED = "planned", "Permanent fix planned"
        IN_PROGRESS = "in_progress", "Permanent fix in progress"
        RELEASED = "released", "Permanent fix released"

    services = models.ManyToManyField("catalog.Service", related_name="known_errors", blank=True)
    # Known apart from the services: when the last of them is deleted, it must not become one of everything.
    scoped = models.BooleanField(default=False, db_default=False)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="known_errors"
    )
    match_labels = models.JSONField(default=dict, blank=True, help_text="Label to exact value.")
    match_matchers = models.JSONField(
        default=list, blank=True, db_default=[], help_text='Matchers of labels: env=~"prod|stage".'
    )
    match_rules = models.JSONField(default=list, blank=True, help_text="Names of rules.")
    match_text = models.CharField(max_length=300, blank=True, help_text="Text that the alert's annotations contain.")
    match_words = models.JSONField(
        default=list, blank=True, db_default=[], help_text="Words that the annotations contain, in any order."
    )
    match_condition = models.CharField(
        max_length=300, blank=True, db_default="", help_text="What the alert measured: RULE > 0.5."
    )
    match_log = models.CharField(
        max_length=1000, blank=True, db_default="", help_text="Log template or its number, seen around the start."
    )
    workaround = models.TextField(help_text="Markdown.")
    runbook = models.CharField(max_length=80, blank=True, db_default="", help_text="Key of the runbook that does it.")
    fix = models.CharField(max_length=12, choices=Fix.choices, default=Fix.NONE)
    ticket = models.CharField(max_length=300, blank=True, db_default="", help_text="Where the fix is followed up.")
    fixed_by = models.CharField(max_length=120, blank=True, help_text="The release or change that ends it.")
    from_incident = models.PositiveBigIntegerField(null=True, blank=True, help_text="Number of the incident behind it.")
    created_by = models.CharField(max_length=255, blank=True, db_default="")
    created_at = models.DateTimeField(null=True, blank=True)
    verified_by = models.CharField(max_length=255, blank=True, db_default="")
    verified_at = models.DateTimeField(null=True, blank=True, help_text="When somebody last said that it is true.")
    retired_by = models.CharField(max_length=255, blank=True, db_default="")
    retired_at = models.DateTimeField(null=True, blank=True, db_index=True)
    asked_why = models.CharField(
        max_length=300, blank=True, db_default="", help_text="Why its owner is asked about it."
    )
    asked_at = models.DateTimeField(null=True, blank=True, db_index=True)

    @property
    def is_retired(self) -> bool:
        """Whether nothing is recognised by it any more."""
        return self.retired_at is not None

    @property
    def looked_after_by(self) -> str:
        """The person or the team that owns it."""
        return str(self.owner or self.team or "nobody")


class KnownErrorStamp(models.Model):
    """One row with a value that is new whenever a signature changes, in the transaction of the change."""

    value = models.CharField(max_length=26)

    def __str__(self) -> str:
        """The value."""
        return self.value
