"""The table of silences."""

from django.conf import settings
from django.db import models


class Silence(models.Model):
    """Alerts of these services, or with these labels, open no incident from its beginning to its end."""

    services = models.ManyToManyField("catalog.Service", related_name="silences", blank=True)
    reach = models.CharField(max_length=12, default="alone", help_text="Which services around these it covers as well.")
    anywhere = models.BooleanField(default=False, help_text="It was made for labels alone, whatever the service.")
    labels = models.JSONField(default=dict, help_text="Label to value: an alert must carry all of them.")
    reason = models.TextField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(help_text="When it ends by itself.")
    ended_at = models.DateTimeField(null=True, help_text="When somebody ended it before.")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    made_by = models.CharField(max_length=255)
    work = models.CharField(max_length=40, blank=True, help_text="The planned work that it belongs to, such as MNT-7.")

    class Meta:
        indexes = (models.Index(fields=["ends_at", "starts_at"]),)

    def __str__(self) -> str:
        """As the log names it."""
        return f"silence {self.pk}"
