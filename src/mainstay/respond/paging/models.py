"""Tables of paging: how people are reached, what they were told, and what became of it."""

from django.conf import settings
from django.db import models


class ContactMethod(models.Model):
    """A way to reach a person. ``address`` may hold a secret and is never shown whole."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="contact_methods")
    channel = models.CharField(max_length=20)
    address = models.CharField(max_length=2000, blank=True)
    address_env = models.CharField(max_length=120, blank=True, help_text="Environment variable that it came from.")
    position = models.PositiveSmallIntegerField(default=0)
    min_priority = models.PositiveSmallIntegerField(default=4, help_text="Used for this priority and more urgent ones.")
    source = models.CharField(max_length=255, blank=True)

    class Meta:
        ordering = ("position", "id")
        constraints = (
            models.UniqueConstraint(fields=["person", "channel", "address"], name="one_contact_method_per_address"),
        )

    def __str__(self) -> str:
        """The channel, not the address."""
        return f"{self.channel} of {self.person_id}"


class Page(models.Model):
    """The decision that a person must be told of an incident, with its reason."""

    escalation = models.ForeignKey("oncall.Escalation", on_delete=models.CASCADE, related_name="pages")
    incident = models.ForeignKey("incidents.Incident", on_delete=models.CASCADE, related_name="pages")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="pages")
    step = models.PositiveIntegerField()
    reason = models.CharField(max_length=300)
    key = models.CharField(max_length=26, unique=True, help_text="Names the page towards providers, always the same.")
    created_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["escalation", "step", "person"], name="one_page_per_person_and_step"),
        )
        indexes = (models.Index(fields=["-created_at"]),)

    def __str__(self) -> str:
        """Who was told of what."""
        return f"page {self.pk} of incident {self.incident_id}"


class Attempt(models.Model):
    """The delivery of a page by one contact method: claimed with a lease, sent, and what the provider said."""

    class State(models.TextChoices):
        """How far the delivery is."""

        WAITING = "waiting", "Waiting"
        CLAIMED = "claimed", "Being sent"
        SENT = "sent", "Accepted by the provider"
        FAILED = "failed", "Given up"
        DROPPED = "dropped", "No longer needed"

    page = models.ForeignKey(Page, on_delete=models.CASCADE, related_name="attempts")
    channel = models.CharField(max_length=20)
    method = models.ForeignKey(ContactMethod, null=True, on_delete=models.SET_NULL, related_name="+")
    shown_address = models.CharField(max_length=120, blank=True, help_text="The address with its secret parts hidden.")
    key = models.CharField(max_length=40, unique=True, help_text="Idempotency key: the same on every try.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    due_at = models.DateTimeField()
    claimed_by = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    answer = models.CharField(max_length=500, blank=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=["state", "due_at"]),)

    def __str__(self) -> str:
        """How and how far."""
        return f"{self.channel}: {self.state}"
