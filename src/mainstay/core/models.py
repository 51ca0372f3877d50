"""Tables of the ground floor: people, tokens, the inbox, the feed of changes, heartbeats and the audit log."""

from typing import ClassVar
from zoneinfo import available_timezones

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models


class Role(models.TextChoices):
    """What a person may do. Each role holds the rights of those before it."""

    VIEWER = "viewer", "Viewer"
    RESPONDER = "responder", "Responder"
    MAINTAINER = "maintainer", "Maintainer"
    ADMIN = "admin", "Admin"


def validate_timezone(value: str) -> None:
    """Refuse a time zone that the zone database does not have."""
    if value and value not in available_timezones():
        raise ValidationError(f"{value!r} is not a time zone; write one such as Europe/Berlin")


class PersonManager(BaseUserManager["Person"]):
    """Finds people by their address, whatever its case."""

    def get_by_natural_key(self, username: str | None) -> "Person":
        """The person with this mail address."""
        return self.get(email=(username or "").strip().lower())


class Person(AbstractBaseUser):
    """Somebody who signs in, is paged, or both."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    role = models.CharField(max_length=12, choices=Role.choices, default=Role.VIEWER)
    timezone = models.CharField(max_length=64, blank=True, validators=[validate_timezone])
    is_active = models.BooleanField(default=True)
    source = models.CharField(max_length=255, blank=True, help_text="File that this was applied from, if any.")
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    objects = PersonManager()

    def __str__(self) -> str:
        """The name, else the address."""
        return self.name or self.email


class SignInLink(models.Model):
    """A link that signs one person in, once."""

    digest = models.CharField(max_length=64, unique=True)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="sign_in_links")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        """Whom it is for."""
        return f"sign-in link for {self.person}"


class SignInTry(models.Model):
    """A wrong sign-in, kept for the limit on tries."""

    key = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=["key", "at"]),)

    def __str__(self) -> str:
        """Who tried."""
        return self.key


class ApiToken(models.Model):
    """A key for a program. Only its digest is stored."""

    class Scope(models.TextChoices):
        """What the program may do."""

        INTAKE = "intake", "Send telemetry, alerts and changes"
        READ = "read", "Read everything"
        WRITE = "write", "Read, and act as a responder"

    name = models.CharField(max_length=80, unique=True)
    scope = models.CharField(max_length=8, choices=Scope.choices)
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=12)
    created_by = models.CharField(max_length=255)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        """Its name."""
        return self.name


class InboxItem(models.Model):
    """A signal that was acknowledged to its sender and waits for the room that must act on it."""

    kind = models.CharField(max_length=40)
    payload = models.JSONField()
    received_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    failed_at = models.DateTimeField(null=True, db_index=True)
    error = models.TextField(blank=True)

    class Meta:
        indexes = (models.Index(fields=["kind", "failed_at", "id"]),)

    def __str__(self) -> str:
        """Its kind and number."""
        return f"{self.kind} {self.pk}"


class FeedItem(models.Model):
    """Something that open screens must show. Its number is the event id at which a cut stream resumes."""

    topic = models.CharField(max_length=40)
    ref = models.CharField(max_length=80, blank=True)
    person = models.ForeignKey(Person, null=True, on_delete=models.CASCADE, related_name="+")
    data = models.JSONField(default=dict)
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        """What it is about."""
        return f"{self.topic} {self.ref}"


class Heartbeat(models.Model):
    """The last sign of life of a loop or a process, with how its last round went."""

    name = models.CharField(max_length=80, primary_key=True)
    at = models.DateTimeField()
    ok = models.BooleanField(default=True)
    detail = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        """Whose sign of life."""
        return self.name


class AuditEntry(models.Model):
    """One thing that somebody did. Each entry holds the hash of the one before it."""

    seq = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=255)
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=160, blank=True)
    detail = models.JSONField(default=dict)
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    def __str__(self) -> str:
        """Who did what."""
        return f"{self.seq} {self.actor} {self.action} {self.target}"
