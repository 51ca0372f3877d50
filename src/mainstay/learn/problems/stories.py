"""The incidents of a problem as its review tells them: read from what every room kept of them."""

import re
from collections.abc import Sequence
from typing import Any

from mainstay.core import clock, people
from mainstay.core.access import SYSTEM
from mainstay.core.settings import current
from mainstay.learn.diagnosis.models import Confirmed, Finding
from mainstay.learn.problems.domain.review import Exhibit, Line, Run, Story, Told
from mainstay.learn.problems.models import Problem
from mainstay.learn.problems.reading import Happened, happened, together
from mainstay.respond.clocks import services as clocks
from mainstay.respond.incidents.models import Incident, KnownErrorMatch
from mainstay.respond.paging.models import Page
from mainstay.respond.timeline.models import TimelineEntry
from mainstay.restore.runbooks.models import Run as BookRun
from mainstay.restore.sqldesk import exhibits

# Of so many incidents a review tells, the latest ones; of each so many lines.
_STORIES, _LINES = 5, 25
# What a reader of the story does not miss.
_LEFT_OUT = frozenset(("page", "known_error", "clock", "problem"))


def told(problem: Problem) -> Told:
    """All that a draft is made of, the earliest incident first."""
    rows = happened(SYSTEM, problem)[:_STORIES][::-1]
    return Told(
        problem.title,
        problem.cause,
        problem.workaround,
        problem.fix,
        str(current().currency),
        together(rows),
        [_story(row) for row in rows],
    )


def _story(row: Happened) -> Story:
    incident = row.incident
    names = [str(one) for one in people.visible(SYSTEM)]
    finding = Finding.objects.filter(incident=incident).order_by("-at", "-pk").first()
    confirmed = Confirmed.objects.filter(incident=incident).first()
    matches = list(KnownErrorMatch.objects.filter(incident=incident))
    pages = Page.objects.filter(incident=incident).order_by("created_at")
    blamed = [one["name"] for one in (finding.said["services"] if finding else ())]
    return Story(
        str(incident),
        incident.title,
        f"/i/{incident.pk}",
        incident.started_at,
        incident.opened_at,
        incident.acknowledged_at,
        incident.restored_at,
        _lines(incident, names),
        row.cost,
        incident.reason.get("processes") or (),
        _exhibits(incident, finding),
        _runs(incident),
        [(one.created_at, one.acknowledged_at) for one in pages],
        _late(incident),
        any(one.kind == KnownErrorMatch.Kind.EXACT and one.offered_at <= incident.opened_at for one in matches),
        any(one.verdict == KnownErrorMatch.Verdict.FAILED for one in matches),
        incident.cause,
        blamed[0] if blamed else "",
        confirmed.service if confirmed else "",
        _ruled_out(finding),
    )


def _lines(incident: Incident, names: Sequence[str]) -> list[Line]:
    """The log without what repeats itself, and without who did what: a review asks what happened."""
    rows = TimelineEntry.objects.filter(incident=incident).exclude(kind__in=_LEFT_OUT).order_by("at", "id")
    who = re.compile("|".join(rf" by {re.escape(name)}(?:,? through the API)?" for name in (*names, "command line")))
    found: list[Line] = []
    alerts = 0
    for one in rows[:500]:
        alerts += one.kind == "alert"
        if one.kind != "alert" or alerts == 1:
            found.append(Line(one.at, who.sub("", one.text).replace("\n", " ")))
    return found[:_LINES]


def _exhibits(incident: Incident, finding: Finding | None) -> list[Exhibit]:
    kept = [
        Exhibit(f"{one.kind}: {one.what}", one.link, one.digest) for one in exhibits.of_incident(SYSTEM, incident.pk)
    ]
    if finding is not None:
        kept.append(Exhibit(f"Diagnosis of {finding.at:%H:%M:%S} UTC", f"/i/{incident.pk}#h-diagnosis", finding.digest))
    return kept


def _runs(incident: Incident) -> list[Run]:
    ended = (BookRun.State.DONE, BookRun.State.FAILED)
    rows = (
        BookRun.objects.filter(incident=incident, state__in=ended)
        .select_related("version__book")
        .order_by("started_at")
    )
    return [
        Run(one.version.book.name, one.finished_at or one.created_at, one.state == BookRun.State.DONE) for one in rows
    ]


def _late(incident: Incident) -> list[str]:
    found = clocks.of(SYSTEM, incident, clock.now())
    if found is None:
        return []
    missed = [one for one in (found.acknowledge, found.restore) if one.breached_at is not None]
    return [f"what was agreed was missed ({one.goal.value}): {one.reason}." for one in missed]


def _ruled_out(finding: Finding | None) -> list[str]:
    """What the diagnosis spoke against, with what spoke against it."""
    said: dict[str, Any] = finding.said if finding else {}
    every = (*said.get("services", ()), *said.get("changes", ()))
    return [f"{one['name']}, since {one['against'][0]}" for one in every if one["against"]]
