"""Books with their versions, and the machines that they may reach."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from mainstay.catalog.models import Keyed, Service


class Host(Keyed):
    """A machine that steps run on over SSH. Its key is in no row: ``secret`` names it."""

    address = models.CharField(max_length=300, help_text="USER@HOST or USER@HOST:PORT.")
    secret = models.CharField(max_length=80, blank=True, help_text="Name of the secret that is the private key.")
    host_key = models.TextField(blank=True, help_text="Its public key as known_hosts has it; empty: that file tells.")
    via = models.CharField(max_length=80, blank=True, help_text="Key of the host that it is reached through.")
    groups = models.JSONField(default=list, blank=True, help_text="Names by which books take several.")
    services: ClassVar[models.ManyToManyField] = models.ManyToManyField(  # type: ignore[type-arg]  # generic in stubs
        Service, related_name="+", blank=True
    )


class Book(Keyed):
    """A runbook. What it says is in its versions; ``problem`` says why a newer text was not taken."""

    class Origin(models.TextChoices):
        """Where its text is written."""

        DATABASE = "database", "Written here"
        FILES = "files", "Configuration files"
        DIRECTORY = "directory", "The directory of runbooks"

    origin = models.CharField(max_length=10, choices=Origin.choices, default=Origin.DATABASE)
    path = models.CharField(max_length=500, blank=True, help_text="The file that it is read from.")
    current = models.ForeignKey("BookVersion", null=True, on_delete=models.SET_NULL, related_name="+")
    services: ClassVar[models.ManyToManyField] = models.ManyToManyField(  # type: ignore[type-arg]  # generic in stubs
        Service, related_name="runbooks", blank=True
    )
    problem = models.TextField(blank=True)
    enabled = models.BooleanField(default=True)


class BookVersion(models.Model):
    """A text of a book, as it was at one time. It is never changed."""

    book = models.ForeignKey(Book, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    text = models.TextField()
    hash = models.CharField(max_length=64, help_text="SHA-256 of the text.")
    commit = models.CharField(max_length=64, blank=True, help_text="The commit, where the file lies in Git.")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    author_name = models.CharField(max_length=255)
    at = models.DateTimeField()

    class Meta:
        ordering = ("-number",)
        constraints = (models.UniqueConstraint(fields=["book", "number"], name="one_version_per_number"),)

    def __str__(self) -> str:
        """As people name it."""
        return f"{self.book.key} v{self.number}"
