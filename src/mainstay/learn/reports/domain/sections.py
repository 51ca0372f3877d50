"""The sections of a report, each worked out from the rows of both times. Pure."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from mainstay.learn.reports.domain import meaning
from mainstay.learn.reports.domain.figures import (
    Case,
    Data,
    Figure,
    Line,
    Of,
    Owed,
    Paged,
    Promise,
    Reviewed,
    Section,
    Trouble,
    Unit,
    middle,
    ninety,
    seconds,
)
from mainstay.learn.reports.domain.meaning import Meaning
from mainstay.learn.reports.domain.periods import Period

# The numbers of rows of the time, and of those of the one before it.
Both: TypeAlias = Sequence[Sequence[int]]
_PEOPLE: Final = 30
_RULES: Final = 15


def sections(data: Data, now: Period, before: Period) -> tuple[Section, ...]:
    """All of them, in the order in which they are read."""
    parts: tuple[Callable[[Data, Period, Period], Section], ...] = (
        incidents,
        times,
        promises,
        noise,
        load,
        problems,
        releases,
        supportability,
    )
    return tuple(part(data, now, before) for part in parts)


def _opened(data: Data, period: Period) -> list[Case]:
    return [one for one in data.cases if period.holds(one.opened)]


def _count(key: str, label: str, of: Of, both: Both, periods: Sequence[Period]) -> Figure:
    """A count of the time and of the one before, by the numbers of what is counted."""
    now, before = both
    spans = (periods[0].length.total_seconds(), periods[1].length.total_seconds())
    told = meaning.of_counts(len(now), len(before), spans)
    return Figure(key, label, float(len(now)), Unit.COUNT, of, tuple(now), float(len(before)), told)


def _share(key: str, label: str, parts: Both, wholes: Sequence[Sequence[object]]) -> Figure:
    """A share of the time and of the one before: incidents that are part of it, and all that could be."""
    (part, part_before), (whole, whole_before) = parts, (len(one) for one in wholes)
    value = len(part) / whole if whole else None
    was = len(part_before) / whole_before if whole_before else None
    compared = value is not None and was is not None
    told = meaning.of_shares((len(part), whole), (len(part_before), whole_before)) if compared else Meaning.NONE
    return Figure(key, label, value, Unit.SHARE, Of.INCIDENTS, tuple(part), was, told)


def incidents(data: Data, now: Period, before: Period) -> Section:
    """How many, by priority, and who noticed them."""
    both = [_opened(data, now), _opened(data, before)]
    chosen = [[one.number for one in rows] for rows in both]
    figures = [_count("incidents", "Incidents", Of.INCIDENTS, chosen, (now, before))]
    for priority in (1, 2, 3, 4):
        chosen = [[one.number for one in rows if one.priority == priority] for rows in both]
        figures.append(_count(f"p{priority}", f"of these P{priority}", Of.INCIDENTS, chosen, (now, before)))
    chosen = [[one.number for one in rows if not one.by_users] for rows in both]
    figures.append(_share("noticed", "Found by monitoring before users", chosen, both))
    live = [one.number for one in both[0] if one.restored is None]
    figures.append(Figure("live", "Not restored yet", float(len(live)), Unit.COUNT, Of.INCIDENTS, tuple(live)))
    how = "Incidents that were opened in the time. Users found it where the first alert says so by its label."
    return Section("incidents", "Incidents", how, tuple(figures))


def times(data: Data, now: Period, before: Period) -> Section:
    """How soon they were acknowledged and restored."""
    taken: list[list[tuple[int, float]]] = []
    mended: list[list[tuple[int, float]]] = []
    for period in (now, before):
        rows = _opened(data, period)
        taken.append([(one.number, seconds(one.acknowledged - one.opened)) for one in rows if one.acknowledged])
        mended.append([(one.number, seconds(one.restored - one.started)) for one in rows if one.restored])
    figures = [
        *_lengths("mtta", "Time to acknowledge", taken[0], taken[1]),
        *_lengths("mttr", "Time to restore", mended[0], mended[1]),
    ]
    never = [one.number for one in _opened(data, now) if one.acknowledged is None and one.restored is not None]
    label = "Restored before anybody took it"
    figures.append(Figure("never", label, float(len(never)), Unit.COUNT, Of.INCIDENTS, tuple(never)))
    how = (
        "Of incidents opened in the time. To acknowledge: from when it was opened until somebody took it; those that "
        "nobody took are left out. To restore: from when the first alert says that it began until all alerts had ended."
    )
    return Section("times", "How soon", how, tuple(figures))


def _lengths(
    key: str, label: str, now: Sequence[tuple[int, float]], before: Sequence[tuple[int, float]]
) -> tuple[Figure, Figure]:
    rows = tuple(number for number, _ in sorted(now, key=lambda one: -one[1]))
    mine, was = [much for _, much in now], [much for _, much in before]
    told = meaning.of_times(mine, was) if mine and was else Meaning.NONE
    half = Figure(f"{key}50", f"{label}, median", middle(mine), Unit.SECONDS, Of.INCIDENTS, rows, middle(was), told)
    limit = ninety(mine)
    slow = tuple(number for number, much in now if limit is not None and much >= limit)
    most = Figure(f"{key}90", f"{label}, nine of ten", limit, Unit.SECONDS, Of.INCIDENTS, slow, ninety(was))
    return half, most


def promises(data: Data, now: Period, before: Period) -> Section:
    """What was agreed and kept."""
    figures: list[Figure] = []
    for goal, label in (("acknowledge", "Acknowledged in time"), ("restore", "Restored in time")):
        both = [_of_goal(data.promises, goal, period) for period in (now, before)]
        kept = [[one.incident for one in rows if one.met] for rows in both]
        figures.append(_share(f"{goal}-met", label, kept, both))
        late = [[one.incident for one in rows if not one.met] for rows in both]
        figures.append(_count(f"{goal}-breached", f"{label}: not", Of.INCIDENTS, late, (now, before)))
    how = "Of incidents that were resolved in the time and have an agreement, as it was settled then."
    note = "" if any(one.value for one in figures) else "No incident with an agreement was resolved."
    return Section("promises", "Agreements", how, tuple(figures), note=note)


def _of_goal(rows: Sequence[Promise], goal: str, period: Period) -> list[Promise]:
    return [one for one in rows if one.goal == goal and period.holds(one.at)]


def noise(data: Data, now: Period, before: Period) -> Section:
    """What alerts cost without being of use."""
    both = [_opened(data, now), _opened(data, before)]
    each = [sum(one.alerts for one in rows) / len(rows) if rows else None for rows in both]
    rows = tuple(one.number for one in sorted(both[0], key=lambda one: -one.alerts))
    idle = [[one.number for one in part if one.acknowledged is None and one.restored] for part in both]
    figures = (
        Figure("alerts-each", "Alerts in an incident, on average", each[0], Unit.EACH, Of.INCIDENTS, rows, each[1]),
        _share("idle", "Nobody acted on", idle, both),
    )
    how = (
        "Nobody acted on an incident that was restored before anybody took it. A rule flaps when the same alert begins "
        "again and again."
    )
    if data.flapping is None:
        return Section(
            "noise", "Noise", how, figures, note="What flaps is not known: the telemetry store does not answer."
        )
    lines = tuple(
        Line(one.name, (Figure(f"flap:{one.name}", one.name, float(one.times), Unit.COUNT, Of.RULES),))
        for one in sorted(data.flapping, key=lambda one: (-one.times, one.name))[:_RULES]
    )
    return Section("noise", "Noise", how, figures, ("Flapping rule", "Times it began"), lines)


def load(data: Data, now: Period, before: Period) -> Section:
    """Who was called how often, and when."""
    both = [[one for one in data.pages if period.holds(one.at)] for period in (now, before)]
    pages = _count("pages", "Pages", Of.PAGES, [[one.number for one in rows] for rows in both], (now, before))
    nights = [[one.number for one in rows if one.night] for rows in both]
    by_person: dict[str, list[Paged]] = defaultdict(list)
    for one in both[0]:
        by_person[one.person].append(one)
    ordered = sorted(by_person, key=lambda person: (-len(by_person[person]), person))
    lines = tuple(Line(person, _burden(person, by_person[person])) for person in ordered[:_PEOPLE])
    how = (
        "Pages that were decided in the time. At night is from 22:00 to 06:00 by the person's own clock; an hour is "
        "interrupted once, however many pages came in it."
    )
    note = f"{len(ordered) - _PEOPLE} more people are not listed." if len(ordered) > _PEOPLE else ""
    figures = (pages, _count("nights", "of these at night", Of.PAGES, nights, (now, before)))
    return Section("load", "Load", how, figures, ("Person", "Pages", "At night", "Hours interrupted"), lines, note)


def _burden(person: str, pages: Sequence[Paged]) -> tuple[Figure, ...]:
    rows = tuple(one.number for one in pages)
    night = tuple(one.number for one in pages if one.night)
    hours = {one.hour: one.number for one in reversed(pages)}
    return (
        Figure(f"pages:{person}", "Pages", float(len(rows)), Unit.COUNT, Of.PAGES, rows),
        Figure(f"nights:{person}", "At night", float(len(night)), Unit.COUNT, Of.PAGES, night),
        Figure(f"hours:{person}", "Hours", float(len(hours)), Unit.COUNT, Of.PAGES, tuple(hours.values())),
    )


def problems(data: Data, now: Period, before: Period) -> Section:
    """What is behind incidents, and whether it is done away with."""
    periods = (now, before)
    made = [[one.number for one in data.problems if period.holds(one.made)] for period in periods]
    solved = [[one.number for one in data.problems if one.solved and period.holds(one.ended)] for period in periods]
    live = [[one.number for one in data.problems if _lives(one, period.end)] for period in periods]
    both = [_opened(data, period) for period in periods]
    done = [[one.number for one in data.actions if one.done and period.holds(one.ended)] for period in periods]
    late = [[one.number for one in data.actions if _is_late(one, period.end)] for period in periods]
    again = [[one.number for one in rows if one.known] for rows in both]
    figures = (
        _count("problems", "New problems", Of.PROBLEMS, made, periods),
        _count("solved", "Solved", Of.PROBLEMS, solved, periods),
        Figure("unsolved", "Not solved at its end", *_level(live, Of.PROBLEMS)),
        _share("again", "Incidents of a known problem", again, both),
        _count("actions-done", "Actions done", Of.ACTIONS, done, periods),
        Figure("overdue", "Actions overdue at its end", *_level(late, Of.ACTIONS)),
    )
    how = (
        "Problems that somebody made or took. Those that are only proposed and those that were dismissed are left out."
    )
    return Section("problems", "Problems", how, figures)


def _lives(one: Trouble, at: datetime) -> bool:
    return one.made < at and (one.ended is None or one.ended >= at)


def _is_late(one: Owed, at: datetime) -> bool:
    return one.due <= at and (one.ended is None or one.ended >= at)


def _level(both: Both, of: Of) -> tuple[float, Unit, Of, tuple[int, ...], float]:
    """A count at a moment, which is no count of what happened: chance says nothing of it."""
    return float(len(both[0])), Unit.COUNT, of, tuple(both[0]), float(len(both[1]))


_STATES: Final = ("passed", "failed", "inconclusive", "rolled back", "broken off", "watched", "started")


def releases(data: Data, now: Period, before: Period) -> Section:
    """What was brought to production, and how that went."""
    both = [[one for one in data.releases if period.holds(one.at)] for period in (now, before)]
    chosen = [[one.number for one in rows] for rows in both]
    figures = [_count("releases", "Releases", Of.RELEASES, chosen, (now, before))]
    states = {one.state for rows in both for one in rows}
    for state in (one for one in _STATES if one in states):
        part = [[one.number for one in rows if one.state == state] for rows in both]
        figures.append(_count(f"release-{state}", f"of these {state}", Of.RELEASES, part, (now, before)))
    return Section("releases", "Releases", "Releases that began in the time, by where they stand now.", tuple(figures))


def supportability(data: Data, now: Period, before: Period) -> Section:
    """Whether services can be supported better or worse than at the beginning of the time."""
    del before
    latest, earlier = (_latest(data.reviews, at) for at in (now.end, now.start))
    lines = []
    for service in sorted(latest):
        new, old = latest[service], earlier.get(service)
        was = float(old.score) if old else None
        cell = Figure(f"score:{service}", service, float(new.score), Unit.POINTS, Of.REVIEWS, (new.number,), was)
        lines.append(Line(service, (cell,)))
    lines.sort(key=lambda line: (line.figures[0].value or 0.0, line.label))
    how = (
        "The last review of each service in the time or before it, beside the last one before the time; of 100 points."
    )
    note = "" if lines else "No service was reviewed."
    return Section("supportability", "Supportability", how, (), ("Service", "Score"), tuple(lines), note)


def _latest(reviews: Sequence[Reviewed], until: datetime) -> dict[str, Reviewed]:
    found: dict[str, Reviewed] = {}
    for one in sorted(reviews, key=lambda each: each.at):
        if one.at < until:
            found[one.service] = one
    return found
