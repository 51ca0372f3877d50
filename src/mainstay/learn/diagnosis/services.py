"""Who is to blame for an incident: diagnosed by itself as it goes on, and when somebody asks. The door to the room."""

import hashlib
import time
from typing import Any

import orjson
from django.db import transaction
from django.db.models import QuerySet

from mainstay.core import audit, clock, feed
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import ProblemError
from mainstay.learn.diagnosis.domain.case import Case
from mainstay.learn.diagnosis.domain.decide import diagnose
from mainstay.learn.diagnosis.domain.reporting import plain
from mainstay.learn.diagnosis.gather import case_of
from mainstay.learn.diagnosis.models import Finding
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import Incident


def findings(actor: Actor, number: int) -> QuerySet[Finding]:
    """The one door to what was said of an incident, the latest first. It takes a responder, as evidence does."""
    require(actor, Right.RESPOND)
    incidents.get(actor, number)
    return Finding.objects.filter(incident_id=number).order_by("-at", "-pk")


def latest(actor: Actor, number: int) -> Finding | None:
    """What was said last."""
    return findings(actor, number).first()


def case(actor: Actor, number: int) -> Case:
    """An incident as a case, to be diagnosed or written down. Raises ``TelemetryError`` and ``ProblemError``."""
    require(actor, Right.RESPOND)
    found = case_of(actor, incidents.get(actor, number))
    if found is None:
        raise ProblemError(
            409, "Not possible", f"INC-{number} belongs to no service of the catalog; give it one first."
        )
    return found


def look(actor: Actor, incident: Incident, *, asked: bool = False) -> Finding | None:
    """Diagnose an incident now. Returns what is new, or nothing where the same was said before.

    Raises ``TelemetryError`` when the store does not answer. The case is read and judged before the transaction.
    """
    require(actor, Right.RESPOND)
    began = time.monotonic()
    said = plain(diagnose(case(actor, incident.pk)))
    seconds = round(time.monotonic() - began, 3)
    with transaction.atomic():
        return _keep(actor, incident, said, seconds, asked=asked)


def again(actor: Actor, number: int) -> Finding:
    """Diagnose it because somebody asks. Raises ``TelemetryError`` and ``ProblemError``."""
    incident = incidents.get(actor, number)
    found = look(actor, incident, asked=True) or latest(actor, number)
    if found is None:
        raise ProblemError(409, "Not possible", f"INC-{number} could not be diagnosed.")
    return found


def _keep(actor: Actor, incident: Incident, said: dict[str, Any], seconds: float, *, asked: bool) -> Finding | None:
    last = Finding.objects.filter(incident=incident).order_by("-at", "-pk").first()
    if last is not None and _gist(last.said) == _gist(said):
        return None
    digest = hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()
    row = Finding.objects.create(
        incident=incident,
        at=clock.now(),
        said=said,
        digest=digest,
        seconds=seconds,
        asked_by=actor.name if asked else "",
    )
    names = [one["name"] for one in (*said["services"][:2], *said["changes"][:1])]
    audit.record(actor, "diagnosis.say", str(incident), digest=digest, first=names)
    feed.tell("incident", incident.pk)
    return row


def _gist(said: dict[str, Any]) -> tuple[Any, ...]:
    """What would make a reader look again: who, in which order, and about how surely."""
    ranked = [(one["name"], round(one["confidence"], 1)) for one in (*said["services"], *said["changes"])]
    return (ranked, bool(said["services"]), tuple(said["missing"]))
