"""What changes of production share: who asked, who approved exactly that, and who holds it while it runs."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import models


class Approved(models.Model):
    """Something that takes a second person before it is carried out.

    Each kind has its own states; ``draft``, ``requested``, ``approved`` and ``rejected`` are among those of all.
    """

    # What it is called in the audit log, in the timeline and by open screens, and where its page is.
    WORD: ClassVar[str]
    PATH: ClassVar[str]

    title = models.CharField(max_length=200)
    reason = models.TextField()
    incident = models.ForeignKey(
        "incidents.Incident", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    state = models.CharField(max_length=12, db_index=True)
    state_reason = models.TextField(blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    requested_name = models.CharField(max_length=255)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    approved_name = models.CharField(max_length=255, blank=True)
    approved_at = models.DateTimeField(null=True)
    approved_hash = models.CharField(max_length=64, blank=True)
    approval_expires_at = models.DateTimeField(null=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    emergency = models.TextField(blank=True, help_text="Why it is carried out against the calendar.")
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    def service_keys(self) -> list[str]:
        """The services that the gate is asked for."""
        raise NotImplementedError

    def audited(self) -> dict[str, Any]:
        """What every entry in the audit log says of it."""
        return {}

    def barred(self) -> frozenset[int]:
        """People who may not approve it, besides who asked."""
        return frozenset()

    if TYPE_CHECKING:

        def get_state_display(self) -> str:
            """The state as people read it."""
