"""Tables of what is promised: agreements on incidents, objectives, and the budgets of errors that follow."""

from django.db import models

from mainstay.catalog.base import Keyed, Service, Team


class Agreement(Keyed):
    """How soon incidents are acknowledged and restored. Lists and hours are as configuration files hold them."""

    services = models.ManyToManyField("catalog.Service", related_name="agreements", blank=True)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="agreements")
    tiers = models.JSONField(default=list)
    # Known apart from its scope: when the last of its services is deleted, it must not become one of everything.
    of_everything = models.BooleanField(default=False)
    targets = models.JSONField(default=list, help_text="{priority, acknowledge, restore, hours}, lengths in seconds.")
    support_hours = models.JSONField(default=dict, blank=True)
    during = models.CharField(max_length=80, blank=True, help_text="Key of the calendar entry that is support hours.")
    closed = models.JSONField(default=list, help_text="Keys of calendar entries in which support is closed.")
    stops_for = models.JSONField(default=list)
    stops_in_maintenance = models.BooleanField(default=False)
    stops_in_windows = models.BooleanField(default=False)
    enabled = models.BooleanField(default=True)


class Objective(Keyed):
    """What share of what a service does goes well. Expressions are PromQL; ``window_days`` 0 is a calendar month."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="objectives")
    good = models.TextField(blank=True)
    bad = models.TextField(blank=True)
    total = models.TextField(blank=True)
    ratio = models.TextField(blank=True)
    target = models.FloatField()
    window_days = models.PositiveSmallIntegerField(default=30)
    timezone = models.CharField(max_length=64, default="UTC")
    alerts = models.BooleanField(default=True)
    least_failed = models.PositiveIntegerField(default=3, db_default=3, help_text="Failed events that alerts take.")
    gate_below = models.FloatField(null=True, blank=True)
    gate_kinds = models.CharField(max_length=120, blank=True, help_text="Kinds of change, with commas.")
    gate_unknown = models.CharField(max_length=6, default="closed")
    enabled = models.BooleanField(default=True)


class Budget(models.Model):
    """How an objective stands, as of ``measured_until``. It is one row, so that the gate reads it at once.

    ``left`` is the share of the budget of errors that is left, nothing where that is not known, which ``problem`` says.
    """

    objective = models.OneToOneField(Objective, on_delete=models.CASCADE, related_name="budget")
    measured_until = models.DateTimeField(null=True)
    computed_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)
    good = models.FloatField(default=0)
    total = models.FloatField(default=0)
    known_seconds = models.FloatField(default=0)
    window_seconds = models.FloatField(default=0)
    left = models.FloatField(null=True)
    burns = models.JSONField(default=dict, help_text="Window to rate and the share of it that is known.")
    renews_at = models.DateTimeField(null=True)
    page_since = models.DateTimeField(null=True)
    ticket_since = models.DateTimeField(null=True)

    def __str__(self) -> str:
        """Whose it is."""
        return f"budget of {self.objective_id}"


class Tally(models.Model):
    """What went well within a minute, an hour or a day, in so many of its seconds as are known."""

    objective = models.ForeignKey(Objective, on_delete=models.CASCADE, related_name="tallies")
    grain = models.PositiveIntegerField(help_text="60, 3600 or 86400 seconds; a day is one of the objective's zone.")
    start = models.DateTimeField()
    good = models.FloatField(default=0)
    total = models.FloatField(default=0)
    seconds = models.FloatField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["objective", "grain", "start"], name="one_tally_per_start"),)

    def __str__(self) -> str:
        """When it was."""
        return f"{self.grain} s from {self.start}"
