"""The databases that the desk may talk to."""

from typing import ClassVar

from django.db import models

from mainstay.catalog.models import Keyed, Service


class Connection(Keyed):
    """A database. Its password is not here: ``secret`` names it."""

    class Dialect(models.TextChoices):
        """Which database it is. PostgreSQL, MySQL/MariaDB and SQLite are tested; the others are not."""

        POSTGRES = "postgres", "PostgreSQL"
        MYSQL = "mysql", "MySQL or MariaDB"
        SQLITE = "sqlite", "SQLite"
        ORACLE = "oracle", "Oracle (untested)"
        SQLSERVER = "sqlserver", "SQL Server (untested)"

    class Environment(models.TextChoices):
        """What a mistake would cost here. Production looks different on every screen."""

        PRODUCTION = "production", "Production"
        STAGING = "staging", "Staging"
        TEST = "test", "Test"

    dialect = models.CharField(max_length=12, choices=Dialect.choices)
    environment = models.CharField(max_length=12, choices=Environment.choices, default=Environment.PRODUCTION)
    address = models.CharField(max_length=500, help_text="USER@HOST:PORT/DATABASE, or the path of a SQLite file.")
    secret = models.CharField(max_length=80, blank=True, help_text="Name of the secret that is the password.")
    read_address = models.CharField(max_length=500, blank=True, help_text="Where reads go: a replica, another user.")
    read_secret = models.CharField(max_length=80, blank=True)
    read_role = models.CharField(max_length=80, blank=True, help_text="Role that reads take on (PostgreSQL).")
    services: ClassVar[models.ManyToManyField] = models.ManyToManyField(  # type: ignore[type-arg]  # generic in stubs
        Service, related_name="+", blank=True
    )
    statement_timeout = models.PositiveIntegerField(default=30, help_text="Seconds.")
    lock_timeout = models.PositiveIntegerField(default=5, help_text="Seconds.")
    max_rows = models.PositiveIntegerField(default=10_000, help_text="Rows that a read may return.")
    max_bytes = models.PositiveIntegerField(default=20_000_000, help_text="Bytes that a read may return.")
    masks = models.JSONField(default=list, blank=True, help_text="[{column, table, show}]: what people do not see.")
    sensitive = models.BooleanField(default=False, help_text="Whether a colleague has to approve each read.")
    corrections = models.BooleanField(default=True, help_text="Whether data may be corrected here at all.")

    @property
    def is_production(self) -> bool:
        """Whether a mistake here hurts."""
        return self.environment == self.Environment.PRODUCTION
