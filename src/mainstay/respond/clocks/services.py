"""Clocks of incidents: how they stand, why, and holding them. The one door to them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from mainstay.catalog.levels import agreements as levels
from mainstay.catalog.levels import services as promised
from mainstay.catalog.levels.agreements import WAITS, Agreement
from mainstay.catalog.levels.services import Agreed
from mainstay.catalog.levels.spans import Span
from mainstay.catalog.models import Service
from mainstay.core import audit, feed
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import ProblemError, bad_request
from mainstay.respond.clocks.domain import Clock, Event, Goal, Happened, State, Stop
from mainstay.respond.clocks.domain import clock as clock_of
from mainstay.respond.clocks.models import Pause, Reading
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import Incident
from mainstay.respond.incidents.models import State as Stage
from mainstay.respond.timeline import services as timeline

# So far ahead windows of the calendar are laid into a deadline.
WINDOWS_AHEAD = timedelta(days=60)


@dataclass(frozen=True)
class Clocks:
    """Both clocks of an incident under the agreement that is about its service, and what they wait for."""

    agreement: Agreement
    acknowledge: Clock
    restore: Clock
    held: str = ""

    @property
    def both(self) -> tuple[Clock, Clock]:
        """The one for the acknowledgement first."""
        return self.acknowledge, self.restore

    @property
    def told(self) -> list[tuple[str, str]]:
        """Each as a fact for a document."""
        names = {Goal.ACKNOWLEDGE: "Agreed acknowledgement", Goal.RESTORE: "Agreed restoration"}
        return [(names[one.goal], f"{one.state}: {one.reason}") for one in self.both if one.state != State.NONE]

    @property
    def pressing(self) -> Clock | None:
        """The one that a list shows: what is broken, else what goes on and is due first, else what was reached last."""
        agreed = [one for one in self.both if one.state != State.NONE]
        if not agreed:
            return None
        going = [one for one in agreed if one.goes_on]
        if not going:
            return next((one for one in agreed if one.state == State.BREACHED), agreed[-1])
        return min(going, key=lambda one: (one.state != State.BREACHED, one.due is None, one.due or one.spent))


def of(actor: Actor, incident: Incident, now: datetime) -> Clocks | None:
    """The clocks of one incident; nothing when no agreement is about its service."""
    return of_many(actor, [incident], now).get(incident.pk)


def of_many(actor: Actor, found: Sequence[Incident], now: datetime) -> dict[int, Clocks]:
    """The clocks of incidents by number, in a handful of queries however many there are."""
    require(actor, Right.READ)
    agreed = promised.agreed() if found else Agreed()
    chosen = [(one, agreement) for one in found if (agreement := agreed.of(one.service))]
    if not chosen:
        return {}
    trails = _trails([one for one, _ in chosen])
    stops = _Stops(agreed, chosen, now)
    made = {}
    for incident, agreement in chosen:
        events, stopped = trails[incident.pk], stops.of(incident, agreement)
        take, restore = (clock_of(goal, agreement, events, stopped, now) for goal in Goal)
        made[incident.pk] = Clocks(agreement, take, restore, _held(events))
    return made


def _trails(found: Iterable[Incident]) -> dict[int, list[Event]]:
    """What happened to each, from its log. One whose log began before it told events has what its row still knows."""
    by_number = {one.pk: one for one in found}
    events: dict[int, list[Event]] = {pk: [] for pk in by_number}
    for entry in timeline.trail(list(by_number)):
        data = entry.data
        what = Happened(data["event"])
        events[entry.incident_id].append(Event(entry.at, what, data.get("priority", 0), data.get("why", "")))
    for pk, incident in by_number.items():
        if not events[pk] or events[pk][0].what is not Happened.OPENED:
            events[pk] = [*_from_row(incident), *events[pk]]
    return events


def _from_row(incident: Incident) -> list[Event]:
    known = (
        (incident.opened_at, Happened.OPENED),
        (incident.acknowledged_at, Happened.ACKNOWLEDGED),
        (incident.restored_at, Happened.RESTORED),
        (incident.resolved_at, Happened.RESOLVED),
    )
    return [Event(at, what, incident.priority) for at, what in known if at is not None]


def _held(events: Sequence[Event]) -> str:
    """What an incident waits for now."""
    held = ""
    for event in events:
        if event.what is Happened.HELD:
            held = event.why
        elif event.what not in {Happened.PRIORITY, Happened.ACKNOWLEDGED}:
            held = ""
    return held


class _Stops:
    """What stops the clocks of some incidents where that is agreed: planned work, and windows of the calendar."""

    def __init__(self, agreed: Agreed, chosen: Sequence[tuple[Incident, Agreement]], now: datetime) -> None:
        self._agreed, self._now = agreed, now
        self._pauses: dict[int, list[Pause]] = {}
        asking = [one for one, agreement in chosen if agreement.stops_in_maintenance and one.service_id]
        if asking:
            first = min(one.opened_at for one in asking)
            found = Pause.objects.filter(service_id__in={one.service_id for one in asking}, ends_at__gt=first)
            for pause in found.order_by("starts_at", "pk"):
                self._pauses.setdefault(pause.service_id, []).append(pause)

    def of(self, incident: Incident, agreement: Agreement) -> list[Stop]:
        """Those of one incident."""
        service = incident.service
        if service is None:
            return []
        stops = []
        if agreement.stops_in_maintenance:
            for pause in self._pauses.get(service.pk, ()):
                end = min(pause.ends_at, pause.ended_at or pause.ends_at)
                stops.append(Stop(Span(pause.starts_at, end), pause.work))
        if agreement.stops_in_windows:
            for entry in levels.covering(self._agreed.windows, service.key, self._agreed.dependencies):
                times = entry.between(incident.opened_at, self._now + WINDOWS_AHEAD)
                stops += [Stop(Span(one.start, one.end), entry.raw.name) for one in times]
        return stops


@transaction.atomic
def hold(actor: Actor, number: int, why: str, note: str) -> None:
    """Say that an incident waits for somebody outside. It stops the clocks where the agreement says so."""
    incident = _live(actor, number)
    if why not in WAITS:
        raise bad_request(f"write one of {', '.join(WAITS)}", "why")
    if not note.strip():
        raise bad_request("write what is waited for, so that others can judge it", "note")
    if incident.state != Stage.ACKNOWLEDGED:
        raise ProblemError(409, "Not taken", f"INC-{number} is {incident.state}. Take it before you wait for others.")
    if _held(_trails([incident])[number]) == why:
        raise ProblemError(409, "Waits already", f"INC-{number} is {WAITS[why]} already.")
    told = f"{WAITS[why].capitalize()}, says {actor.name}: {note.strip()}"
    timeline.record(number, "hold", told, actor.name, event="held", why=why)
    audit.record(actor, "incident.hold", f"incident {number}", why=why, note=note.strip()[:500])
    feed.tell("incidents", number)


@transaction.atomic
def resume(actor: Actor, number: int) -> None:
    """Say that an incident waits no more: its clocks go on."""
    incident = _live(actor, number)
    held = _held(_trails([incident])[number])
    if not held:
        raise ProblemError(409, "Waits for nobody", f"INC-{number} waits for nobody.")
    timeline.record(number, "hold", f"No longer {WAITS[held]}, says {actor.name}", actor.name, event="released")
    audit.record(actor, "incident.release", f"incident {number}", why=held)
    feed.tell("incidents", number)


def held(actor: Actor, number: int) -> str:
    """What an incident waits for now, one of ``WAITS``, or nothing."""
    return _held(_trails([incidents.get(actor, number)])[number])


def _live(actor: Actor, number: int) -> Incident:
    incident = incidents.locked(actor, number)
    if incident.state == Stage.RESOLVED:
        raise ProblemError(409, "Resolved", f"INC-{number} is resolved.")
    return incident


def pause_for(services: Collection[Service], work: str, starts_at: datetime, ends_at: datetime) -> None:
    """Note in the caller's transaction that planned work has begun, or got another end, on these services."""
    Pause.objects.bulk_create(
        Pause(service=one, work=work, starts_at=starts_at, ends_at=ends_at) for one in services if starts_at < ends_at
    )


def work_over(work: str, now: datetime) -> None:
    """Note in the caller's transaction that work is over, or gets another end. Its agreed end holds if that is past."""
    Pause.objects.filter(work=work, ended_at=None, ends_at__gt=now).update(ended_at=now)


def stopped_by_work(actor: Actor, services: Iterable[Service]) -> list[tuple[Service, Agreement]]:
    """Of these services those whose clocks planned work stops, each with the agreement that says so."""
    require(actor, Right.READ)
    agreed = promised.agreed()
    pairs = [(one, agreed.of(one)) for one in services]
    return [(one, agreement) for one, agreement in pairs if agreement and agreement.stops_in_maintenance]


def readings(actor: Actor) -> QuerySet[Reading]:
    """The one door to what was written down of incidents, the latest first."""
    require(actor, Right.READ)
    return Reading.objects.select_related("incident__service").order_by("-incident_id", "goal")


def counts(actor: Actor, since: datetime, service: Service | None = None) -> Mapping[str, tuple[int, int]]:
    """How often each goal was (met, breached) by incidents that were resolved since then."""
    found = readings(actor).filter(incident__resolved_at__gte=since).exclude(outcome=Reading.Outcome.LIVE)
    if service is not None:
        found = found.filter(incident__service=service)
    rows = list(found.values_list("goal", "outcome"))
    return {
        goal.value: (rows.count((goal.value, Reading.Outcome.MET)), rows.count((goal.value, Reading.Outcome.BREACHED)))
        for goal in Goal
    }
