"""The patterns of log lines: what stays when the parts that vary are taken out."""

from typing import ClassVar

from django.db import models

from mainstay.catalog.models import KnownError
from mainstay.observe.logs.formats.models import LogFormat, LogFormatCount
from mainstay.observe.logs.metering.models import LogMetric, LogMetricCount
from mainstay.observe.logs.search.models import SavedSearch

__all__ = ["LogFormat", "LogFormatCount", "LogMetric", "LogMetricCount", "LogPolicy", "Pattern", "SavedSearch"]


class Pattern(models.Model):
    """A template of log lines with a number that it keeps for good.

    How often it was seen is counted by the telemetry store (``log_minutes``). When two patterns turn out to be one,
    the younger points to the older by ``merged_into``: lines keep the number that they were stored with.
    """

    id = models.BigIntegerField(primary_key=True, help_text="63 bits of a hash of the first form of the template.")
    template = models.TextField(help_text="Variable parts are written <*>.")
    example = models.TextField(blank=True, help_text="The first line of it, redacted.")
    shape = models.JSONField(help_text="Words (a gap is a list), signs between them, samples of what stood in gaps.")
    first_seen = models.DateTimeField()
    first_service = models.CharField(max_length=200, blank=True)
    level = models.CharField(max_length=8, blank=True)
    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="merged")
    known_error = models.ForeignKey(
        KnownError, null=True, blank=True, on_delete=models.SET_NULL, related_name="patterns"
    )
    note = models.TextField(blank=True, help_text="What the team knows of it.")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["-first_seen"], name="pattern_first_seen")]

    def __str__(self) -> str:
        return self.template

    def elder(self) -> "Pattern":
        """The pattern that this one has become."""
        found, seen = self, {self.pk}
        while found.merged_into is not None and found.merged_into.pk not in seen:
            found = found.merged_into
            seen.add(found.pk)
        return found

    def family(self) -> list[int]:
        """Its number and those of all patterns that were merged into it: what its lines were stored with."""
        found, layer = [self.pk], [self.pk]
        while layer:
            layer = list(
                Pattern.objects.filter(merged_into__in=layer).exclude(pk__in=found).values_list("pk", flat=True)
            )
            found += layer
        return found


class LogPolicy(models.Model):
    """How long the log lines of a service are kept, and how much of them may come on a day."""

    service = models.CharField(
        max_length=200, unique=True, help_text="As lines name it; it need not be in the catalog."
    )
    name = models.CharField(max_length=160, blank=True)
    keep_days = models.PositiveSmallIntegerField(null=True, blank=True)
    mb_per_day = models.PositiveIntegerField(null=True, blank=True)
    source = models.CharField(max_length=300, blank=True, help_text="The file that it comes from.")

    def __str__(self) -> str:
        return self.service
