"""What the worker does for problems: compares incidents, proposes what comes again, and ends or opens again."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from mainstay.change.releases.models import Release
from mainstay.core import clock
from mainstay.core.access import SYSTEM
from mainstay.core.settings import current
from mainstay.learn.problems import actions, alike, portraits, record, services
from mainstay.learn.problems.domain import recurrence
from mainstay.learn.problems.domain.course import Event, Kind
from mainstay.learn.problems.domain.likeness import Like
from mainstay.learn.problems.domain.recurrence import Rule
from mainstay.learn.problems.models import Occurrence, Problem
from mainstay.respond.incidents.models import Incident

State = Problem.State
# An incident is compared once it had time to gather its alerts.
_SETTLES = timedelta(seconds=5)
_ROUND, _LATEST = 20, 5


class Problems:
    """One for each worker: it holds the index."""

    def __init__(self) -> None:
        self.memory = alike.Memory()

    def run_due(self) -> int:
        """One round. Returns how many incidents were compared."""
        actions.hear()
        actions.remind_due()
        watch_fixes()
        close_windows()
        return self._compare()

    def _compare(self) -> int:
        """Look at incidents that are new, and again at those in which something was found since."""
        new = Q(portrait=None) | Q(resolved_at__gt=F("portrait__at"))
        due = Incident.objects.filter(new, opened_at__lte=clock.now() - _SETTLES).select_related(
            "service", "known_error"
        )
        # The latest first, so that what burns now waits for no backlog; then that, in the order in which it happened.
        latest = list(due.order_by("-pk")[:_LATEST])
        rows = {one.pk: one for one in (*latest, *due.order_by("pk")[:_ROUND])}
        for incident in rows.values():
            self.compare(incident)
        return len(rows)

    def compare(self, incident: Incident) -> None:
        """Find what is like an incident, and what comes again with it."""
        found = alike.look(self.memory, incident)
        if current().problem_recurrences:
            relate(incident, [one for one in found if recurrence.same_kind(one).yes])


@transaction.atomic
def relate(incident: Incident, same: Sequence[Like]) -> None:
    """An incident that is an earlier one again belongs to the problem of that, or makes one with the others."""
    if not same:
        return
    numbers = [incident.pk, *(one.number for one in same)]
    known = Occurrence.objects.filter(incident__in=numbers).exclude(problem__state=State.DISMISSED)
    problems = list(known.order_by("problem").values_list("problem", flat=True).distinct())
    if problems:
        why = recurrence.same_kind(same[0]).reason
        for number in problems:
            record.link(SYSTEM, record.locked(SYSTEM, number), incident, f"INC-{same[0].number} again: {why}")
        return
    rule = Rule(current().problem_recurrences, current().problem_recurrence_days)
    verdict = recurrence.proposal(portraits.occurrences(numbers), clock.now(), rule, _dismissed(numbers))
    if verdict.yes:
        within = _within(numbers, rule)
        reason = f"{verdict.reason}: {recurrence.same_kind(same[0]).reason}{_together(within)}"
        services.propose(SYSTEM, within, reason)


def _within(numbers: Sequence[int], rule: Rule) -> list[int]:
    since = clock.now() - timedelta(days=rule.days)
    return list(Incident.objects.filter(pk__in=numbers, started_at__gte=since).values_list("pk", flat=True))


def _together(numbers: Sequence[int]) -> str:
    """The live problems whose incidents began with these each time, as the end of a sentence."""
    began = list(Incident.objects.filter(pk__in=numbers).values_list("started_at", flat=True))
    others: dict[int, list[datetime]] = {}
    rows = Occurrence.objects.filter(problem__state__in=(State.PROPOSED, *services.LIVE))
    for problem, at in rows.values_list("problem", "incident__started_at"):
        others.setdefault(problem, []).append(at)
    found = [f"PRB-{problem}" for problem, times in sorted(others.items()) if recurrence.together(began, times)]
    return f"; each time with {', '.join(found[:3])}" if found else ""


def _dismissed(numbers: Sequence[int]) -> list[set[int]]:
    """The incidents of each dismissed problem that has one of these."""
    ids = Problem.objects.filter(state=State.DISMISSED, occurrences__incident__in=numbers).distinct()
    return [set(one.occurrences.values_list("incident", flat=True)) for one in ids]


def watch_fixes() -> int:
    """Open the window of verification where the release that is to fix it has finished."""
    opened = 0
    for problem in Problem.objects.filter(state=State.FIX_PLANNED).exclude(fix_release=None, fix_version=""):
        release = _finished(problem)
        if release is None or release.finished_at is None:
            continue
        with transaction.atomic():
            held = record.locked(SYSTEM, problem.pk)
            if held.state == State.FIX_PLANNED:
                held.fix_release = release
                record.move(SYSTEM, held, Event(Kind.FIX_DONE, release.finished_at))
                opened += 1
    return opened


def _finished(problem: Problem) -> Release | None:
    """The release that is named, or the first of that version since the fix was planned."""
    live = Release.objects.filter(finished_at__isnull=False).exclude(
        state__in=(Release.State.ROLLED_BACK, Release.State.BROKEN_OFF)
    )
    if problem.fix_release_id:
        return live.filter(pk=problem.fix_release_id).first()
    if not problem.service_id:
        return None
    same = live.filter(service=problem.service_id, version=problem.fix_version, finished_at__gte=problem.made_at)
    return same.order_by("finished_at").first()


def close_windows() -> int:
    """Solve what did not come again while it was verified."""
    solved = 0
    for number in list(Problem.objects.filter(state=State.VERIFYING).values_list("pk", flat=True)):
        with transaction.atomic():
            problem = record.locked(SYSTEM, number)
            decision = record.move(SYSTEM, problem, Event(Kind.LOOK, clock.now()))
            solved += decision.after.state.value == State.SOLVED
    return solved
