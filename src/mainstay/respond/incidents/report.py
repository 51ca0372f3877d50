"""An incident as a document."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from mainstay.respond.incidents.models import Incident
from mainstay.respond.timeline.models import TimelineEntry


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "not yet"


def _plain(text: object) -> str:
    """Text that cannot break out of a table cell or begin markup."""
    escaped = str(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "\\`")
    return " ".join(escaped.split())


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return lines + ["| " + " | ".join(_plain(cell) for cell in row) + " |" for row in rows]


def markdown(incident: Incident, entries: Sequence[TimelineEntry], pages: Sequence[Any], now: datetime) -> str:
    """The report. All times are UTC, so that it reads the same everywhere."""
    facts = [
        ("State", incident.get_state_display()),
        ("Priority", f"P{incident.priority} ({incident.reason.get('priority', '')})"),
        ("Service", incident.service.name if incident.service else "none of the catalog"),
        ("Impact", incident.reason.get("impact", incident.impact)),
        ("Began", _time(incident.started_at)),
        ("Opened", _time(incident.opened_at)),
        ("Acknowledged", _time(incident.acknowledged_at)),
        ("Restored", _time(incident.restored_at)),
        ("Resolved", _time(incident.resolved_at)),
        ("Owner", incident.owner or "nobody"),
        ("Cause", incident.cause or "not named yet"),
    ]
    if incident.known_error:
        facts.append(("Known error", f"{incident.known_error.key}: {incident.known_error.name}"))
    lines = [f"# {incident}: {_plain(incident.title)}", "", *_table(("Fact", "Value"), facts), "", "## Pages", ""]
    if pages:
        lines += _table(
            ("Time", "Person", "Why", "Deliveries"),
            [
                (
                    _time(page.created_at),
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
    lines += ["", "## Timeline", ""]
    lines += _table(("Time", "Who", "What"), [(_time(entry.at), entry.actor, entry.text) for entry in entries])
    return "\n".join([*lines, "", f"Written {_time(now)}.", ""])
