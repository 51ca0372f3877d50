"""What a page says: what, where, since when, who is hurt, the known workaround, and the link to acknowledge."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core import signing

from mainstay.core.settings import current
from mainstay.respond.paging.models import Page

_SALT = "mainstay.page"


class DeliveryError(Exception):
    """A page was not taken. ``permanent`` says that trying again as it is cannot help."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.permanent = permanent


@dataclass(frozen=True)
class Message:
    """A page in words. ``link`` acknowledges without sign-in, so it goes to this person and nobody else."""

    subject: str
    lines: tuple[tuple[str, str], ...]
    link: str
    incident: str
    priority: int
    person_id: int
    person_email: str
    data: dict[str, Any]

    @property
    def text(self) -> str:
        """The whole page as plain text."""
        facts = "\n".join(f"{label}: {value}" for label, value in self.lines)
        return f"{self.subject}\n\n{facts}\n\nAcknowledge: {self.link}\n"


def sign(page: Page) -> str:
    """The part of an address that stands for this page and its person."""
    return signing.dumps(page.key, salt=_SALT, compress=False)


def unsign(token: str) -> str | None:
    """The key of the page that an address stands for, or nothing when it is forged or too old."""
    try:
        return str(signing.loads(token, salt=_SALT, max_age=current().ack_link_hours * 3600))
    except signing.BadSignature:
        return None


def show_time(moment: datetime, timezone: str) -> str:
    """A time in somebody's zone, with its offset: ``23 Nov 03:04:12 +01:00``."""
    local = moment.astimezone(ZoneInfo(timezone or current().default_timezone))
    offset = local.strftime("%z")
    return f"{local.day} {local:%b %H:%M:%S} {offset[:3]}:{offset[3:]}"


def compose(page: Page) -> Message:
    """The message of a page, from the incident as it is now."""
    incident, person = page.incident, page.person
    service = incident.service
    where = "no service of the catalog"
    if service:
        owner = f"owner {service.team.name}, " if service.team else ""
        where = f"{service.name} ({owner}tier {service.tier})"
    lines = [
        ("What", incident.title),
        ("Where", where),
        ("Since", show_time(incident.started_at, person.timezone)),
        ("Impact", str(incident.reason.get("sentence", incident.impact))),
    ]
    if incident.known_error:
        known = incident.known_error
        lines.append(("Known error", f"{known.key}: {known.name} (matched by {incident.known_error_why})"))
        lines.append(("Workaround", known.workaround.strip()))
    else:
        lines.append(("Workaround", "none is known"))
    lines.append(("Why you", page.reason))
    return Message(
        subject=" ".join(f"P{incident.priority} {incident}: {incident.title}".split())[:200],
        lines=tuple(lines),
        link=f"{current().public_url}/a/{sign(page)}",
        incident=str(incident),
        priority=incident.priority,
        person_id=person.pk,
        person_email=person.email,
        data={
            "incident": incident.pk,
            "service": service.key if service else None,
            "since": incident.started_at.isoformat(),
            "state": incident.state,
        },
    )
