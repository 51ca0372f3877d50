"""Tables of trackers: where issues are made, those that are linked, what is on its way out, and what came in."""

from django.db import models

from mainstay.catalog.base import Keyed
from mainstay.learn.trackers import domain


class Tracker(Keyed):
    """A project of Jira, GitHub or GitLab in which issues are made."""

    kind = models.CharField(max_length=10)
    address = models.CharField(max_length=500)
    project = models.CharField(max_length=200)
    user = models.CharField(max_length=200, blank=True)
    secret = models.CharField(max_length=80)
    hook_secret = models.CharField(max_length=80, blank=True)
    api = models.CharField(max_length=1, blank=True)
    issue_type = models.CharField(max_length=80, blank=True)
    labels = models.JSONField(default=list)
    states = models.JSONField(default=dict)
    services = models.JSONField(default=list, help_text="Keys of services whose issues go here.")
    teams = models.JSONField(default=list, help_text="Keys of teams whose issues go here.")
    enabled = models.BooleanField(default=True)


class Issue(models.Model):
    """An issue of a tracker and what it is for: ``purpose`` names the kind of thing, ``ref`` which one."""

    class State(models.TextChoices):
        """Where it stands."""

        WAITING = domain.State.WAITING.value, "Not made yet"
        OPEN = domain.State.OPEN.value, "Open"
        WORKING = domain.State.WORKING.value, "Being worked on"
        DONE = domain.State.DONE.value, "Done"
        REFUSED = domain.State.REFUSED.value, "Will not be done"

    tracker = models.ForeignKey(Tracker, on_delete=models.PROTECT, related_name="issues")
    purpose = models.CharField(max_length=20)
    ref = models.CharField(max_length=60)
    link = models.CharField(max_length=500, blank=True, help_text="Path of the page of Mainstay that it is for.")
    number = models.CharField(max_length=80, blank=True)
    url = models.CharField(max_length=2000, blank=True)
    title = models.CharField(max_length=250)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    theirs = models.CharField(max_length=120, blank=True, help_text="The tracker's own word for the state.")
    trouble = models.CharField(max_length=500, blank=True, help_text="Why the last thing could not be told to it.")
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=255)
    changed_at = models.DateTimeField(null=True, help_text="When it changed last, by the tracker's clock.")
    seen_at = models.DateTimeField(null=True, help_text="When the tracker was heard of last.")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["tracker", "purpose", "ref"], name="one_issue_per_thing"),)
        indexes = (models.Index(fields=["purpose", "ref"]), models.Index(fields=["tracker", "number"]))

    def __str__(self) -> str:
        """As people name it."""
        return f"{self.tracker.key} {self.number or '(not made yet)'}"


class Deed(models.Model):
    """Something to be done in a tracker: under one key until it is taken, or given up."""

    class Act(models.TextChoices):
        """What is done."""

        CREATE = "create", "Make the issue"
        COMMENT = "comment", "Comment"
        ATTACH = "attach", "Attach a file"
        MOVE = "move", "Change the state"
        READ = "read", "Look at it"

    class State(models.TextChoices):
        """Where it stands."""

        WAITING = "waiting", "Waits"
        SENT = "sent", "Sent"
        FAILED = "failed", "Given up"

    issue = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="deeds")
    act = models.CharField(max_length=8, choices=Act.choices)
    key = models.CharField(max_length=26, unique=True)
    body = models.JSONField(default=dict)
    content = models.BinaryField(null=True, help_text="The file, until it is sent.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    tries = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(help_text="When it is tried next, or the lease ends.")
    made_at = models.DateTimeField()
    answer = models.CharField(max_length=500, blank=True)

    class Meta:
        indexes = (models.Index(fields=["state", "due_at"]),)

    def __str__(self) -> str:
        """Its key."""
        return self.key


class Fact(models.Model):
    """Something that happened to an issue in its tracker, for the room that the issue belongs to."""

    class Kind(models.TextChoices):
        """What it is."""

        STATE = "state", "Changed its state"
        COMMENT = "comment", "Commented"

    issue = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="facts")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    at = models.DateTimeField()
    who = models.CharField(max_length=255, blank=True)
    before = models.CharField(max_length=8, blank=True)
    after = models.CharField(max_length=8, blank=True)
    text = models.TextField(blank=True)
    number = models.CharField(max_length=80, blank=True, help_text="Of a comment: what the tracker calls it.")
    taken_at = models.DateTimeField(null=True, db_index=True, help_text="When the room that it is for has seen it.")

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(
                fields=["issue", "number"], condition=~models.Q(number=""), name="one_fact_per_comment"
            ),
        )

    def __str__(self) -> str:
        """In a few words."""
        return f"{self.kind} of {self.issue_id}"


class Told(models.Model):
    """A webhook that was taken, by the SHA-256 of its body, so that a second one like it changes nothing."""

    tracker = models.ForeignKey(Tracker, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)
    at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["tracker", "digest"], name="one_webhook_per_body"),)

    def __str__(self) -> str:
        """Its digest."""
        return self.digest
