"""Tables of problems: each one, its incidents and its log; and incidents as they are compared."""

from django.conf import settings
from django.db import models

from mainstay.core.notes import Note
from mainstay.learn.problems.domain import actions, course


class Problem(models.Model):
    """What is behind incidents that come again, until it is proven gone."""

    class State(models.TextChoices):
        """Where it stands."""

        PROPOSED = course.State.PROPOSED.value, "Proposed"
        DISMISSED = course.State.DISMISSED.value, "Dismissed"
        OPEN = course.State.OPEN.value, "Open"
        CAUSE_KNOWN = course.State.CAUSE_KNOWN.value, "Cause known"
        FIX_PLANNED = course.State.FIX_PLANNED.value, "Fix planned"
        VERIFYING = course.State.VERIFYING.value, "Being verified"
        SOLVED = course.State.SOLVED.value, "Solved"

    title = models.CharField(max_length=300)
    service = models.ForeignKey("catalog.Service", null=True, on_delete=models.SET_NULL, related_name="problems")
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN, db_index=True)
    reason = models.TextField(help_text="Why it stands where it stands.")
    common = models.JSONField(default=list, help_text="What its incidents have in common, when it was proposed.")
    differing = models.JSONField(default=list, help_text="Where they differed.")
    cause = models.TextField(blank=True)
    workaround = models.TextField(blank=True)
    known_error = models.ForeignKey("catalog.KnownError", null=True, on_delete=models.SET_NULL, related_name="problems")
    fix = models.CharField(max_length=300, blank=True, help_text="What is to end it, in words.")
    fix_release = models.ForeignKey("releases.Release", null=True, on_delete=models.SET_NULL, related_name="problems")
    fix_version = models.CharField(max_length=200, blank=True)
    fixed_at = models.DateTimeField(null=True, help_text="Since when the fix is in place.")
    verify_days = models.PositiveSmallIntegerField(default=30)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="problems")
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=255)
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        """As people name it."""
        return f"PRB-{self.pk}"


class Occurrence(models.Model):
    """An incident that belongs to a problem, and why."""

    problem = models.ForeignKey(Problem, on_delete=models.CASCADE, related_name="occurrences")
    incident = models.ForeignKey("incidents.Incident", on_delete=models.CASCADE, related_name="occurrences")
    at = models.DateTimeField()
    who = models.CharField(max_length=255)
    why = models.CharField(max_length=300)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["problem", "incident"], name="one_occurrence_per_incident"),)

    def __str__(self) -> str:
        """Which of which."""
        return f"incident {self.incident_id} of problem {self.problem_id}"


class ProblemNote(Note):
    """One line of the log of a problem."""

    problem = models.ForeignKey(Problem, on_delete=models.CASCADE, related_name="notes")


class Portrait(models.Model):
    """An incident as it is compared with others. Its alerts are kept: they may belong to a later one by then."""

    incident = models.OneToOneField(
        "incidents.Incident", primary_key=True, on_delete=models.CASCADE, related_name="portrait"
    )
    at = models.DateTimeField(db_index=True)
    text = models.TextField(blank=True)
    labels = models.JSONField(default=dict)
    signs = models.JSONField(default=list)
    likes = models.JSONField(default=list, help_text="Earlier incidents like it, the most alike first.")

    def __str__(self) -> str:
        """Of which."""
        return f"portrait of incident {self.incident_id}"


class Review(models.Model):
    """The document on a problem: what happened, why, and what is learned. ``version`` counts what was kept."""

    class State(models.TextChoices):
        """Where it stands."""

        DRAFT = "draft", "Draft"
        REQUESTED = "requested", "Waits for a second person"
        SIGNED = "approved", "Signed off"

    problem = models.OneToOneField(Problem, on_delete=models.CASCADE, related_name="review")
    version = models.PositiveIntegerField(default=1)
    sections = models.JSONField(default=dict, help_text="Name to Markdown.")
    tree = models.TextField(blank=True, help_text="The tree of causes as an outline.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    edited_at = models.DateTimeField()
    edited_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    edited_name = models.CharField(max_length=255)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    requested_name = models.CharField(max_length=255, blank=True)
    signed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    signed_name = models.CharField(max_length=255, blank=True)
    signed_at = models.DateTimeField(null=True)
    signed_hash = models.CharField(max_length=64, blank=True, help_text="SHA-256 of what was signed.")

    def __str__(self) -> str:
        """As people name it."""
        return f"review of PRB-{self.problem_id}"


class ReviewVersion(models.Model):
    """A review as it was kept once. It is never changed."""

    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    sections = models.JSONField(default=dict)
    tree = models.TextField(blank=True)
    at = models.DateTimeField()
    who = models.CharField(max_length=255)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    hash = models.CharField(max_length=64, help_text="SHA-256 of its content.")

    class Meta:
        ordering = ("-number",)
        constraints = (models.UniqueConstraint(fields=["review", "number"], name="one_review_version_per_number"),)

    def __str__(self) -> str:
        """Which."""
        return f"version {self.number} of {self.review_id}"


class Action(models.Model):
    """Something that is done so that it does not come again, with who does it and until when."""

    class Kind(models.TextChoices):
        """What it is for."""

        PREVENT = "prevent", "Prevents it"
        DETECT = "detect", "Notices it sooner"
        MITIGATE = "mitigate", "Makes it hurt less"
        PROCESS = "process", "Makes the work better"

    class State(models.TextChoices):
        """Where it stands."""

        OPEN = actions.State.OPEN.value, "Open"
        DONE = actions.State.DONE.value, "Done"
        DROPPED = actions.State.DROPPED.value, "Dropped"

    problem = models.ForeignKey(Problem, on_delete=models.CASCADE, related_name="actions")
    title = models.CharField(max_length=250)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="actions")
    due = models.DateField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    said = models.TextField(blank=True, help_text="The evidence that it is done, or why it was dropped.")
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=255)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=255, blank=True)
    remind_at = models.DateTimeField(null=True, db_index=True, help_text="When its owner is reminded next.")

    class Meta:
        indexes = (models.Index(fields=["state", "due"]),)

    def __str__(self) -> str:
        """As people name it."""
        return f"ACT-{self.pk}"
