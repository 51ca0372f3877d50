"""What intake refused, for the operator to see."""

import logging

from django.db import DatabaseError
from django.db.models import QuerySet

from mainstay.core import clock
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.observe.intake.models import IntakeError

log = logging.getLogger(__name__)
KEPT_BODY = 16_384


def keep_error(protocol: str, path: str, sender: str, problem: ProblemError, body: bytes) -> None:
    """Keep a refused request. Requests without a valid token are not kept: anybody could fill the screen."""
    if problem.status in {401, 403, 429, 503}:
        return
    try:
        IntakeError.objects.create(
            at=clock.now(),
            protocol=protocol,
            path=path[:300],
            sender=sender[:120],
            status=problem.status,
            field=problem.field[:300],
            detail=problem.detail[:1000],
            body=body[:KEPT_BODY].decode("utf-8", "replace").replace("\x00", "\ufffd"),
        )
    except DatabaseError:
        log.exception("a refused request could not be kept: %s", problem.detail)


def prune() -> int:
    """Keep the newest refused requests, up to the setting."""
    ids = IntakeError.objects.order_by("-id").values_list("id", flat=True)[current().intake_errors_kept :][:1]
    oldest = list(ids)
    return IntakeError.objects.filter(id__lte=oldest[0]).delete()[0] if oldest else 0


def visible_errors(actor: Actor) -> QuerySet[IntakeError]:
    """The one door to refused requests, newest first."""
    require(actor, Right.READ)
    return IntakeError.objects.order_by("-id")
