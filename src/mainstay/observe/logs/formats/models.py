"""Tables of formats that people describe: what they say, and how many lines they fit."""

from typing import ClassVar

from django.db import models

from mainstay.catalog.models import Keyed


class LogFormat(Keyed):
    """A format. Its fields are those of an entry of ``log_formats``."""

    services = models.JSONField(default=list, help_text="As lines name them; * for all.")
    contains = models.CharField(max_length=200, blank=True)
    pattern = models.TextField()
    patterns = models.JSONField(default=dict, blank=True)
    time = models.CharField(max_length=120, blank=True)
    time_format = models.CharField(max_length=120, blank=True)
    timezone = models.CharField(max_length=80, blank=True)
    level = models.CharField(max_length=120, blank=True)
    levels = models.JSONField(default=dict, blank=True)
    message = models.CharField(max_length=120, blank=True)
    keep_line = models.BooleanField(default=True, help_text="Keep the whole line where the message is a part of it.")
    enabled = models.BooleanField(default=True)


class LogFormatCount(models.Model):
    """How many records a format fitted in the minutes from ``at`` on, and how many it was tried on in vain."""

    format = models.CharField(max_length=80)
    at = models.DateTimeField()
    matched = models.BigIntegerField(default=0)
    missed = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["format", "at"], name="one_count_per_log_format")]

    def __str__(self) -> str:
        """Which, and how many."""
        return f"{self.format} {self.matched} {self.missed}"
