"""What a case does not have, what that costs whoever reads it, and the one thing that would help most. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """What there is. ``suspect`` is the service that is blamed first; ``lines`` are of the window, by service."""

    suspect: str
    lines: Mapping[str, int]
    metrics: bool
    measured_suspect: bool
    spans: bool
    calls: bool
    changes: bool
    versions: bool
    evidence: int
    affected: int
    impact: bool
    rule: bool
    note: bool
    tried: bool


@dataclass(frozen=True)
class Lack:
    """One thing that is missing, and what to do about it. ``weight`` orders them."""

    what: str
    remedy: str
    weight: float


def lacks(known: Known) -> list[Lack]:
    """What is missing, that first which would help most."""
    who = known.suspect
    every = (
        (
            not known.lines.get(who),
            f"no log lines of {who}",
            f"send its log with service={who} (mainstay agent), or name the service that it is sent under",
            5.0,
        ),
        (not known.metrics, "no metrics", f"scrape {who}, or let it send OTLP metrics", 4.0),
        (
            known.metrics and not known.measured_suspect,
            f"no metrics of {who}",
            f"scrape {who}, or let it send OTLP metrics with service.name={who}",
            3.5,
        ),
        (
            not known.affected,
            "no ids of what was hit",
            "pin a query that lists them: Examine data on the incident",
            3.2,
        ),
        (
            not known.changes,
            "no change is known",
            "send deployments and configuration to /intake/changes, or watch the configuration",
            3.0,
        ),
        (not known.versions, "no version is known", f"have releases of {who} recorded by its pipeline", 2.6),
        (not known.evidence, "no data were examined", "pin the answer of a query to the incident", 2.2),
        (not known.impact, "no business process needs the service", "write business_processes into the catalog", 2.0),
        (not known.calls, "no calls between services are known", "write depends_on into the catalog", 1.8),
        (not known.rule, "no rule measures the symptom", "write a rule; a fix is then verified by it", 1.6),
        (not known.tried, "nothing was tried, or nobody wrote it down", "write into the log what was tried", 1.2),
        (not known.note, "no note of who hands it over", "write what you would say on the phone", 1.0),
        (not known.spans, "no traces", "let services send their spans by OTLP", 0.6),
    )
    found = [Lack(what, remedy, weight) for missing, what, remedy, weight in every if missing]
    return sorted(found, key=lambda one: -one.weight)
