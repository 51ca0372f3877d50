"""What people confirmed to be the cause, and how often the diagnosis had said so."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from mainstay.catalog import services as catalog
from mainstay.core import audit, clock, feed
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import bad_request
from mainstay.learn.diagnosis.domain.score import Label, Score, score
from mainstay.learn.diagnosis.models import Confirmed, Finding
from mainstay.learn.diagnosis.services import latest
from mainstay.observe.changes import ranking
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import Incident
from mainstay.respond.timeline import services as timeline


def visible(actor: Actor) -> QuerySet[Confirmed]:
    """The one door to confirmed causes, the newest first."""
    require(actor, Right.RESPOND)
    return Confirmed.objects.select_related("incident", "finding").order_by("-at", "-pk")


def of_incident(actor: Actor, number: int) -> Confirmed | None:
    """What was confirmed of an incident."""
    return visible(actor).filter(incident_id=number).first()


@transaction.atomic
def confirm(actor: Actor, number: int, service: str, change: str = "", note: str = "") -> Confirmed:
    """Say which service was to blame (empty: none of the catalog), and which change (empty: none).

    It is held against what the diagnosis had said last before the first word of a person. Said again, the truth is
    put right and what it is held against stays, so that nobody is measured on what was said in hindsight.
    """
    incident = incidents.locked(actor, number)
    if service and not catalog.visible_services(actor).filter(key=service).exists():
        raise bad_request(f"there is no service {service!r}", "service")
    known = _named_changes(latest(actor, number))
    if change and change not in known:
        raise bad_request(f"{change!r} is no change that the diagnosis knows of this incident", "change")
    truth = {"service": service, "change": change, "note": note.strip()[:2000], "by": actor.name, "at": clock.now()}
    row, _ = Confirmed.objects.update_or_create(
        incident=incident,
        defaults=truth,
        create_defaults={**truth, "finding": latest(actor, number), "among": _could_be_named(actor, incident)},
    )
    what = service or "no service of the catalog"
    timeline.record(number, "cause", f"The cause was {what}, says {actor.name}", actor.name, change=change)
    audit.record(actor, "diagnosis.confirm", str(incident), service=service, change=change)
    feed.tell("incident", number)
    return row


def _named_changes(found: Finding | None) -> set[str]:
    return {one["name"] for one in found.said["changes"]} if found else set()


def _could_be_named(actor: Actor, incident: Incident) -> int:
    """How many services the diagnosis looks at: the incident's and those up to three calls away."""
    if incident.service is None:
        return 0
    return len(ranking.ways(incident.service.key, catalog.dependencies(actor)))


def labels(rows: Sequence[Confirmed]) -> list[Label]:
    """Confirmed causes as cases that can be scored."""
    return [
        Label(
            tuple(said["name"] for said in one.finding.said["services"]) if one.finding else (),
            one.service,
            one.among,
        )
        for one in rows
    ]


def own_score(actor: Actor) -> tuple[Score, list[Confirmed]]:
    """How often it was right here, and the cases that say so."""
    rows = list(visible(actor))
    return score(labels(rows)), rows


def truth_of(row: Confirmed) -> dict[str, Any]:
    """The label of a case folder."""
    return {"service": row.service, "change": row.change, "confirmed_by": row.by, "at": row.at, "note": row.note}
