"""Reports of shifts, weeks and months: worked out when somebody looks, and mailed by themselves. The room's door."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from mainstay.catalog import services as catalog
from mainstay.catalog.calendar.civil import read_clock, zone_of
from mainstay.catalog.models import Team
from mainstay.core import audit, clock
from mainstay.core.access import SYSTEM, Actor, Right, require
from mainstay.core.problems import bad_request, not_found
from mainstay.core.settings import current
from mainstay.learn.reports import reading
from mainstay.learn.reports.domain.figures import Figure, Section
from mainstay.learn.reports.domain.periods import Calendar, Kind, Period
from mainstay.learn.reports.domain.sections import sections
from mainstay.learn.reports.domain.telling import summary
from mainstay.learn.reports.models import ReportPlan, SentReport


@dataclass(frozen=True)
class Wanted:
    """Which report: of what, of a team (its key; empty: everything), and which moment lies in it (none: the last)."""

    kind: str
    team: str = ""
    at: datetime | None = None
    zone: str = ""
    shifts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """A report with the time before it, and its figures."""

    wanted: Wanted
    team: Team | None
    period: Period
    before: Period
    sections: tuple[Section, ...]
    summary: tuple[str, ...]
    made_at: datetime

    @property
    def title(self) -> str:
        """Of whom, and of when."""
        return f"{self.team.name if self.team else 'All teams'}, {self.period.label}"

    def figure(self, key: str) -> Figure:
        """One of its figures. Raises ``ProblemError``."""
        found = next((one for section in self.sections for one in section.every if one.key == key), None)
        if found is None:
            raise not_found(f"figure {key[:80]!r} in this report")
        return found


def report(actor: Actor, wanted: Wanted) -> Report:
    """Work a report out from what is known now."""
    require(actor, Right.READ)
    team = _team(actor, wanted.team)
    calendar = calendar_of(wanted.zone, wanted.shifts)
    now = clock.now()
    kind = _kind(wanted.kind)
    period = calendar.containing(kind, wanted.at) if wanted.at else calendar.ended(kind, now)
    before = calendar.before(period)
    data = reading.read(actor, team, before.start, period.start, period.end)
    found = sections(data, period, before)
    return Report(wanted, team, period, before, found, tuple(summary(found)), now)


def _kind(text: str) -> Kind:
    if text not in list(Kind):
        raise bad_request(f"write one of {', '.join(Kind)}", "kind")
    return Kind(text)


def _team(actor: Actor, key: str) -> Team | None:
    if not key:
        return None
    found = catalog.visible_teams(actor).filter(key=key).first()
    if found is None:
        raise bad_request(f"there is no team {key!r}", "team")
    return found


def calendar_of(zone: str, shifts: Sequence[str]) -> Calendar:
    """The zone and the shifts that are named, else those of the settings. Raises ``ProblemError``."""
    try:
        named = zone_of(zone or current().default_timezone)
    except ValueError as error:
        raise bad_request(str(error), "zone") from None
    return Calendar(named, _shifts(shifts or current().report_shifts))


def _shifts(given: Sequence[str]) -> tuple[time, ...]:
    try:
        found = tuple(sorted({read_clock(one) for one in given}))
    except ValueError as error:
        raise bad_request(str(error), "shifts") from None
    if not found:
        raise bad_request("write at least one time of day, such as 06:00", "shifts")
    return found


def plans(actor: Actor) -> QuerySet[ReportPlan]:
    """The one door to reports that are sent by themselves."""
    require(actor, Right.READ)
    return ReportPlan.objects.select_related("team").order_by("key")


def sent(actor: Actor) -> QuerySet[SentReport]:
    """What was sent, the newest first."""
    require(actor, Right.READ)
    return SentReport.objects.order_by("-at", "-pk")


@transaction.atomic
def save(actor: Actor, entry: Mapping[str, Any], source: str) -> ReportPlan:
    """Make a plan, or change the one with this key. The time that goes on is the first that it is sent of."""
    require(actor, Right.MAINTAIN)
    team = _team(actor, entry["team"] or "")
    zone = entry["timezone"] or current().default_timezone
    calendar = calendar_of(zone, entry["shifts"])
    if not entry["mails"] and not (team is not None and entry["to_team"]):
        raise bad_request("name a team, or addresses under mails", "mails")
    values = {
        "name": entry["name"],
        "kind": _kind(entry["kind"]),
        "team": team,
        "timezone": zone,
        "shifts": list(entry["shifts"]),
        "mails": list(entry["mails"]),
        "to_team": entry["to_team"],
        "enabled": entry["enabled"],
        "source": source,
        "next_at": calendar.containing(_kind(entry["kind"]), clock.now()).end,
    }
    row, _ = ReportPlan.objects.update_or_create(key=entry["key"], defaults=values)
    audit.record(actor, "report.save", f"report {row.key}", kind=row.kind, team=team.key if team else "")
    return row


@transaction.atomic
def remove(actor: Actor, key: str) -> None:
    """Send a report no more. What was sent stays."""
    require(actor, Right.MAINTAIN)
    if ReportPlan.objects.filter(key=key).delete()[0]:
        audit.record(actor, "report.remove", f"report {key}")


def addresses(plan: ReportPlan) -> list[str]:
    """Whom a plan is mailed to, each once."""
    members = plan.team.members.filter(is_active=True) if plan.team is not None and plan.to_team else ()
    return list(dict.fromkeys([*(one.email for one in members), *plan.mails]))


def of_plan(plan: ReportPlan, at: datetime) -> Report:
    """The report that a plan sends of the time that a moment lies in."""
    team = plan.team.key if plan.team else ""
    return report(SYSTEM, Wanted(plan.kind, team, at, plan.timezone, tuple(plan.shifts)))
