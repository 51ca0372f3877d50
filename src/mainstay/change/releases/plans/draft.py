"""A first draft of a plan, from what is known of a service: text for a configuration file, active nowhere."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import yaml

from mainstay.catalog import services as catalog
from mainstay.catalog.models import Service
from mainstay.change.releases.plans import services as plans
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import ProblemError, not_found
from mainstay.core.settings import current
from mainstay.observe.checks import services as checks
from mainstay.observe.metrics import promql
from mainstay.observe.metrics import services as metrics
from mainstay.observe.telemetry import services as telemetry
from mainstay.observe.telemetry.client import TelemetryError
from mainstay.restore.sqldesk import connections
from mainstay.restore.sqldesk.examine import services as examine
from mainstay.restore.sqldesk.examine.known import Relation
from mainstay.restore.sqldesk.models import Connection

Draft = dict[str, Any]
# As many steps come of one source of knowledge: a draft is to be read.
_EACH = 8
_WAITING = re.compile(r"queue|backlog|pending|dead_letter|unprocessed|unsettled|outbox|(^|_)lag(_|$)")
_SUCCESS = re.compile(r"last_(success|run|completion)\w*timestamp|timestamp\w*last_(success|run)")
_BORN = ("created_at", "placed_at", "ordered_at", "inserted_at", "received_at", "created", "created_on", "order_date")
_OPPOSITE = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "==": "!=", "!=": "=="}
_HEAD = """\
# A first draft of what to look at after a release of {name}, from what is known of it here.
# None of it is active: take out what does not fit, put in what only you know (a test order from the first page to the
# payment, the read that says whether orders have payments), then run: mainstay apply FILE
# Looked at anyway, without a plan: {anyway}.
"""
_EMPTY = """\
# Nothing is known that a step could come of: the service has no links, scrape targets, rules, databases or
# dependencies with an address. A plan may begin like this:
#
# release_plans:
#   - key: {key}
#     service: {key}
#     steps:
#       - key: front-page
#         http: {{requests: [{{url: "https://{key}.example.com/"}}]}}
"""


def draft(actor: Actor, key: str) -> str:
    """The draft as YAML. It shows where databases are, so it takes a responder."""
    require(actor, Right.RESPOND)
    service = catalog.visible_services(actor).filter(key=key).first()
    if service is None:
        raise not_found(f"service {key}")
    sources = (_links, _targets, _dependencies, _rules, _waiting, _databases)
    steps = [step for source in sources for step in list(source(actor, service))[:_EACH]]
    head = _HEAD.format(name=service.name.replace("\n", " "), anyway=_anyway(actor, service))
    known = plans.visible(actor).filter(service=service).first()
    if known is not None:
        head += f"# {service.name} has the plan {known.key} already: take over into it what it lacks.\n"
    if not steps:
        return head + _EMPTY.format(key=key)
    entry = {"key": known.key if known else key, "service": key, "steps": _keyed(steps)}
    return head + yaml.safe_dump({"release_plans": [entry]}, sort_keys=False, allow_unicode=True, width=110)


def _anyway(actor: Actor, service: Service) -> str:
    own = [one.key for one in checks.visible(actor).filter(service=service, enabled=True)]
    named = f"its checks ({', '.join(own)})" if own else "its checks, of which it has none"
    return f"its metrics before and after, its alerts, {named}, errors in its log lines, versions that it reports"


def _keyed(steps: list[Draft]) -> list[Draft]:
    """Steps with keys that differ, made of their names."""
    seen: dict[str, int] = {}
    made = []
    for step in steps:
        key = re.sub(r"[^a-z0-9]+", "-", step["name"].lower()).strip("-")[:60] or "step"
        seen[key] = seen.get(key, 0) + 1
        made.append({"key": key if seen[key] == 1 else f"{key}-{seen[key]}", **step})
    return made


def _links(actor: Actor, service: Service) -> Iterator[Draft]:
    del actor
    hosts = set()
    for title, url in service.links.items():
        why = f"The service names this address as {title!r}."
        yield {"name": f"{title} answers"[:160], "why": why[:500], "http": {"requests": [{"url": url}]}}
        parts = urlsplit(url)
        if parts.scheme == "https" and parts.hostname and parts.netloc not in hosts:
            hosts.add(parts.netloc)
            port = {"port": parts.port} if parts.port else {}
            yield {
                "name": f"Certificate of {parts.hostname}",
                "why": "An address of the service is https; a release may bring another certificate.",
                "tls": {"host": parts.hostname, **port, "days": 14},
            }


def _targets(actor: Actor, service: Service) -> Iterator[Draft]:
    for target in metrics.visible_targets(actor).filter(service=service, enabled=True):
        yield {
            "name": f"{target.name} serves its metrics"[:160],
            "why": "It is scraped here, so this instance has to answer.",
            "http": {"requests": [{"url": target.url}]},
        }


def _dependencies(actor: Actor, service: Service) -> Iterator[Draft]:
    for one in service.calls.select_related("callee").order_by("callee__key"):
        callee = one.callee
        target = metrics.visible_targets(actor).filter(service=callee, enabled=True).first()
        url = next(iter(callee.links.values()), "") or (target.url if target else "")
        if url:
            why = f"{service.name} depends on {callee.name}."
            yield {"name": f"{callee.name} is reachable"[:160], "why": why[:500], "integration": {"url": url}}


def _rules(actor: Actor, service: Service) -> Iterator[Draft]:
    """What rules compare. A rule that waits before it fires may fire only after the verdict."""
    for rule in metrics.visible_rules(actor).filter(service=service, enabled=True, for_seconds__gt=0):
        if rule.log is not None or metrics.threshold_of(rule) is None:
            continue
        parts = promql.split_threshold(rule.expr)
        if parts is not None:
            yield {
                "name": rule.name,
                "why": f"The rule {rule.key} waits {rule.for_seconds:g} s before it fires; this looks at once.",
                "metric": {"expr": parts.expr, "want": f"{_OPPOSITE[parts.operator]} {parts.value!r}"},
            }


def _waiting(actor: Actor, service: Service) -> Iterator[Draft]:
    """Metrics of work that waits, and of jobs that have run."""
    try:
        rows = telemetry.rows(
            "SELECT DISTINCT name FROM series FINAL WHERE labels['service'] = {service:String} ORDER BY name "
            "LIMIT 5000",
            {"service": service.key},
        )
        for (name,) in rows:
            if _SUCCESS.search(name):
                yield _job(service, name)
            elif _WAITING.search(name) and not name.endswith(("_total", "_bucket", "_sum", "_count", "_created")):
                yield from _queue(actor, service, name)
    except (TelemetryError, promql.PromQLError):
        return


def _queue(actor: Actor, service: Service, name: str) -> Iterator[Draft]:
    selected = f'{name}{{service="{service.key}"}}'
    usual = [value for _, value in metrics.evaluate(actor, f"max(max_over_time({selected}[1d]))")]
    if usual:
        yield {
            "name": name,
            "why": f"It counts what waits; within the last day it was at most {usual[0]:g}, so twice that is wrong.",
            "metric": {"expr": f"max({selected})", "want": f"<= {max(2 * usual[0], 10):g}"},
        }


def _job(service: Service, name: str) -> Draft:
    return {
        "name": name,
        "why": "A job tells here when it last ended well. Write by when its next run has to be over.",
        "batch": {
            "metric": f'{name}{{service="{service.key}"}} > ${{since}}',
            "by": "06:00",
            "timezone": current().default_timezone,
        },
    }


def _databases(actor: Actor, service: Service) -> Iterator[Draft]:
    for one in connections.visible(actor).filter(services=service, sensitive=False):
        try:
            tables = [table for table in examine.schema(actor, one.key).relations if table.kind == "table"]
        except ProblemError:
            tables = []
        fresh = [(table, born) for table in tables if (born := _born(table))]
        for table, born in fresh[:3]:
            yield _new_rows(one, table, born)
        if not fresh:
            yield {
                "name": f"{one.name} answers"[:160],
                "why": "The service keeps its data there. Write a read that says whether the business goes on.",
                "sql": {"connection": one.key, "statement": "SELECT 1", "at_least": 1},
            }


def _new_rows(connection: Connection, table: Relation, born: str) -> Draft:
    """Quotes are left to whoever reads the draft: names come from the catalog, and the desk judges what is run."""
    name = f"{table.schema}.{table.name}" if table.schema else table.name
    # SQLite keeps moments as text, most often as ISO 8601 writes them.
    since = "${since_iso}" if connection.dialect == "sqlite" else "${since}"
    return {
        "name": f"New rows in {table.name} of {connection.name}"[:160],
        "why": f"{table.name} says by {born} when its rows were made; some should have come since the release.",
        "sql": {
            "connection": connection.key,
            "statement": f"SELECT {born} FROM {name} WHERE {born} >= '{since}'",  # noqa: S608 - text for a draft
            "at_least": 1,
        },
    }


def _born(table: Relation) -> str:
    names = [name for name, _ in table.columns]
    return next((name for name in _BORN if name in names), "")
