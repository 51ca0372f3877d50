"""What the worker does for objectives once a minute: measure what is new, add it up, and let alerts fire and end.

A pass over some objectives is one commit of what was measured, how they stand and the signals that follow. Whoever
moves ``measured_until`` on from what was read has won it, so that no minute is counted twice.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from mainstay.catalog.levels.budgets import (
    BURNS,
    DAY,
    HOUR,
    MINUTE,
    Burn,
    Severity,
    Tallied,
    added,
    burn,
    left,
    verdict,
)
from mainstay.catalog.levels.models import Budget, Objective, Tally
from mainstay.catalog.levels.objectives import window_of
from mainstay.core import clock, feed, locks
from mainstay.core.settings import current
from mainstay.observe.metrics.promql import PromQLError
from mainstay.observe.telemetry.services import TelemetryError
from mainstay.respond.alerts import signals
from mainstay.respond.alerts.models import Alert
from mainstay.respond.objectives.measure import Minute, minutes

# Objectives in one commit, days that one query asks for, and seconds after which a pass begins no other part.
PART = 25
STRETCH = timedelta(days=1)
PATIENCE = 40.0
# How long each grain is kept: as long as the longest window that is added up from it, and a little more.
_KEPT = {MINUTE: timedelta(minutes=70), HOUR: timedelta(hours=76)}
_COLUMNS = (
    *("measured_until", "computed_at", "problem", "good", "total", "known_seconds", "window_seconds"),
    *("left", "burns", "renews_at", "page_since", "ticket_since"),
)
NAME, SOURCE = "SloBurn", "slo"
# Answers for an objective with its minutes between two moments.
Ask = Callable[[Objective, datetime, datetime], Sequence[Minute]]


@dataclass
class _Measured:
    """What was found of one objective in this pass."""

    objective: Objective
    since: datetime
    until: datetime
    found: list[Minute] = field(default_factory=list)
    problem: str = ""


def run_due(ask: Ask = minutes) -> int:
    """One pass over all objectives. Returns whether something is left to catch up on."""
    began, now = time.monotonic(), clock.now()
    _end_orphans()
    every = list(Objective.objects.filter(enabled=True).select_related("service", "budget").order_by("pk"))
    silent, behind = "", 0
    for start in range(0, len(every), PART):
        if time.monotonic() - began > PATIENCE:
            return 1
        part = []
        for one in every[start : start + PART]:
            measured = _measure(one, now, silent, ask)
            silent = silent or (measured.problem if measured.problem.startswith(_AWAY) else "")
            part.append(measured)
        behind += _settle(part, now)
    return behind


_AWAY = "the telemetry store cannot be asked: "


def _measure(objective: Objective, now: datetime, silent: str, ask: Ask) -> _Measured:
    """Ask for what is new, a stretch at most. Once the store has not answered, nobody else is made to wait for it."""
    settled = now - timedelta(seconds=current().slo_settle_seconds)
    end = settled - timedelta(seconds=settled.timestamp() % MINUTE)
    oldest = max(window_of(objective).start(end), end - timedelta(days=current().slo_backfill_days))
    known = objective.budget.measured_until
    since = max(known, oldest) if known else oldest
    until = max(min(since + STRETCH, end), since)
    measured = _Measured(objective, since, until, problem=silent)
    if silent or until == since:
        return measured
    try:
        measured.found = list(ask(objective, since, until))
    except PromQLError as error:
        measured.problem = f"its expression fails: {error}"
    except TelemetryError as error:
        measured.problem = f"{_AWAY}{error}" if error.code == 0 else f"its expression fails: {error}"
    return measured


@transaction.atomic
def _settle(part: Sequence[_Measured], now: datetime) -> int:
    """Write what was measured of some objectives, how they stand, and what follows. Returns how many lag behind."""
    locks.one_at_a_time("objectives")
    alive = Objective.objects.filter(pk__in=[one.objective.pk for one in part], enabled=True)
    changed = dict(alive.values_list("pk", "changed_at"))
    same = [one.objective for one in part if changed.get(one.objective.pk) == one.objective.changed_at]
    budgets = {one.objective_id: one for one in Budget.objects.select_for_update().filter(objective__in=same)}
    won = []
    for one in part:
        budget = budgets.get(one.objective.pk)
        if budget is None:
            continue  # It was edited or removed meanwhile, and is measured anew in the next pass.
        if one.problem:
            budget.problem = one.problem[:1000]
        elif budget.measured_until == one.objective.budget.measured_until:
            budget.measured_until = one.until
            won.append(one)
    _add([one for one in won if one.found])
    tallies = _tallies([one.objective for one in won])
    for one in won:
        _stand(one, budgets[one.objective.pk], tallies[one.objective.pk], now)
    for budget in budgets.values():
        budget.save(update_fields=_COLUMNS)
    feed.tell("objectives")
    return sum(_lags(one, now) for one in won)


def _add(part: Sequence[_Measured]) -> None:
    """Add the minutes to the tallies of their minute, hour and day."""
    cells: dict[tuple[int, int, datetime], Tally] = {}
    for one in part:
        window = window_of(one.objective)
        for minute in one.found:
            # The minute before the moment at which it was taken.
            moment = minute.at - timedelta(seconds=MINUTE)
            for grain in (MINUTE, HOUR, DAY):
                if grain in _KEPT and minute.at < one.until - _KEPT[grain]:
                    continue
                start, _ = window.cell(grain, moment)
                key = (one.objective.pk, grain, start)
                cell = cells.setdefault(key, Tally(objective_id=key[0], grain=grain, start=start))
                cell.good, cell.total = cell.good + minute.good, cell.total + minute.total
                cell.seconds += MINUTE
    if not cells:
        return
    first = min(start for _, _, start in cells)
    there = Tally.objects.filter(objective__in=[one.objective for one in part], start__gte=first)
    for kept in there:
        fresh = cells.get((kept.objective_id, kept.grain, kept.start))
        if fresh is not None:
            fresh.good, fresh.total = fresh.good + kept.good, fresh.total + kept.total
            fresh.seconds += kept.seconds
    Tally.objects.bulk_create(
        cells.values(),
        batch_size=500,
        update_conflicts=True,
        unique_fields=["objective", "grain", "start"],
        update_fields=["good", "total", "seconds"],
    )


def _tallies(objectives: Sequence[Objective]) -> dict[int, dict[int, list[Tallied]]]:
    """Everything that is kept, by objective and grain."""
    windows = {one.pk: window_of(one) for one in objectives}
    found: dict[int, dict[int, list[Tallied]]] = {one.pk: {MINUTE: [], HOUR: [], DAY: []} for one in objectives}
    rows = Tally.objects.filter(objective__in=objectives).values_list(
        "objective_id", "grain", "start", "good", "total", "seconds"
    )
    for pk, grain, start, good, total, seconds in rows:
        _, end = windows[pk].cell(grain, start) if grain == DAY else (start, start + timedelta(seconds=grain))
        found[pk][grain].append(Tallied(start, end, good, total, seconds))
    return found


def _stand(one: _Measured, budget: Budget, tallies: dict[int, list[Tallied]], now: datetime) -> None:
    """Work out how it stands, and let its alerts fire or end."""
    window, until, target = window_of(one.objective), one.until, one.objective.target
    start, length = window.start(until), window.length(until)
    # Days are too coarse for a window of a few; its hours are kept as long.
    grain = HOUR if length <= timedelta(days=3) else DAY
    whole = added(tallies[grain], start, until)
    burns = {
        name: burn(target, added(tallies[fine], until - stretch, until)) for name, (stretch, fine) in BURNS.items()
    }
    budget.good, budget.total, budget.known_seconds = whole.good, whole.total, whole.seconds
    budget.window_seconds = (until - start).total_seconds()
    budget.left, budget.renews_at = left(target, whole, length), window.renews(until)
    budget.burns = {name: [found.rate, found.known] if found else None for name, found in burns.items()}
    budget.computed_at = now
    if _lags(one, now):
        # What was long ago must not wake anybody now.
        budget.problem = f"it is being measured from the past on, so far up to {until:%Y-%m-%d %H:%M} UTC"
    else:
        budget.problem = _silence(tallies[MINUTE], until)
        for severity in Severity:
            _alert(one.objective, budget, severity, burns, length)


def _lags(one: _Measured, now: datetime) -> bool:
    """Whether more is to be measured at once."""
    return one.until < now - timedelta(seconds=current().slo_settle_seconds + 2 * MINUTE)


def _silence(recent: Sequence[Tallied], until: datetime) -> str:
    """Why nothing is known of late, nothing when something is."""
    limit = current().slo_unknown_minutes
    if added(recent, until - timedelta(minutes=limit), until).seconds:
        return ""
    return f"its expressions gave nothing in the last {limit} minutes"


def _alert(
    objective: Objective, budget: Budget, severity: Severity, burns: dict[str, Burn | None], length: timedelta
) -> None:
    """Where too little is known, an alert stays as it is."""
    name = f"{severity}_since"
    since = getattr(budget, name)
    due = verdict(severity, burns, length, objective.least_failed) if objective.alerts else False
    if due is None or due == (since is not None):
        return
    began = since or clock.now()
    setattr(budget, name, began if due else None)
    fastest = max((found.rate for found in burns.values() if found), default=0.0)
    share = f"{budget.left:.0%} of its budget is left" if budget.left is not None else "what is left is not known"
    signals.send(
        SOURCE,
        NAME,
        {"slo": objective.key, "severity": str(severity)},
        objective.service,
        summary=f"{objective.name} burns its budget of errors {fastest:.1f} times as fast as it may",
        description=f"{objective.target:.6g} of it shall go well; {share}.",
        path=f"/levels/{objective.key}",
        began=began,
        ends=not due,
    )


def _end_orphans() -> None:
    """End alerts whose objective was removed or switched off: nobody else would."""
    firing = list(Alert.objects.filter(name=NAME, source=SOURCE, state=Alert.State.FIRING).select_related("service"))
    if not firing:
        return
    alive = set(Objective.objects.filter(enabled=True).values_list("key", flat=True))
    with transaction.atomic():
        for alert in firing:
            if alert.labels.get("slo") in alive:
                continue
            about = {name: value for name, value in alert.labels.items() if name not in {"alertname", "service"}}
            signals.send(
                SOURCE,
                NAME,
                about,
                alert.service,
                summary="Its objective is gone",
                description="Nobody measures it any more.",
                path="/levels",
                began=alert.starts_at,
                ends=True,
            )
        Budget.objects.filter(objective__enabled=False).update(page_since=None, ticket_since=None)


def prune() -> int:
    """Delete tallies that no window is added up from any more."""
    now, day = clock.now(), timedelta(days=1)
    old = Q()
    for grain, kept in _KEPT.items():
        old |= Q(grain=grain, start__lt=now - kept - timedelta(hours=1))
    # A calendar month has no days in its row; its longest is 31.
    old |= Q(grain=DAY, objective__window_days=0, start__lt=now - 33 * day)
    rolling = Objective.objects.exclude(window_days=0).values_list("window_days", flat=True).distinct()
    for days in set(rolling):
        old |= Q(grain=DAY, objective__window_days=days, start__lt=now - (days + 2) * day)
    return Tally.objects.filter(old).delete()[0]
