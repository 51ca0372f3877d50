"""What the desk has kept for an incident: answers that were pinned, and corrections with what they changed."""

from mainstay.core.access import Actor
from mainstay.respond.incidents.report import Exhibit
from mainstay.restore.sqldesk.correct import services as corrections
from mainstay.restore.sqldesk.examine import services as examine
from mainstay.restore.sqldesk.models import Correction


def of_incident(actor: Actor, incident: int) -> list[Exhibit]:
    """Everything kept for an incident, the oldest first. Its titles speak of production data: it takes a responder.

    A correction stands where it ended, since only from then on the data are what it says.
    """
    answers = [
        Exhibit(
            one.pinned_at,
            one.pinned_name,
            "Answer",
            f"{one.title}, from {one.read.connection.name}{', cut' if one.cut else ''}",
            f"/sql/evidence/{one.pk}",
            one.digest,
        )
        for one in examine.evidence(actor, incident).defer("columns", "rows")
    ]
    begun = corrections.visible(actor).filter(incident=incident).exclude(started_name="")
    changed = [
        Exhibit(
            one.finished_at or one.created_at,
            one.requested_name or one.started_name,
            "Correction",
            f"{one}: {one.title}, {Correction.State(one.state).label.lower()}",
            f"/corrections/{one.pk}",
        )
        for one in begun
    ]
    return sorted([*answers, *changed], key=lambda one: one.at)
