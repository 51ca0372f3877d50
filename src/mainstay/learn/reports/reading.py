"""The rows that reports are made of: one query for each section, for a time and the one before it."""

import logging
from collections import Counter
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import BooleanField, Count, ExpressionWrapper, Q

from mainstay.catalog.calendar.civil import moment_of
from mainstay.catalog.models import Team
from mainstay.change.releases import services as releases
from mainstay.change.supportability import services as supportability
from mainstay.core.access import Actor
from mainstay.core.settings import current
from mainstay.learn.problems import actions
from mainstay.learn.problems import services as problems
from mainstay.learn.problems.models import Action, Occurrence, Problem
from mainstay.learn.reports.domain.figures import Case, Data, Flapping, Owed, Paged, Promise, Reviewed, Shipped, Trouble
from mainstay.observe.telemetry import services as telemetry
from mainstay.respond.alerts import services as alerts
from mainstay.respond.clocks import services as clocks
from mainstay.respond.clocks.models import Reading
from mainstay.respond.incidents import services as incidents
from mainstay.respond.paging import services as paging
from mainstay.respond.timeline.models import TimelineEntry

log = logging.getLogger(__name__)
_NIGHT: Final = (22, 6)
_FLAPS: Final = (
    "SELECT name, sum(times) FROM (SELECT name, fingerprint, countIf(state = 'firing') AS times FROM occurrences "
    "WHERE time >= fromUnixTimestamp64Milli({start:Int64}) AND time < fromUnixTimestamp64Milli({end:Int64}) "
    "AND (empty({services:Array(String)}) OR labels['service'] IN {services:Array(String)}) "
    "GROUP BY name, fingerprint HAVING times >= {least:UInt32}) GROUP BY name"
)


def read(actor: Actor, team: Team | None, start: datetime, middle: datetime, end: datetime) -> Data:
    """All rows from ``start`` to ``end``; flapping rules of what follows ``middle`` alone."""
    return Data(
        _cases(actor, team, start, end),
        _promises(actor, team, start, middle, end),
        _pages(actor, team, start, end),
        _releases(actor, team, start, end),
        _reviews(actor, team, end),
        _flapping(team, middle, end),
        _problems(actor, team, end),
        _actions(actor, team, end),
    )


def _of(team: Team | None, path: str) -> Q:
    """What belongs to a team, by the path from a row to the team of its service."""
    return Q(**{path: team}) if team is not None else Q()


def _cases(actor: Actor, team: Team | None, start: datetime, end: datetime) -> list[Case]:
    chosen = Q(opened_at__gte=start, opened_at__lt=end) & _of(team, "service__team")
    rows = incidents.visible(actor).filter(chosen).order_by("pk")
    names = ("pk", "priority", "started_at", "opened_at", "acknowledged_at", "restored_at")
    within = Q(incident__opened_at__gte=start, incident__opened_at__lt=end) & _of(team, "incident__service__team")
    counted = TimelineEntry.objects.filter(within, kind="alert").values_list("incident_id").annotate(Count("pk"))
    began, told = dict(counted), _by_users(actor, within)
    known = set(Occurrence.objects.filter(within).values_list("incident_id", flat=True))
    return [
        Case(
            number,
            priority,
            started,
            opened,
            acknowledged,
            restored,
            began.get(number, 0),
            number in told,
            number in known,
        )
        for number, priority, started, opened, acknowledged, restored in rows.values_list(*names)
    ]


def _by_users(actor: Actor, within: Q) -> set[int]:
    """Incidents whose first alert says that users noticed it."""
    label = current().report_user_label
    spoken = alerts.visible(actor).filter(within, labels__has_key=label).values("incident_id")
    rows = alerts.visible(actor).filter(incident_id__in=spoken).order_by("starts_at", "pk")
    first: dict[int, bool] = {}
    for incident, labels in rows.values_list("incident_id", "labels"):
        first.setdefault(incident, label in labels)
    return {incident for incident, users in first.items() if users}


def _promises(actor: Actor, team: Team | None, start: datetime, middle: datetime, end: datetime) -> list[Promise]:
    chosen = Q(incident__resolved_at__gte=start, incident__resolved_at__lt=end) & _of(team, "incident__service__team")
    rows = clocks.readings(actor).filter(chosen).exclude(outcome=Reading.Outcome.LIVE)
    # Which of both times it was is all that is asked: to read the moments of so many rows would take longer.
    late = rows.annotate(late=ExpressionWrapper(Q(incident__resolved_at__gte=middle), BooleanField()))
    found, met = late.values_list("incident_id", "goal", "outcome", "late"), Reading.Outcome.MET
    return [Promise(number, goal, outcome == met, middle if now else start) for number, goal, outcome, now in found]


def _pages(actor: Actor, team: Team | None, start: datetime, end: datetime) -> list[Paged]:
    chosen = Q(created_at__gte=start, created_at__lt=end)
    chosen &= Q(person__in=team.members.all()) if team is not None else Q()
    found = paging.visible_pages(actor).filter(chosen).order_by("pk").prefetch_related(None)
    rows = list(found.values_list("pk", "person__name", "person__email", "person__timezone", "created_at"))
    named = Counter(name for name, _ in {(row[1], row[2]) for row in rows})
    # Two people of one name are told apart by their addresses.
    return [
        _paged(number, name if named[name] == 1 else f"{name} ({email})", zone, at)
        for number, name, email, zone, at in rows
    ]


def _paged(number: int, person: str, zone: str, at: datetime) -> Paged:
    local = at.astimezone(ZoneInfo(zone or current().default_timezone))
    night = local.hour >= _NIGHT[0] or local.hour < _NIGHT[1]
    return Paged(number, person, at, night, local.toordinal() * 24 + local.hour)


def _releases(actor: Actor, team: Team | None, start: datetime, end: datetime) -> list[Shipped]:
    chosen = Q(started_at__gte=start, started_at__lt=end) & _of(team, "service__team")
    rows = releases.visible(actor).filter(chosen).order_by("pk")
    found = rows.values_list("pk", "started_at", "state")
    return [Shipped(number, at, state) for number, at, state in found if at is not None]


def _reviews(actor: Actor, team: Team | None, end: datetime) -> list[Reviewed]:
    rows = supportability.visible(actor).filter(Q(at__lt=end) & _of(team, "service__team")).order_by("pk")
    return [Reviewed(*row) for row in rows.values_list("pk", "service__key", "at", "score")]


def _problems(actor: Actor, team: Team | None, end: datetime) -> list[Trouble]:
    left_out = (Problem.State.PROPOSED, Problem.State.DISMISSED)
    rows = problems.visible(actor).filter(Q(made_at__lt=end) & _of(team, "service__team")).exclude(state__in=left_out)
    found = rows.order_by("pk").values_list("pk", "made_at", "ended_at", "state")
    return [Trouble(number, made, ended, state == Problem.State.SOLVED) for number, made, ended, state in found]


def _actions(actor: Actor, team: Team | None, end: datetime) -> list[Owed]:
    """Actions that were made before the end. The day on which one is due is over in the zone of its owner."""
    rows = actions.visible(actor).filter(Q(made_at__lt=end) & _of(team, "problem__service__team"))
    found = rows.values_list("pk", "due", "owner__timezone", "ended_at", "state")
    return [
        Owed(number, _over(day, zone or current().default_timezone), ended, state == Action.State.DONE)
        for number, day, zone, ended, state in found
    ]


def _over(day: date, zone: str) -> datetime:
    return moment_of(datetime.combine(day + timedelta(days=1), time()), ZoneInfo(zone))


def _flapping(team: Team | None, start: datetime, end: datetime) -> list[Flapping] | None:
    """Rules of which one and the same alert began often; nothing where the telemetry store does not answer."""
    services = list(team.services.values_list("key", flat=True)) if team is not None else []
    if team is not None and not services:
        return []
    params: dict[str, Any] = {
        "start": int(start.timestamp() * 1000),
        "end": int(end.timestamp() * 1000),
        "services": services,
        "least": current().report_flaps,
    }
    try:
        rows = telemetry.rows(_FLAPS, params)
    except telemetry.TelemetryError as error:
        log.info("flapping rules are not known: %s", error)
        return None
    return [Flapping(name, int(times)) for name, times in rows]
