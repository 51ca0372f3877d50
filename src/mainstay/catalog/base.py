"""What everything in the catalog stands on: keys, teams and services."""

from typing import ClassVar

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models

KEY = RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}\Z", "Write letters, digits, dots, dashes and underscores.")


class Keyed(models.Model):
    """What every entry of the catalog has. ``source`` is the file that it was applied from, empty when made by hand."""

    key = models.CharField(max_length=80, unique=True, validators=[KEY])
    name = models.CharField(max_length=160)
    source = models.CharField(max_length=255, blank=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        """Its name."""
        return self.name


class Team(Keyed):
    """People who own services together."""

    description = models.TextField(blank=True)
    members: ClassVar[models.ManyToManyField] = models.ManyToManyField(  # type: ignore[type-arg]  # generic in stubs
        settings.AUTH_USER_MODEL, related_name="teams", blank=True
    )


class Service(Keyed):
    """A running thing that can fail on its own."""

    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.SET_NULL, related_name="services")
    tier = models.PositiveSmallIntegerField(default=3, help_text="1 is the most important, 4 the least.")
    description = models.TextField(blank=True)
    links = models.JSONField(default=dict, blank=True, help_text="Title to address.")
    only_in_windows = models.BooleanField(
        default=False, db_default=False, help_text="Changed in maintenance windows only."
    )
