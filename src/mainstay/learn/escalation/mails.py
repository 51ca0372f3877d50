"""What the people of a team are mailed of a case. It goes out with the notices that are sent anyway."""

from collections.abc import Mapping, Sequence
from typing import Any

from mainstay.catalog.models import Team
from mainstay.core.settings import current
from mainstay.learn.escalation.domain.glance import glance
from mainstay.learn.escalation.models import Escalation
from mainstay.respond.comms import services as comms


def addresses(team: Team) -> list[str]:
    """The people of a team who are active."""
    return [one.email for one in team.members.all() if one.is_active]


def tell(row: Escalation, record: Mapping[str, Any], to: Sequence[str]) -> int:
    """Mail the first page of a case, in the caller's transaction. Returns how many are told."""
    said = "\n\n".join(f"{question}\n{answer}" for question, answer in glance(record))
    note = f"{record['note']}\n\n" if record["note"] else ""
    text = f"{note}{said}\n\nThe whole case: {current().public_url}/escalations/{row.pk}\n"
    return comms.mail(str(row), to, f"{row} for {row.team_name}: {row.incident} {record['title']}", text)


def answer(row: Escalation, text: str, to: Sequence[str]) -> int:
    """Mail what was asked for."""
    link = f"{current().public_url}/escalations/{row.pk}"
    return comms.mail(str(row), to, f"{row}: the answer to your question", f"{text}\n\n{link}\n")
