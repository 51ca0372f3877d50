"""Searches that people keep."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from mainstay.core.models import Person


class SavedSearch(models.Model):
    """A query with its range under a name. ``range`` is as written: ``last 1h`` moves, two moments stay."""

    name = models.CharField(max_length=120)
    query = models.TextField(blank=True)
    range = models.CharField(max_length=120)
    owner = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="saved_searches")
    shared = models.BooleanField(default=False, help_text="Whether everybody sees it.")
    created_at = models.DateTimeField()

    class Meta:
        app_label = "logs"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "name"], name="saved_search_name_once"),
            models.CheckConstraint(condition=~Q(name=""), name="saved_search_has_name"),
        ]

    def __str__(self) -> str:
        return self.name
