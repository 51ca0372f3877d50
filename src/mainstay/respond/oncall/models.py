"""Tables of on-call: who is to be told, in which order, and how far an escalation has come."""

from django.db import models

from mainstay.catalog.models import Keyed


class Rotation(Keyed):
    """People who take turns. The turn changes at the same wall-clock time in ``timezone`` all year."""

    timezone = models.CharField(max_length=64)
    people = models.JSONField(default=list, help_text="Mail addresses in the order of their turns.")
    starts_on = models.DateField(help_text="Day of the first handover.")
    handover = models.TimeField(help_text="Wall-clock time of the handover.")
    days = models.PositiveSmallIntegerField(default=7, help_text="Length of a turn in days.")


class EscalationPolicy(Keyed):
    """Who is paged for a service, and who next when nobody acknowledges."""

    team = models.ForeignKey("catalog.Team", null=True, blank=True, on_delete=models.SET_NULL, related_name="policies")
    services = models.ManyToManyField("catalog.Service", related_name="policies", blank=True)
    is_default = models.BooleanField(default=False, help_text="Holds for services that no other policy names.")
    repeat = models.PositiveSmallIntegerField(default=2, help_text="Times that the whole policy is gone through again.")


class EscalationStep(models.Model):
    """One step: whom to page, and how long to wait for an acknowledgement before the next."""

    policy = models.ForeignKey(EscalationPolicy, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    people = models.JSONField(default=list, help_text="Mail addresses.")
    rotations = models.JSONField(default=list, help_text="Keys of rotations.")
    wait_seconds = models.PositiveIntegerField(default=600)

    class Meta:
        ordering = ("position",)
        constraints = (models.UniqueConstraint(fields=["policy", "position"], name="one_step_per_position"),)

    def __str__(self) -> str:
        """Its place."""
        return f"step {self.position + 1}"


class Escalation(models.Model):
    """How far the paging for one incident has come, over the policy as it was when it began."""

    class State(models.TextChoices):
        """Whether somebody is still to be paged."""

        RUNNING = "running", "Running"
        STOPPED = "stopped", "Stopped"
        EXHAUSTED = "exhausted", "Exhausted"

    incident = models.ForeignKey("incidents.Incident", on_delete=models.CASCADE, related_name="escalations")
    snapshot = models.JSONField(help_text="The policy's key, name and steps as they were at the start.")
    state = models.CharField(max_length=9, choices=State.choices, default=State.RUNNING)
    # The step that is due next, counted on through the repeats: 0, 1, … steps x (repeat + 1) - 1.
    next_step = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField()
    started_at = models.DateTimeField()
    reason = models.CharField(max_length=300)

    class Meta:
        indexes = (models.Index(fields=["state", "next_at"]),)
        constraints = (
            models.UniqueConstraint(
                fields=["incident"], condition=models.Q(state="running"), name="one_running_escalation_per_incident"
            ),
        )

    def __str__(self) -> str:
        """What it is for."""
        return f"escalation of incident {self.incident_id}"
