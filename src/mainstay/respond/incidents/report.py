"""An incident as a document."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mainstay.core.documents import moment, plain, table
from mainstay.respond.incidents.models import Incident
from mainstay.respond.timeline.models import TimelineEntry


@dataclass(frozen=True)
class Exhibit:
    """One thing that a room above kept as evidence: ``link`` is its path, ``digest`` the SHA-256 of what was pinned."""

    at: datetime
    who: str
    kind: str
    what: str
    link: str
    digest: str = ""


def markdown(
    incident: Incident,
    entries: Sequence[TimelineEntry],
    pages: Sequence[Any],
    now: datetime,
    evidence: Sequence[Exhibit] | None = None,
    agreed: Sequence[tuple[str, str]] = (),
) -> str:
    """The report. All times are UTC, so that it reads the same everywhere."""
    facts = [
        ("State", incident.get_state_display()),
        ("Priority", f"P{incident.priority} ({incident.reason.get('priority', '')})"),
        ("Service", incident.service.name if incident.service else "none of the catalog"),
        ("Impact", incident.reason.get("impact", incident.impact)),
        ("Began", moment(incident.started_at)),
        ("Opened", moment(incident.opened_at)),
        ("Acknowledged", moment(incident.acknowledged_at)),
        ("Restored", moment(incident.restored_at)),
        ("Resolved", moment(incident.resolved_at)),
        ("Owner", incident.owner or "nobody"),
        ("Cause", incident.cause or "not named yet"),
    ]
    facts += agreed
    if incident.known_error:
        facts.append(("Known error", f"{incident.known_error.key}: {incident.known_error.name}"))
    lines = [f"# {incident}: {plain(incident.title)}", "", *table(("Fact", "Value"), facts), "", "## Pages", ""]
    if pages:
        lines += table(
            ("Time", "Person", "Why", "Deliveries"),
            [
                (
                    moment(page.created_at),
                    page.person,
                    page.reason,
                    "; ".join(
                        f"{one.channel}: {one.get_state_display().lower()} {one.answer}" for one in page.attempts.all()
                    ),
                )
                for page in pages
            ],
        )
    else:
        lines.append("Nobody was paged.")
    if evidence is not None:
        lines += ["", "## Evidence", "", *_evidence(evidence)]
    lines += ["", "## Timeline", ""]
    lines += table(("Time", "Who", "What"), [(moment(entry.at), entry.actor, entry.text) for entry in entries])
    return "\n".join([*lines, "", f"Written {moment(now)}.", ""])


def _evidence(kept: Sequence[Exhibit]) -> list[str]:
    if not kept:
        return ["Nothing was kept."]
    rows = [(moment(one.at), one.who, one.kind, one.what, one.link, one.digest) for one in kept]
    return list(table(("Time", "Who", "Kind", "What", "Where", "SHA-256"), rows))
