"""Whether production may be changed now, why, and until when that stands. Pure: the time is handed in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from mainstay.catalog.calendar.civil import zone_of
from mainstay.catalog.calendar.entries import CHANGES, EVENT, FREEZE, KINDS, WINDOW, Entry, Occurrence, Raw
from mainstay.catalog.domain import callers_of, reached


@dataclass(frozen=True)
class Named:
    """An entry that an answer rests on, with the time that it means."""

    key: str
    name: str
    kind: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Answer:
    """Whether production may be changed now, why, and until when that answer stands (nothing: no end is known)."""

    allowed: bool
    reason: str
    until: datetime | None = None
    entries: tuple[Named, ...] = ()
    emergency: bool = False


@dataclass(frozen=True)
class Broken:
    """An entry that cannot be understood any more, with what is wrong."""

    raw: Raw
    why: str


@dataclass(frozen=True)
class Allowance:
    """A budget of errors that must not be nearly used up. ``left`` is nothing where it is not known, as ``why`` says.

    ``until`` is when the budget is whole again by itself, where that is known.
    """

    name: str
    service: str
    below: float
    kinds: frozenset[str]
    left: float | None
    why: str = ""
    until: datetime | None = None
    timezone: str = "UTC"
    unknown_closes: bool = True

    @property
    def closes(self) -> bool:
        """Whether the changes that it is about are refused."""
        return self.unknown_closes if self.left is None else self.left < self.below

    @property
    def sentence(self) -> str:
        """How it stands."""
        if self.left is None:
            return f"what is left of the budget of errors of {self.name} is not known ({self.why})"
        told = f"{self.left:.1%} of the budget of errors of {self.name} is left, and {self.below:.0%} must be"
        return told + (f"; it is whole again {said(self.until, self.timezone)}" if self.until else "")


@dataclass(frozen=True)
class Picture:
    """What the gate looks at: entries that are switched on, services, the calls between them, and budgets of errors."""

    entries: Sequence[Entry]
    broken: Sequence[Broken]
    only_in_windows: Mapping[str, bool]
    dependencies: Sequence[tuple[str, str]] = ()
    allowances: Sequence[Allowance] = ()


def decide(picture: Picture, asked: Iterable[str], kind: str, now: datetime, *, in_window: bool = False) -> Answer:
    """May these services be changed now? ``in_window`` asks as if all of them demanded a window.

    1. Who names no service, or one that is not known, is refused: nobody can say what would be touched.
    2. What cannot be understood and might hold is refused.
    3. A freeze that holds is a no until the last of them ends.
    4. A budget of errors of which too little is left is a no; so is one that is not known, unless it says otherwise.
    5. A service that may change in windows only is refused outside of them, with the next one.
    6. Everything else may change, until the next freeze begins or the window ends.
    """
    services = sorted(set(asked))
    unknown = [one for one in services if one not in picture.only_in_windows]
    if not services or unknown:
        what = f"there is no service {unknown[0]!r}" if unknown else "no service is named"
        return Answer(False, f"{what}, so nobody can say what the change touches; name services of the catalog")
    if kind not in CHANGES:
        return Answer(False, f"{kind!r} is not a kind of change; write one of {', '.join(CHANGES)}")
    calls = _calls(tuple(picture.dependencies))
    around = {one: calls.of(one) for one in services}

    def covered(raw_entry: Entry) -> list[str]:
        return [one for one in services if raw_entry.covers(one, *around[one])]

    for bad in picture.broken:
        if _may_concern(bad.raw, kind):
            return Answer(
                False, f"the entry {bad.raw.name!r} cannot be understood: {bad.why}; mend it or switch it off"
            )

    def concerned(of_kind: str) -> list[tuple[Entry, list[str]]]:
        mine = [one for one in picture.entries if one.raw.kind == of_kind and _may_concern(one.raw, kind)]
        return [(one, found) for one in mine if (found := covered(one))]

    freezes = _Freezes([one for one, _ in concerned(FREEZE)], now)
    if freezes.now:
        return freezes.refusal()
    spent = [one for one in picture.allowances if one.service in services and kind in one.kinds and one.closes]
    if spent:
        return _used_up(spent)
    demanding = [one for one in services if in_window or picture.only_in_windows[one]]
    windows = _Windows(concerned(WINDOW) if demanding else [], demanding, now)
    if windows.closed:
        return windows.refusal()
    events = [one for one, _ in concerned(EVENT)]
    return _allowed(freezes, windows, _holding(events, now), services)


def _may_concern(raw: Raw, kind: str) -> bool:
    return not raw.changes or kind in raw.changes


def _used_up(spent: Sequence[Allowance]) -> Answer:
    """No, until the last of these budgets is whole again; nobody knows when rolling days leave their errors behind."""
    ends = [one.until for one in spent if one.until is not None]
    until = max(ends) if len(ends) == len(spent) else None
    return Answer(False, "; ".join(one.sentence for one in spent), until)


class _Around:
    """What services need and what needs them, near and far: the calls are sorted once for all that are asked for."""

    def __init__(self, dependencies: Sequence[tuple[str, str]]) -> None:
        self._callers = callers_of(dependencies)
        self._callees = callers_of((callee, caller) for caller, callee in dependencies)
        self._found: dict[str, tuple[frozenset[str], frozenset[str]]] = {}

    def of(self, service: str) -> tuple[frozenset[str], frozenset[str]]:
        """(what a service needs, what needs it)."""
        if service not in self._found:
            self._found[service] = reached(service, self._callees), reached(service, self._callers)
        return self._found[service]


@lru_cache(maxsize=4)
def _calls(dependencies: tuple[tuple[str, str], ...]) -> _Around:
    """The calls change seldom, and are asked about again and again."""
    return _Around(dependencies)


def _holding(entries: Iterable[Entry], now: datetime) -> list[tuple[Entry, Occurrence]]:
    return [(one, found) for one in entries if (found := one.now_and_next(now)[0])]


def _named_entry(entry: Entry, found: Occurrence) -> Named:
    return Named(entry.raw.key, entry.raw.name, entry.raw.kind, found.start, found.end)


def said(moment: datetime, zone: str) -> str:
    """A moment as a sentence holds it, with its offset: ``Sun 1 Mar 2026 02:00 +01:00``."""
    local = moment.astimezone(zone_of(zone))
    offset = local.strftime("%z")
    return f"{local:%a} {local.day} {local:%b %Y %H:%M} {offset[:3]}:{offset[3:5]}"


class _Freezes:
    """The freezes that concern a question: those that hold and the first that comes."""

    def __init__(self, entries: Sequence[Entry], now: datetime) -> None:
        self.now: list[tuple[Entry, Occurrence]] = []
        self.next: tuple[Entry, Occurrence] | None = None
        for entry in entries:
            current, following = entry.now_and_next(now)
            if current:
                self.now.append((entry, current))
            if following and (self.next is None or following.start < self.next[1].start):
                self.next = (entry, following)

    def refusal(self) -> Answer:
        """No, until the last of those that hold ends."""
        entry, last = max(self.now, key=lambda pair: pair[1].end)
        why = f": {entry.raw.reason}" if entry.raw.reason else ""
        reason = f"{entry.raw.name} (freeze) holds until {said(last.end, entry.raw.timezone)}{why}"
        others = sorted({one.raw.name for one, _ in self.now} - {entry.raw.name})
        if others:
            reason += f"; also frozen by {', '.join(others)}"
        return Answer(False, reason, last.end, tuple(_named_entry(*pair) for pair in self.now))


class _Windows:
    """The windows that concern a question, for the services that may not be changed outside of them."""

    def __init__(self, entries: Sequence[tuple[Entry, list[str]]], demanding: Sequence[str], now: datetime) -> None:
        self.held: list[tuple[Entry, Occurrence]] = []
        self.closed: list[str] = []
        self.next: dict[str, tuple[Entry, Occurrence]] = {}
        self.until: datetime | None = None
        looked = {id(entry): entry.now_and_next(now) for entry, _ in entries} if demanding else {}
        for service in demanding:
            open_now = []
            for entry, found in entries:
                current, following = looked[id(entry)]
                if service not in found:
                    continue
                if current:
                    open_now.append((entry, current))
                if following and (service not in self.next or following.start < self.next[service][1].start):
                    self.next[service] = (entry, following)
            if open_now:
                self.held += [one for one in open_now if one not in self.held]
                ends = max(one.end for _, one in open_now)
                self.until = min(self.until or ends, ends)
            else:
                self.closed.append(service)

    def refusal(self) -> Answer:
        """No, until the window of the service that has to wait longest."""
        names = ", ".join(self.closed)
        coming = [self.next.get(one) for one in self.closed]
        if any(one is None for one in coming):
            lost = next(one for one in self.closed if one not in self.next)
            return Answer(False, f"{names} may change in maintenance windows only, and none is planned for {lost}")
        entry, found = max((one for one in coming if one), key=lambda pair: pair[1].start)
        when = said(found.start, entry.raw.timezone)
        reason = f"{names} may change in maintenance windows only; the next, {entry.raw.name}, begins {when}"
        return Answer(False, reason, found.start, (_named_entry(entry, found),))


def _allowed(
    freezes: _Freezes, windows: _Windows, events: Sequence[tuple[Entry, Occurrence]], services: Sequence[str]
) -> Answer:
    until, parts = windows.until, []
    if windows.held:
        names = ", ".join(sorted({one.raw.name for one, _ in windows.held}))
        parts.append(f"the maintenance window {names} is open")
    else:
        parts.append(f"no freeze covers {', '.join(services)}")
    if freezes.next and (until is None or freezes.next[1].start < until):
        entry, found = freezes.next
        until = found.start
        parts.append(f"{entry.raw.name} (freeze) begins {said(found.start, entry.raw.timezone)}")
    elif until is not None and windows.held:
        parts[0] += f" until {said(until, windows.held[0][0].raw.timezone)}"
    if events:
        parts.append(f"be careful, it is the time of {', '.join(entry.raw.name for entry, _ in events)}")
    return Answer(True, "; ".join(parts), until, tuple(_named_entry(*pair) for pair in [*windows.held, *events]))


@dataclass(frozen=True)
class Conflict:
    """Two entries whose times meet on the same services."""

    name: str
    kind: str
    start: datetime
    end: datetime


def conflicts(
    entry: Entry, others: Iterable[Entry], dependencies: Sequence[tuple[str, str]], after: datetime, before: datetime
) -> list[Conflict]:
    """Where the times of an entry meet those of windows and freezes on services of both, the first of each."""
    mine = list(entry.between(after, before))
    if not mine:
        return []
    found = []
    for other in others:
        if other.raw.key == entry.raw.key or other.raw.kind == EVENT or not _share(entry, other, dependencies):
            continue
        for theirs in other.between(mine[0].start, max(one.end for one in mine)):
            meeting = [one for one in mine if one.start < theirs.end and theirs.start < one.end]
            if meeting:
                start, end = max(meeting[0].start, theirs.start), min(meeting[0].end, theirs.end)
                found.append(Conflict(other.raw.name, KINDS[other.raw.kind], start, end))
                break
    return sorted(found, key=lambda one: (one.start, one.name))


def _share(left: Entry, right: Entry, dependencies: Sequence[tuple[str, str]]) -> bool:
    if not left.raw.services or not right.raw.services:
        return True
    both = left.raw.services | right.raw.services
    calls = _calls(tuple(dependencies))
    near = {one: calls.of(one) for one in {*both, *(name for pair in dependencies for name in pair)}}
    return any(left.covers(one, *around) and right.covers(one, *around) for one, around in near.items())
