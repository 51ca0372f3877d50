"""A known error as an incident suggests it, for a person to look over before it is kept."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mainstay.catalog.known.services import MATCH
from mainstay.core.access import Actor, Right, require
from mainstay.observe.telemetry.services import TelemetryError
from mainstay.respond.alerts import services as alerts
from mainstay.respond.alerts.models import Alert
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import Incident
from mainstay.respond.known import guess
from mainstay.respond.timeline import services as timeline

# Labels that say where an alert comes from and not what is wrong.
_PLACES = frozenset(
    (
        *("alertname", "service", "service_name", "job", "app", "instance", "pod", "container", "node", "host"),
        *("hostname", "namespace", "prometheus", "severity", "endpoint", "incident_group", "__name__", "uid", "id"),
    )
)
_CHANGES = re.compile(r"\d{4,}|[0-9a-f]{8,}|:\d+\Z", re.IGNORECASE)
_RULES, _LABELS, _NOTES = 5, 5, 5


@dataclass(frozen=True)
class Draft:
    """An entry as a form shows it. ``problem`` says what could not be found out."""

    incident: Incident
    entry: Mapping[str, Any]
    problem: str = ""


def of_incident(actor: Actor, number: int) -> Draft:
    """What is known of an incident as a known error: alerts, labels that tell, new error lines, the cause."""
    require(actor, Right.RESPOND)
    incident = incidents.get(actor, number)
    found, problem = alerts.firing_of(incident), ""
    log = ""
    try:
        log = next(iter(guess.new_templates(incident, grave=True)), "")
    except TelemetryError as error:
        problem = f"Its log lines cannot be read now: {error}"
    rules = list(dict.fromkeys(one.rule.key if one.rule else one.name for one in found))
    entry = {
        "name": (incident.cause.strip().partition("\n")[0] or incident.title)[:160],
        "services": [incident.service.key] if incident.service else [],
        "team": incident.service.team.key if incident.service and incident.service.team else None,
        "owner": None,
        "match": {**MATCH, "rules": rules[:_RULES], "labels": telling_labels(found), "log": log},
        "workaround": _told(actor, incident),
    }
    return Draft(incident, entry, problem)


def telling_labels(found: Sequence[Alert]) -> dict[str, str]:
    """The labels that all of some alerts have and most other alerts of their service have not."""
    if not found:
        return {}
    pairs = [
        {(name, str(value)) for name, value in alert.labels.items() if name not in _PLACES and value} for alert in found
    ]
    common = {(name, value) for name, value in set.intersection(*pairs) if not _CHANGES.search(value)}
    others = Alert.objects.filter(service=found[0].service).exclude(incident=found[0].incident).order_by("-pk")
    seen = Counter(pair for labels in others.values_list("labels", flat=True)[:200] for pair in labels.items())
    most = max(others.count(), 1) / 2
    return dict(sorted(pair for pair in common if seen[pair] <= most)[:_LABELS])


def _told(actor: Actor, incident: Incident) -> str:
    """What was written down: the cause, and the notes of those who worked on it."""
    notes = [entry.text for entry in timeline.entries(actor, incident.pk) if entry.kind == "note"][-_NOTES:]
    parts = [f"**Cause.** {incident.cause.strip()}"] if incident.cause else []
    if notes:
        parts.append("\n".join(f"- {' '.join(note.split())}" for note in notes))
    return "\n\n".join(parts)
