"""What the worker does for clocks: warn once, say a breach once, and write down the outcome when it is over.

Each is one commit of the row that remembers it, the log of the incident and the page, so that a crash leaves all of it
or none, and two workers cannot say the same twice.
"""

from django.db import transaction

from mainstay.core import clock
from mainstay.core.access import SYSTEM
from mainstay.core.settings import current
from mainstay.respond.clocks import services
from mainstay.respond.clocks.domain import Clock, Goal, State, minutes
from mainstay.respond.clocks.models import Reading
from mainstay.respond.clocks.services import Clocks
from mainstay.respond.incidents.models import Incident
from mainstay.respond.incidents.models import State as Stage
from mainstay.respond.oncall import services as oncall
from mainstay.respond.timeline import services as timeline

# Incidents in one pass over the database.
PART = 500
Outcome = Reading.Outcome


def run_due() -> int:
    """One pass over all incidents that are not settled. Returns how many things were said or written down."""
    done, after = 0, 0
    while True:
        found = Incident.objects.filter(settled_at=None, pk__gt=after).select_related("service__team")
        part = list(found.order_by("pk")[:PART])
        if not part:
            return done
        after = part[-1].pk
        known = services.of_many(SYSTEM, part, clock.now())
        told = {(one.incident_id, one.goal): one for one in Reading.objects.filter(incident__in=part)}
        for incident in part:
            clocks = known.get(incident.pk)
            if clocks is not None and _asks(clocks, {goal: told.get((incident.pk, goal)) for goal in Goal}):
                done += _say(incident.pk)
            if incident.state == Stage.RESOLVED:
                done += _settle(incident.pk)


def _warns(one: Clock) -> bool:
    running = one.state in {State.RUNNING, State.STOPPED} and one.goes_on
    return running and one.share >= current().sla_warn_fraction


def _asks(clocks: Clocks, told: dict[Goal, Reading | None]) -> bool:
    """Whether something is to be said that was not said."""
    for one in clocks.both:
        row = told[one.goal]
        if _warns(one) and not (row and row.warned_at):
            return True
        if one.state == State.BREACHED and not (row and row.breach_told_at):
            return True
    return False


@transaction.atomic
def _say(number: int) -> int:
    """Look again behind the lock on the incident, and say what is to be said."""
    incident = Incident.objects.select_for_update(of=("self",)).select_related("service__team").get(pk=number)
    now, done = clock.now(), 0
    clocks = services.of(SYSTEM, incident, now)
    for place, one in enumerate(clocks.both if clocks else ()):
        row = _row(incident, clocks, one) if _warns(one) or one.state == State.BREACHED else None
        if row is None:
            continue
        if one.state == State.BREACHED and row.breach_told_at is None:
            row.breach_told_at = now
            _tell(incident, 2 * place + 1, f"Agreed time to {one.goal} is over", one)
        elif _warns(one) and row.warned_at is None:
            row.warned_at = now
            left = minutes(one.left) if one.left else "nothing"
            _tell(incident, 2 * place, f"{left} left to {one.goal}", one)
        else:
            continue
        row.save()
        done += 1
    return done


def _row(incident: Incident, clocks: Clocks | None, one: Clock) -> Reading:
    """What is kept of a goal, brought up to date, not saved."""
    row = Reading.objects.filter(incident=incident, goal=one.goal).first() or Reading(incident=incident, goal=one.goal)
    row.agreement = clocks.agreement.key if clocks else ""
    row.priority, row.reason, row.breached_at = incident.priority, one.reason, one.breached_at
    row.limit_seconds = int(one.limit.total_seconds()) if one.limit is not None else None
    row.spent_seconds = int(one.spent.total_seconds())
    return row


def _tell(incident: Incident, mark: int, subject: str, one: Clock) -> None:
    timeline.record(incident.pk, "clock", f"{subject}: {one.reason}", goal=one.goal)
    # An incident that is over pages nobody; its log says it all the same.
    if one.goes_on and incident.state != Stage.RESOLVED:
        oncall.tell(incident.pk, incident.priority, incident.owner_id, mark, f"{subject}: {one.reason}")


@transaction.atomic
def _settle(number: int) -> int:
    """Write the outcome of a resolved incident down for good. What is agreed later changes it no more."""
    incident = Incident.objects.select_for_update(of=("self",)).select_related("service__team").get(pk=number)
    if incident.settled_at is not None:
        return 0
    now = clock.now()
    clocks = services.of(SYSTEM, incident, now)
    for one in clocks.both if clocks else ():
        if one.state == State.NONE:
            continue
        row = _row(incident, clocks, one)
        row.outcome = Outcome.BREACHED if one.state == State.BREACHED else Outcome.MET
        row.save()
    Incident.objects.filter(pk=number).update(settled_at=now)
    return 1
