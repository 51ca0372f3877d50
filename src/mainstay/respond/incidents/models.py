"""Tables of incidents."""

from django.conf import settings
from django.db import models


class State(models.TextChoices):
    """Where an incident stands. It goes forward, and back only by a new alert before it is resolved."""

    OPEN = "open", "Open"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    RESTORED = "restored", "Restored"
    RESOLVED = "resolved", "Resolved"


class PriorityCell(models.Model):
    """One cell of the priority matrix: impact x urgency -> priority 1 to 4."""

    impact = models.CharField(max_length=6)
    urgency = models.CharField(max_length=6)
    priority = models.PositiveSmallIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["impact", "urgency"], name="one_cell_per_pair"),)

    def __str__(self) -> str:
        """The cell as a sentence."""
        return f"{self.impact} x {self.urgency} = P{self.priority}"


class Incident(models.Model):
    """Something that is broken for somebody, from the first alert to its cause."""

    title = models.CharField(max_length=300)
    service = models.ForeignKey("catalog.Service", null=True, on_delete=models.SET_NULL, related_name="incidents")
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    priority = models.PositiveSmallIntegerField()
    impact = models.CharField(max_length=6)
    urgency = models.CharField(max_length=6)
    reason = models.JSONField(
        default=dict, help_text="Why this priority, in sentences, and the processes that it hits."
    )
    opened_at = models.DateTimeField()
    started_at = models.DateTimeField(help_text="When the first alert says that it began.")
    acknowledged_at = models.DateTimeField(null=True)
    restored_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    snoozed_until = models.DateTimeField(null=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="incidents")
    cause = models.TextField(blank=True)
    known_error = models.ForeignKey(
        "catalog.KnownError", null=True, on_delete=models.SET_NULL, related_name="incidents"
    )
    known_error_why = models.CharField(max_length=300, blank=True)
    # At most one live incident has a group: set while live, emptied when it is resolved.
    live_group = models.CharField(max_length=200, null=True, unique=True)  # noqa: DJ001 - NULL is "no group", many may have it
    settled_at = models.DateTimeField(
        null=True, db_index=True, help_text="When what was agreed on it was written down for good."
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = (models.Index(fields=["state", "priority"]), models.Index(fields=["service", "-opened_at"]))

    def __str__(self) -> str:
        """As people call it."""
        return f"INC-{self.pk}"


class KnownErrorMatch(models.Model):
    """A known error that was shown for an incident, and what people said of it. Counts are made of these rows."""

    class Kind(models.TextChoices):
        """How it was found."""

        EXACT = "exact", "Matches"
        GUESS = "guess", "Similar, a guess"

    class Verdict(models.TextChoices):
        """What somebody said of it."""

        NONE = "", "Nothing said yet"
        WORKED = "worked", "It is this, and the workaround helped"
        FAILED = "failed", "It is this, and the workaround did not help"
        CONFIRMED = "confirmed", "It is this"
        REJECTED = "rejected", "It is something else"

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="known_matches")
    known_error = models.ForeignKey("catalog.KnownError", on_delete=models.CASCADE, related_name="matches")
    kind = models.CharField(max_length=5, choices=Kind.choices)
    why = models.TextField()
    parts = models.PositiveSmallIntegerField(default=0, help_text="Parts of the signature that fit; more rank higher.")
    score = models.FloatField(null=True, help_text="Of a guess: how similar, 0 to 1.")
    offered_at = models.DateTimeField()
    verdict = models.CharField(max_length=9, choices=Verdict.choices, default=Verdict.NONE, blank=True)
    judged_by = models.CharField(max_length=255, blank=True)
    judged_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["incident", "known_error"], name="one_match_per_known_error"),)
        indexes = (models.Index(fields=["known_error", "-offered_at"]),)

    def __str__(self) -> str:
        """What for which incident."""
        return f"{self.known_error_id} for incident {self.incident_id}"
