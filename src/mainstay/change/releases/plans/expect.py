"""What was found against what a plan expects: passed, failed, or inconclusive where too little was found. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import re2

from mainstay.catalog.calendar.civil import moment_of, read_clock, wall, zone_of
from mainstay.change.releases.judge import Verdict
from mainstay.change.releases.plans.bound import Bound, number_of, text_of
from mainstay.change.releases.plans.model import Batch, Metric, Request, Sql
from mainstay.change.releases.plans.text import HEADER, TEXT, MissingError, at

_SHOWN = 80


@dataclass(frozen=True)
class Outcome:
    """What a step says."""

    verdict: Verdict
    said: str


@dataclass(frozen=True)
class Reply:
    """What a server answered, with all lines of its header."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: str


@dataclass(frozen=True)
class Rows:
    """What a read gave: how many rows, the first value of the first, whether it was cut, and whether that is masked."""

    count: int
    first: Any = None
    cut: bool = False
    masked: bool = False


def passed(said: str) -> Outcome:
    """It is as it should be."""
    return Outcome(Verdict.PASSED, said)


def failed(said: str) -> Outcome:
    """It is not."""
    return Outcome(Verdict.FAILED, said)


def unknown(said: str) -> Outcome:
    """That cannot be told."""
    return Outcome(Verdict.INCONCLUSIVE, said)


def _short(value: object) -> str:
    text = " ".join(text_of(value).split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def problem_of(request: Request, reply: Reply) -> str:
    """What is not as a request expects it of its answer; nothing when all is."""
    good = reply.status in request.status if request.status else reply.status < 400
    if not good:
        wanted = " or ".join(map(str, request.status)) or "below 400"
        return f"status {reply.status}, not {wanted}"
    for text in request.contains:
        if text not in reply.body:
            return f"the answer does not hold {_short(text)!r}"
    for text in request.lacks:
        if text in reply.body:
            return f"the answer holds {_short(text)!r}"
    return _wrong_value(request, reply) if request.values else ""


def _wrong_value(request: Request, reply: Reply) -> str:
    try:
        document = json.loads(reply.body)
    except ValueError:
        return "the answer is no JSON"
    for pointer, condition in request.values.items():
        try:
            found = at(document, pointer)
        except MissingError as error:
            return str(error)
        if Bound.of(condition).holds(found) is not True:
            return f"{pointer or 'the answer'} is {_short(found)!r}, not {condition}"
    return ""


def taken(request: Request, reply: Reply) -> dict[str, str]:
    """The values that a request takes from its answer. Raises ``MissingError``."""
    return {name: _taken(place, reply) for name, place in request.take.items()}


def _taken(place: str, reply: Reply) -> str:
    if place.startswith(HEADER):
        name = place.removeprefix(HEADER).strip().lower()
        found = next((value for known, value in reply.headers if known.lower() == name), None)
        if found is None:
            raise MissingError(f"the answer has no header {name}")
        return found
    if place.startswith(TEXT):
        match = re2.search(place.removeprefix(TEXT), reply.body)
        if match is None or match[1] is None:
            raise MissingError(f"{place} finds nothing in the answer")
        return str(match[1])
    try:
        document = json.loads(reply.body)
    except ValueError:
        raise MissingError("the answer is no JSON") from None
    value = at(document, place)
    if isinstance(value, dict | list) or value is None:
        raise MissingError(f"{place} is no single value")
    return text_of(value)


def of_rows(step: Sql, found: Rows, among: Any = None) -> Outcome:
    """What a read says. ``among`` is what the second statement counted."""
    if step.among:
        looked_at = number_of(among)
        if looked_at is None:
            return unknown(f"what is looked at cannot be counted: {_short(among)!r} is no number")
        if looked_at < step.among_at_least:
            return unknown(f"{looked_at} to look at, too few to say anything; {step.among_at_least} are needed")
    if step.value:
        return _of_value(step.value, found)
    return _of_count(step, found)


def _of_value(condition: str, found: Rows) -> Outcome:
    if found.count != 1:
        return unknown(f"{found.count or 'no'} rows came; a value takes exactly one")
    if found.masked:
        return unknown("the value is masked by the connection, so it cannot be compared")
    if found.first is None:
        return unknown("the value is NULL")
    holds = Bound.of(condition).holds(found.first)
    if holds is None:
        return unknown(f"{_short(found.first)!r} cannot be compared: {condition}")
    said = f"the value is {_short(found.first)}"
    return passed(f"{said}, as wanted: {condition}") if holds else failed(f"{said}, not {condition}")


def _of_count(step: Sql, found: Rows) -> Outcome:
    least, most = step.at_least or 0, 0 if step.rows else step.at_most
    came = f"{found.count}{' or more' if found.cut else ''} rows"
    if most is not None and found.count > most:
        return failed(f"{came}, {'none' if not most else f'at most {most}'} wanted")
    if found.count >= least and (most is None or not found.cut):
        return passed(f"{came}, as wanted")
    if found.cut:
        return unknown(f"{came}: the answer was cut before its end")
    return failed(f"{came}, at least {least} wanted")


def of_series(step: Metric, series: Sequence[tuple[Mapping[str, str], float]]) -> Outcome:
    """Every series has to be within the bound."""
    if not series:
        return unknown("the expression gives no series: nothing reports it")
    bound = Bound.of(step.want)
    judged = [(labels, value, bound.holds(value) if number_of(value) is not None else None) for labels, value in series]
    bad = [(labels, value) for labels, value, holds in judged if holds is False]
    if bad:
        more = f", and {len(bad) - 1} more" if len(bad) > 1 else ""
        return failed(f"{_named(bad[0][0])}{bad[0][1]:.6g}, not {bound}{more}")
    if any(holds is None for _, _, holds in judged):
        return unknown("a series has no number")
    said = ", ".join(f"{_named(labels)}{value:.6g}" for labels, value, _ in judged[:3])
    return passed(f"{said}{', …' if len(judged) > 3 else ''}, as wanted: {bound}")


def _named(labels: Mapping[str, str]) -> str:
    said = ", ".join(f"{name}={value}" for name, value in sorted(labels.items()) if name != "__name__")
    return f"{said}: " if said else ""


def of_certificate(until: datetime, now: datetime, days: int) -> Outcome:
    """A certificate that was trusted and fits the name."""
    left = (until - now) / timedelta(days=1)
    said = f"valid until {until:%Y-%m-%d %H:%M} UTC, {left:.1f} days"
    return passed(said) if left >= days else failed(f"{said}; at least {days} wanted")


def due(step: Batch, finished: datetime) -> datetime:
    """The first moment after the roll-out at which clocks show the time of a batch."""
    zone = zone_of(step.timezone)
    civil = datetime.combine(wall(finished, zone).date(), read_clock(step.by))
    while (moment := moment_of(civil, zone)) <= finished:
        civil += timedelta(days=1)
    return moment


def of_batch(step: Batch, *, came: bool, until: datetime, now: datetime) -> Outcome:
    """What is known of a batch now. It is awaited up to its time, and has failed when it did not come by then."""
    when = f"{step.by} {step.timezone} ({until:%Y-%m-%d %H:%M} UTC)"
    if came:
        return passed(f"it came before {when}")
    return unknown(f"awaited until {when}") if now < until else failed(f"it did not come by {when}")
