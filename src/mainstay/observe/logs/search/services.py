"""Search log lines: pages of them, one with its surroundings, a journey through services, and what is new.

Times are in UTC. Unreadable queries raise ``QueryError``, a store that does not answer raises ``TelemetryError``.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from statistics import median
from typing import Any

from mainstay.core import clock
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import bad_request, not_found
from mainstay.core.settings import current
from mainstay.observe.logs.search.answers import Cursor, Journey, Line, Page, Scan, Stop, Surroundings
from mainstay.observe.logs.search.asking import COLUMNS, IN_RANGE, Asked, Meter, ask_for, line_of, moment, readable
from mainstay.observe.logs.search.counts import facets, histogram
from mainstay.observe.logs.search.export import export
from mainstay.observe.logs.search.sqlbox import sql
from mainstay.observe.logs.search.times import Range, from_micros, of

__all__ = [
    "SCOPES",
    "TAIL_OVERLAP",
    "as_sql",
    "context",
    "export",
    "facets",
    "histogram",
    "journey",
    "line",
    "number_now",
    "search",
    "sql",
    "tail",
    "window_of",
]

# The part of the range that is looked through first; where it holds too few lines, the rest follows.
FIRST_PART = 32
SCOPES = ("stream", "service")
# Late lines are told of up to this long after their time.
TAIL_LOOKS_BACK = timedelta(hours=1)
# Milliseconds stand in the upper 42 bits of a line's number.
TAIL_OVERLAP = 5_000 << 22
LONG_GAP = timedelta(seconds=1)


def search(
    actor: Actor,
    query: str,
    within: Range,
    limit: int = 200,
    before: Cursor | None = None,
    after: Cursor | None = None,
) -> Page:
    """A page of the lines that match, the newest of the range first.

    ``before`` asks for those older than a line, ``after`` for those newer than one (the ones next to it).
    """
    require(actor, Right.READ)
    limit = _checked(limit, current().log_search_lines)
    asked, meter = ask_for(query, within), Meter()
    found = _Windows(asked, meter, limit + 1, before, after).rows()
    more = len(found) > limit
    lines = tuple(map(line_of, found[:limit]))
    if after:
        lines = lines[::-1]
    scan = _scan(within, meter, len(found), exact=not more and not before and not after, cut=more)
    older = lines[-1].cursor if lines and (more or after) else None
    newer = lines[0].cursor if lines and ((more and after) or before) else None
    return Page(lines, scan, _shown(asked, limit), older, newer)


def as_sql(actor: Actor, query: str, within: Range, limit: int = 200) -> str:
    """The search as a statement that ``sql`` takes, without running it."""
    require(actor, Right.READ)
    return _shown(ask_for(query, within), limit)


def _shown(asked: Asked, limit: int) -> str:
    shown = f"SELECT time, service, level, body\nFROM log_lines\nWHERE {readable(asked.where, asked.params)}"
    return f"{shown}\nORDER BY time DESC, id DESC\nLIMIT {limit}"


class _Windows:
    """Looks through a range from its end that is wanted, in windows that grow, until there are enough lines.

    A word that stands in every tenth line is found in the first window; a rare one costs one more statement. The second
    window is as long as the density of the first suggests, and what is left of the range is the last.
    """

    def __init__(self, asked: Asked, meter: Meter, limit: int, before: Cursor | None, after: Cursor | None) -> None:
        self._asked, self._meter, self._limit = asked, meter, limit
        self._forward = after is not None
        self._bound, self._edge = _bound(before, after)
        start, end = asked.range.micros
        if before:
            end = min(end, before.micros + 1)
        if after:
            start = max(start, after.micros)
        self._start, self._end = start, end

    def rows(self) -> list[tuple[Any, ...]]:
        """At most ``limit`` rows of ``COLUMNS``, from the wanted end on."""
        found: list[tuple[Any, ...]] = []
        whole = self._end - self._start
        done, part = 0, whole if self._asked.condition.needle else max(whole // FIRST_PART, 60_000_000)
        while done < whole and len(found) < self._limit:
            part = min(part, whole - done)
            found += self._window(done, done + part, self._limit - len(found))
            done += part
            share = len(found) / self._limit
            # A little more than the density suggests; without a find, all that is left.
            part = whole if share < 1 / FIRST_PART else int(done * (1 / share - 1) * 1.3) + 1
        return found

    def _window(self, done: int, until: int, limit: int) -> Sequence[tuple[Any, ...]]:
        if self._forward:
            low, high = self._start + done, self._start + until
        else:
            low, high = self._end - until, self._end - done
        params = {**self._asked.params, **self._edge, "start": low, "end": high, "limit": limit}
        direction = "ASC" if self._forward else "DESC"
        statement = (
            f"SELECT {COLUMNS} FROM log_lines WHERE {self._asked.where}{self._bound} "
            f"ORDER BY time {direction}, id {direction} LIMIT {{limit:UInt32}}"
        )
        return self._meter.ask(statement, params).rows


def _bound(before: Cursor | None, after: Cursor | None) -> tuple[str, Mapping[str, int]]:
    if before and after:
        raise bad_request("ask for lines before one or after one, not both", "before")
    cursor = before or after
    if cursor is None:
        return "", {}
    sign = "<" if before else ">"
    return f" AND (time, id) {sign} ({moment('at')}, {{number:UInt64}})", {"at": cursor.micros, "number": cursor.id}


def _checked(limit: int, most: int) -> int:
    if not 1 <= limit <= most:
        raise bad_request(f"write a number from 1 to {most}", "limit")
    return limit


def _scan(within: Range, meter: Meter, matched: int, *, exact: bool, cut: bool) -> Scan:
    return Scan(within.start, within.end, meter.read_rows, meter.read_bytes, meter.elapsed_ms, matched, exact, cut)


def line(actor: Actor, cursor: Cursor) -> Line:
    """One line. Raises ``ProblemError`` when it is not there, or not any more."""
    require(actor, Right.READ)
    found = _one(cursor)
    if found is None:
        raise not_found("such line; lines are kept for the days that the setting retention_logs_days says")
    return found


def _one(cursor: Cursor) -> Line | None:
    statement = f"SELECT {COLUMNS} FROM log_lines WHERE time = {moment('at')} AND id = {{number:UInt64}} LIMIT 1"
    rows = Meter().ask(statement, {"at": cursor.micros, "number": cursor.id}).rows
    return line_of(rows[0]) if rows else None


def context(actor: Actor, cursor: Cursor, before: int = 20, after: int = 20, scope: str = "stream") -> Surroundings:
    """A line between its neighbours of the same stream, or of the same service."""
    require(actor, Right.READ)
    if scope not in SCOPES:
        raise bad_request(f"write one of {', '.join(SCOPES)}", "scope")
    most = current().log_search_lines
    here = line(actor, cursor)
    same = "service = {service:String}" + (" AND stream = {stream:String}" if scope == "stream" else "")
    params = {"service": here.service, "stream": here.stream, "at": cursor.micros, "number": cursor.id}
    sides = []
    for count, sign, direction, reach in ((before, "<", "DESC", "<="), (after, ">", "ASC", ">=")):
        _checked(max(count, 1), most)
        rows = Meter().ask(
            f"SELECT {COLUMNS} FROM log_lines WHERE {same} AND time {reach} {moment('at')} "
            f"AND (time, id) {sign} ({moment('at')}, {{number:UInt64}}) "
            f"ORDER BY time {direction}, id {direction} LIMIT {{limit:UInt32}}",
            {**params, "limit": count},
        )
        sides.append(tuple(map(line_of, rows.rows)))
    return Surroundings(sides[0][::-1], here, sides[1], scope)


def journey(actor: Actor, key: str, within: Range) -> Journey:
    """The lines of all services that hold a trace id or a business key (an order, a customer), in order of time.

    A key is held by a line whose trace id or one of whose attributes it is, or whose text has it as a word.
    """
    require(actor, Right.READ)
    key = key.strip()
    if not key:
        raise bad_request("write the id of a trace, or the number of an order or a customer", "key")
    most = current().log_journey_lines
    words = ask_for('"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"', within)
    where = (
        f"({words.where}) OR ({IN_RANGE} AND (trace_id = {{trace:String}} "
        "OR has(mapValues(attributes), {key:String})))"
    )
    meter = Meter()
    answer = meter.ask(
        f"SELECT {COLUMNS} FROM log_lines WHERE {where} ORDER BY time, id LIMIT {{limit:UInt32}}",
        {**words.params, "trace": key.lower(), "key": key, "limit": most + 1},
    )
    lines = list(map(line_of, answer.rows[:most]))
    cut = len(answer.rows) > most
    scan = _scan(within, meter, len(answer.rows), exact=not cut, cut=cut)
    return Journey(key, tuple(_stops(lines)), tuple(dict.fromkeys(one.service for one in lines)), scan)


def _stops(lines: Sequence[Line]) -> list[Stop]:
    gaps = [timedelta(0), *(later.time - earlier.time for earlier, later in pairwise(lines))]
    usual = timedelta(seconds=median(gap.total_seconds() for gap in gaps[1:] or gaps)) if gaps else timedelta(0)
    failed = next((one for one in lines if one.level in {"error", "fatal"}), None)
    return [
        Stop(one, gap, long=gap >= LONG_GAP and gap >= usual * 5, first_error=one is failed)
        for one, gap in zip(lines, gaps, strict=True)
    ]


def tail(actor: Actor, query: str, since: int, limit: int = 500) -> tuple[Line, ...]:
    """Lines that came in after the one numbered ``since``, in the order in which they came; the newest ``limit``.

    Lines of another process may reach the store a little later than younger ones of this one, so those of the seconds
    before ``since`` are given again: the caller knows by their numbers which it has.
    """
    require(actor, Right.READ)
    now = clock.now()
    asked = ask_for(query, of(now - TAIL_LOOKS_BACK, now + TAIL_LOOKS_BACK))
    answer = Meter().ask(
        f"SELECT {COLUMNS} FROM log_lines WHERE {asked.where} AND id > {{since:UInt64}} "
        "ORDER BY id DESC LIMIT {limit:UInt32}",
        {
            **asked.params,
            "since": max(since - TAIL_OVERLAP, 0),
            "limit": _checked(limit, current().log_search_lines),
        },
    )
    return tuple(map(line_of, answer.rows[::-1]))


def number_now() -> int:
    """The number that a line would get now: where a tail begins that shows only what comes."""
    return clock.now_ms() << 22


def window_of(cursor: Cursor, around: timedelta = timedelta(minutes=5)) -> Range:
    """The range around a line, as two moments."""
    at = from_micros(cursor.micros)
    return of(at - around, at + around)
