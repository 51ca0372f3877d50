"""The tools that only look. An assistant may use each of them, since none changes anything."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import Field

from mainstay.core import clock
from mainstay.core.access import Actor, Right
from mainstay.faces.api import calendar, diagnosis, known, levels, logs, problems, read, releases, runbooks
from mainstay.faces.mcp.tool import Given, Nothing, Tool
from mainstay.observe.changes import services as changes
from mainstay.observe.logs.search import services as search
from mainstay.observe.logs.search.times import stamp
from mainstay.observe.metrics import services as metrics

Limit = Annotated[int, Field(ge=1, le=200, description="At most so many rows.")]
Span = Annotated[
    str, Field(description="A span as people write it: 'last 1h', 'today', 'around incident 12', or two moments.")
]
Ident = Annotated[str, Field(description="Its number, such as 12 or INC-12.", max_length=20)]
Key = Annotated[str, Field(description="The key of a service of the catalog.", max_length=100)]


class Many(Given):
    """A list of rows."""

    limit: Limit = 20


class OneOf(Given):
    """One of the things that have numbers."""

    id: Ident


class OneService(Given):
    """One service."""

    service: Key


class Lines(Given):
    """A search over log lines."""

    query: str = Field(default="", max_length=2000, description='service:payments level:error "timed out" -debug')
    span: Span = logs.DEFAULT_RANGE
    limit: Limit = 50


class Differences(Given):
    """What changed in the logs of services."""

    services: list[Key] = Field(min_length=1, max_length=20)
    span: Span = logs.DEFAULT_RANGE
    baseline: Literal["before", "week", "release"] = "before"
    limit: Limit = 20


class Expression(Given):
    """A PromQL expression at a moment."""

    expr: str = Field(min_length=1, max_length=4000, description="PromQL, such as sum by (job) (rate(x_total[5m])).")
    at: str = Field(default="", description="A moment with its offset; now when left out.")
    limit: Limit = 100


class Changes(Given):
    """What was changed around a service."""

    service: Key
    hours: float = Field(default=6, gt=0, le=168)


class Gate(Given):
    """A question to the gate."""

    services: list[Key] = Field(min_length=1, max_length=50)
    kind: Literal["correction", "job", "runbook", "release", "other"] = "other"
    at: str = Field(default="", description="A moment with its offset; now when left out.")


class Releases(Given):
    """Releases, of one service or all."""

    service: str = Field(default="", max_length=100)
    limit: Limit = 20


class Number(Given):
    """One of the things that have plain numbers."""

    number: int = Field(ge=1)


class Book(Given):
    """One runbook."""

    runbook: str = Field(max_length=100, description="Its key.")


def _lines(actor: Actor, given: Lines) -> Any:
    with logs.understood():
        page = search.search(actor, given.query, logs.range_of(actor, given.span), given.limit, None, None)
    return {"lines": logs.lines(page.lines), "scan": logs.scan(page.scan)}


def _differences(actor: Actor, given: Differences) -> Any:
    within = logs.range_of(actor, given.span)
    with logs.understood():
        found = logs.changed(actor, given.services, within, given.baseline, given.limit)
    return {
        "changes": list(map(logs.change, found.changes)),
        "left_out": found.left_out,
        "during": {"from": stamp(found.during.start), "to": stamp(found.during.end)},
        "before": {"from": stamp(found.before.start), "to": stamp(found.before.end)},
    }


def _expression(actor: Actor, given: Expression) -> Any:
    moment = calendar.moment(given.at)
    series = metrics.evaluate(actor, given.expr, int(moment.timestamp() * 1000))
    rows = [{"labels": dict(labels), "value": value} for labels, value in series[: given.limit]]
    return {"at": moment, "series": rows, "left_out": max(len(series) - given.limit, 0)}


def _changes(actor: Actor, given: Changes) -> Any:
    now = clock.now()
    found = changes.near(actor, given.service, now, now, given.hours)
    return {"changes": [{**asdict(one.change), "why": one.why} for one in found]}


READING: tuple[Tool, ...] = (
    Tool(
        "list_incidents",
        "Incidents",
        "Incidents, live ones first and the most urgent on top, with their clocks.",
        Many,
        lambda actor, given: {"incidents": read.list_incidents(actor, given.limit)},
    ),
    Tool(
        "show_incident",
        "One incident",
        "One incident: why it has its priority, its clocks, its known errors and its whole timeline.",
        OneOf,
        lambda actor, given: read.show_incidents(actor, given.id),
    ),
    Tool(
        "likely_cause",
        "Likely cause of an incident",
        "What the diagnosis said last: services and changes that may be to blame, the evidence, the case against each, "
        "one query that would refute it, and what was missing.",
        OneOf,
        lambda actor, given: diagnosis.shown(actor, given.id),
        Right.RESPOND,
    ),
    Tool(
        "list_alerts",
        "Alerts",
        "Alerts, those that fire first.",
        Many,
        lambda actor, given: {"alerts": read.list_alerts(actor, given.limit)},
    ),
    Tool(
        "show_alert",
        "One alert",
        "One alert with its labels, its notes and its value.",
        OneOf,
        lambda actor, given: read.show_alerts(actor, given.id),
    ),
    Tool(
        "list_pages",
        "Pages",
        "Who was paged, why, and whether the page arrived.",
        Many,
        lambda actor, given: {"pages": read.list_pages(actor, given.limit)},
    ),
    Tool(
        "list_services",
        "Services",
        "The services of the catalog with their tiers and teams.",
        Many,
        lambda actor, given: {"services": read.list_services(actor, given.limit)},
    ),
    Tool(
        "show_service",
        "One service",
        "One service: what it needs, what needs it, and who is paged for it.",
        OneService,
        lambda actor, given: read.show_services(actor, given.service),
    ),
    Tool(
        "search_logs", "Search log lines", "Lines that match, newest first, and what was looked through.", Lines, _lines
    ),
    Tool(
        "what_is_new_in_logs",
        "What changed in the logs",
        "Patterns of lines that are new, gone, or more or fewer than before, the most telling first.",
        Differences,
        _differences,
    ),
    Tool(
        "query_metrics", "Ask for metrics", "The series that an expression gives at a moment.", Expression, _expression
    ),
    Tool(
        "what_changed",
        "What was changed",
        "Releases, flags, configuration and corrections of a service and those around it, the nearest first.",
        Changes,
        _changes,
    ),
    Tool(
        "known_errors",
        "Known errors",
        "Known errors with their workarounds, those of a service or all.",
        Releases,
        lambda actor, given: {
            "known_errors": known.listed(actor, {"service": given.service} if given.service else {}, given.limit)
        },
    ),
    Tool(
        "may_change",
        "Ask the gate",
        "Whether services may be changed now, why, and until when the answer stands.",
        Gate,
        lambda actor, given: calendar.ask(actor, given.services, given.at, given.kind),
    ),
    Tool(
        "list_releases",
        "Releases",
        "Releases with their verdicts, the newest first.",
        Releases,
        lambda actor, given: {"releases": releases.listed(actor, given.limit, given.service)},
    ),
    Tool(
        "show_release",
        "One release",
        "One release with its verdict and the evidence of each check.",
        Number,
        lambda actor, given: releases.shown(actor, given.number),
    ),
    Tool(
        "service_levels",
        "Service levels",
        "Objectives and what is left of their budgets of errors.",
        Many,
        lambda actor, given: {"objectives": levels.standings(actor, given.limit)},
    ),
    Tool(
        "list_runbooks",
        "Runbooks",
        "Every runbook, what it is for and what it may touch.",
        Nothing,
        lambda actor, _: {"runbooks": runbooks.every_book(actor)},
    ),
    Tool(
        "show_runbook",
        "One runbook",
        "One runbook with its inputs and steps.",
        Book,
        lambda actor, given: runbooks.one_book(actor, given.runbook),
    ),
    Tool(
        "show_run",
        "One run",
        "One run of a runbook with its steps and how each ended.",
        Number,
        lambda actor, given: {**runbooks.one(actor, given.number), "steps": runbooks.steps(actor, given.number)},
        Right.RESPOND,
    ),
    Tool(
        "earlier_incidents_like",
        "Incidents like one",
        "Earlier incidents that resemble one: what they share, where they differ, and what helped then.",
        OneOf,
        lambda actor, given: {"alike": problems.alike_of(actor, given.id)},
    ),
    Tool(
        "list_problems",
        "Problems",
        "Problems with their state, how often they came and what they cost, the dearest first.",
        Many,
        lambda actor, given: {"problems": problems.listed(actor, given.limit)},
    ),
    Tool(
        "show_problem",
        "One problem",
        "One problem: its cause, workaround and fix, its incidents and where they differ.",
        Number,
        lambda actor, given: problems.shown(actor, given.number),
    ),
)
