"""Tables of what is told: to whom, and each notice with what became of it."""

from django.db import models

from mainstay.catalog.base import Keyed


class Subscriber(Keyed):
    """Somebody who wants to know. Without services and processes: of everything."""

    mail = models.CharField(max_length=254)
    timezone = models.CharField(max_length=64, blank=True)
    services = models.ManyToManyField("catalog.Service", related_name="subscribers", blank=True)
    processes = models.ManyToManyField("catalog.BusinessProcess", related_name="subscribers", blank=True)
    of_everything = models.BooleanField(default=False, help_text="It names no service and no process.")


class Notice(models.Model):
    """A mail to one subscriber, written in the commit of what it tells, and sent afterwards."""

    class State(models.TextChoices):
        """How far it is."""

        WAITING = "waiting", "Waiting"
        CLAIMED = "claimed", "Being sent"
        SENT = "sent", "Accepted by the mail server"
        FAILED = "failed", "Given up"

    subscriber = models.ForeignKey(Subscriber, null=True, on_delete=models.SET_NULL, related_name="notices")
    address = models.CharField(max_length=254)
    about = models.CharField(max_length=40, db_index=True, help_text="What it tells of, such as MNT-7.")
    subject = models.CharField(max_length=300)
    text = models.TextField()
    key = models.CharField(max_length=40, unique=True, help_text="The same on every try.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    due_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    answer = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=["state", "due_at"]),)

    def __str__(self) -> str:
        """To whom, of what."""
        return f"notice {self.pk} of {self.about} to {self.address}"
