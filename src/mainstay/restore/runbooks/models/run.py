"""Runs: what was asked for, who approved exactly that, and what became of each step on each target."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from mainstay.restore.approved import Approved
from mainstay.restore.runbooks.models.book import BookVersion

LOCAL = ""


class Run(Approved):
    """A version of a book with its inputs on its targets, from the draft to its end."""

    WORD: ClassVar[str] = "run"
    PATH: ClassVar[str] = "/runs"

    class State(models.TextChoices):
        """Where it stands. ``WAITING`` means: for the worker, the gate, a target that another run holds, or a time."""

        DRAFT = "draft", "Draft"
        REQUESTED = "requested", "Waits for approval"
        APPROVED = "approved", "Approved"
        WAITING = "waiting", "Waits"
        RUNNING = "running", "Running"
        PERSON = "person", "Waits for a person"
        STOPPED = "stopped", "Stopped by a person"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        REJECTED = "rejected", "Rejected"
        WITHDRAWN = "withdrawn", "Withdrawn"

    version = models.ForeignKey(BookVersion, on_delete=models.PROTECT, related_name="runs")
    inputs = models.JSONField(default=dict, help_text="Name to value. A secret input holds the name of a secret.")
    targets = models.JSONField(default=list, help_text="Keys of hosts, in the order in which they are taken.")
    state = models.CharField(max_length=12, choices=State.choices, default=State.DRAFT, db_index=True)
    dry_run = models.JSONField(default=dict, help_text="What the last dry run found.")
    dry_run_hash = models.CharField(max_length=64, blank=True)
    automatic = models.CharField(max_length=120, blank=True, help_text="What began it by itself, if nobody did.")
    started_at = models.DateTimeField(null=True)
    asked = models.CharField(max_length=8, blank=True, help_text="stop, until the worker has obeyed.")
    holder = models.CharField(max_length=32, blank=True, help_text="Which worker's thread has it.")
    look_at = models.DateTimeField(null=True, help_text="When to look again whether it may go on.")
    reviewed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    reviewed_name = models.CharField(max_length=255, blank=True)
    reviewed_at = models.DateTimeField(null=True)
    review = models.TextField(blank=True)

    def __str__(self) -> str:
        """As people name it. A run that is not kept goes by its title."""
        return f"RUN-{self.pk}" if self.pk else self.title

    @property
    def owes_review(self) -> bool:
        """Whether the glass was broken for it and nobody has looked into that yet."""
        return bool(self.emergency) and self.reviewed_at is None

    def service_keys(self) -> list[str]:
        """The services that its book says it changes."""
        return sorted(service.key for service in self.version.book.services.all())

    def audited(self) -> dict[str, Any]:
        """Which book in which version."""
        return {"book": self.version.book.key, "version": self.version.number}

    def barred(self) -> frozenset[int]:
        """Whoever wrote this version does not approve it."""
        return frozenset({self.version.author_id} if self.version.author_id else ())


class StepRun(models.Model):
    """One step on one target. It is ``RUNNING`` from before it begins until its outcome is written down."""

    class State(models.TextChoices):
        """What became of it. ``UNKNOWN``: our side died or was cut off meanwhile, and nobody has told yet."""

        WAITING = "waiting", "Waits"
        RUNNING = "running", "Runs"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        SKIPPED = "skipped", "Skipped"
        UNKNOWN = "unknown", "Outcome unknown"
        PERSON = "person", "Waits for a person"

    class Phase(models.TextChoices):
        """Which part of the run it belongs to."""

        MAIN = "main", "Step"
        UNDO = "undo", "Undo"
        VERIFY = "verify", "Verification"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps")
    phase = models.CharField(max_length=6, choices=Phase.choices, default=Phase.MAIN)
    place = models.PositiveIntegerField(help_text="Order within its phase.")
    step = models.CharField(max_length=80, help_text="Its id in the book.")
    target = models.CharField(max_length=80, blank=True, default=LOCAL, help_text="Key of a host; empty: the worker.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    attempt = models.PositiveIntegerField(default=0)
    exit_code = models.IntegerField(null=True)
    outcome = models.TextField(blank=True, help_text="Why it is in this state, as a sentence.")
    answer = models.TextField(blank=True, help_text="What a person answered; later steps get it as an input.")
    until = models.DateTimeField(null=True, help_text="When a wait or a check ends.")
    detail = models.JSONField(default=dict, help_text="Of its kind: the correction that it waits for.")
    by = models.CharField(max_length=255, blank=True, help_text="Who settled or answered it.")
    began_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    output_bytes = models.PositiveIntegerField(default=0, help_text="What it wrote, kept or not.")

    class Meta:
        ordering = ("phase", "place", "pk")
        constraints = (
            models.UniqueConstraint(fields=["run", "phase", "step", "target"], name="one_step_per_run_and_target"),
        )
        indexes = (models.Index(fields=["run", "state"]),)

    def __str__(self) -> str:
        """Which step where."""
        return f"{self.step} on {self.target or 'the worker'}"


class Chunk(models.Model):
    """A piece of what a step wrote, with secrets masked."""

    step_run = models.ForeignKey(StepRun, on_delete=models.CASCADE, related_name="chunks")
    attempt = models.PositiveIntegerField()
    number = models.PositiveIntegerField()
    stream = models.CharField(max_length=3, choices=(("out", "Output"), ("err", "Errors"), ("log", "Mainstay")))
    text = models.TextField()
    at = models.DateTimeField()

    class Meta:
        ordering = ("attempt", "number")
        constraints = (
            models.UniqueConstraint(fields=["step_run", "attempt", "number"], name="one_chunk_per_attempt_and_number"),
        )

    def __str__(self) -> str:
        """Its place."""
        return f"{self.step_run_id}/{self.attempt}/{self.number}"


class TargetLease(models.Model):
    """Which run has a machine. ``address`` is HOST:PORT, so that two names of a machine are one."""

    address = models.CharField(max_length=300, unique=True)
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="leases")
    until = models.DateTimeField()

    def __str__(self) -> str:
        """Which machine."""
        return self.address
