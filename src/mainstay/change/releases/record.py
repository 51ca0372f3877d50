"""Releases as rows: the door to them, holding one, and what is written on its log."""

from typing import Any

from django.db.models import QuerySet

from mainstay.change.releases import domain
from mainstay.change.releases.domain import Act
from mainstay.change.releases.models import Release
from mainstay.change.releases.validation import ALERTS
from mainstay.core import audit, clock, feed
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import ProblemError, not_found
from mainstay.respond.alerts import signals


def visible(actor: Actor) -> QuerySet[Release]:
    """The one door to releases, the latest first."""
    require(actor, Right.READ)
    return Release.objects.select_related("service").order_by("-pk")


def get(actor: Actor, number: int) -> Release:
    """One release."""
    found = visible(actor).filter(pk=number).first()
    if found is None:
        raise not_found(f"release {number}")
    return found


def locked(actor: Actor, number: int, act: Act) -> Release:
    """A release that can take this step, held for the caller's transaction."""
    require(actor, Right.RESPOND)
    found = Release.objects.select_for_update().filter(pk=number).first()
    if found is None:
        raise not_found(f"release {number}")
    allowed = domain.step(domain.State(found.state), act)
    if not allowed.allowed:
        raise ProblemError(409, "Not possible", f"{found}: {allowed.reason}.")
    return found


def note(actor: Actor, release: Release, deed: str, said: str, **detail: Any) -> None:
    """Its own log, the audit log and open screens, in the caller's transaction."""
    release.notes.create(at=clock.now(), who=actor.name, text=said[:2000])
    audit.record(actor, f"release.{deed}", str(release), service=release.service.key, said=said[:500], **detail)
    feed.tell("release", release.pk)


def alert(release: Release, reason: str, *, ends: bool = False) -> None:
    """That it failed is an alert of its service, until it is judged otherwise or rolled back."""
    signals.send(
        ALERTS,
        "ReleaseFailed",
        {"release": str(release)},
        release.service,
        summary=f"{release} of {release.service.name} {release.version} did harm",
        description=reason[:1000],
        path=f"/releases/{release.pk}",
        began=release.finished_at or clock.now(),
        ends=ends,
    )
