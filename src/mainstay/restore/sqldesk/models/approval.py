"""What a correction and a job share: the database, and how its tables were when they were looked at."""

from typing import Any

from django.db import models

from mainstay.restore.approved import Approved
from mainstay.restore.sqldesk.models.connection import Connection


class DeskChange(Approved):
    """A change of production data."""

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="+")
    fingerprint = models.CharField(max_length=64, blank=True, help_text="Of the tables, when they were looked at.")

    class Meta:
        abstract = True

    def service_keys(self) -> list[str]:
        """The services of its database."""
        return sorted(service.key for service in self.connection.services.all())

    def audited(self) -> dict[str, Any]:
        """Which database."""
        return {"connection": self.connection.key}
