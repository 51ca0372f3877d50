"""Carrying out one step of a plan, through the doors of the rooms below. Nothing here raises: what cannot be looked at
is inconclusive."""

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from mainstay.change.releases.evidence import Evidence
from mainstay.change.releases.judge import Verdict
from mainstay.change.releases.plans import expect, flow
from mainstay.change.releases.plans.expect import Outcome, Rows
from mainstay.change.releases.plans.model import Batch, Integration, Metric, PortOf, Sql, Step, Tls
from mainstay.core import clock, http
from mainstay.core.access import SYSTEM
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.observe.logs.search import counts
from mainstay.observe.logs.search.times import Range, stamp
from mainstay.observe.metrics import promql
from mainstay.observe.metrics import services as metrics
from mainstay.observe.telemetry.client import TelemetryError
from mainstay.restore.sqldesk import connections
from mainstay.restore.sqldesk.examine import services as examine

_PATIENCE = timedelta(hours=1)


@dataclass(frozen=True)
class Looking:
    """Since when, and how many seconds a request or connection may take."""

    since: datetime
    timeout: float


def look(step: Step, since: datetime, seconds: float | None = None) -> Evidence:
    """What a step says now. ``seconds`` is what is left for it, where others share the time."""
    own = step.timeout or current().release_step_timeout
    at = Looking(since, own if seconds is None else min(own, seconds))
    until = expect.due(step.batch, since) if step.batch is not None else None
    said = _KINDS[step.kind](getattr(step, step.kind), at)
    # A batch is inconclusive after its time only where nothing could be asked: then it is asked again for a while.
    waits = until is not None and said.verdict is Verdict.INCONCLUSIVE and clock.now() < until + _PATIENCE
    return Evidence(
        step.what, said.verdict, said.said[:500], step=step.key, until=until.isoformat() if until and waits else ""
    )


def all_of(steps: list[Step], since: datetime) -> list[Evidence]:
    """What every step says. What does not get its turn within ``release_plan_seconds`` is inconclusive."""
    ends, found = time.monotonic() + current().release_plan_seconds, list[Evidence]()
    for step in steps:
        left = ends - time.monotonic()
        if left > 0:
            found.append(look(step, since, left))
        else:
            said = f"the plan took longer than release_plan_seconds, {current().release_plan_seconds:g} s"
            found.append(Evidence(step.what, Verdict.INCONCLUSIVE, said, step=step.key))
    return found


def _tls(step: Tls, at: Looking) -> Outcome:
    context = ssl.create_default_context()
    try:
        with (
            http.connect(step.host, step.port, at.timeout) as plain,
            context.wrap_socket(plain, server_hostname=step.host) as made,
        ):
            ends = str((made.getpeercert() or {})["notAfter"])
    except http.OutgoingError as error:
        return _unreachable(error)
    except ssl.SSLCertVerificationError as error:
        return expect.failed(f"the certificate of {step.host} does not hold: {error.verify_message}")
    except OSError as error:
        return expect.failed(f"{step.host}:{step.port}: {error}")
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)
    return expect.of_certificate(until, clock.now(), step.days)


def _unreachable(error: http.OutgoingError) -> Outcome:
    """What may not be called says nothing of the service."""
    return expect.unknown(str(error)) if error.permanent else expect.failed(str(error))


def _port(step: PortOf, at: Looking) -> Outcome:
    try:
        http.connect(step.host, step.port, at.timeout).close()
    except http.OutgoingError as error:
        return _unreachable(error)
    return expect.passed(f"{step.host}:{step.port} takes connections")


def _integration(step: Integration, at: Looking) -> Outcome:
    if not step.url:
        return _port(PortOf(host=step.host, port=step.port or 0), at)
    try:
        answer = http.call("GET", step.url, timeout=at.timeout, cut=True)
    except http.OutgoingError as error:
        return _unreachable(error)
    said = f"it answers, status {answer.status}"
    return expect.passed(said) if answer.status < 500 else expect.failed(said)


def _sql(step: Sql, at: Looking) -> Outcome:
    try:
        if connections.get(SYSTEM, step.connection).sensitive:
            return expect.unknown(f"a colleague has to approve each read of {step.connection}; name another connection")
        among = _read(step, step.among, at, 2).first if step.among else None
        most = 2 if step.value else max(step.at_least or 0, (step.at_most or 0) + 1)
        return expect.of_rows(step, _read(step, step.statement, at, most), among)
    except ProblemError as error:
        return expect.unknown(f"{error.title}: {error.detail}")


def _read(step: Sql, statement: str, at: Looking, most: int) -> Rows:
    """A read by the guards of the desk, which writes down that Mainstay made it."""
    since = at.since.astimezone(UTC)
    sql = statement.replace("${since_iso}", stamp(since)).replace("${since}", f"{since:%Y-%m-%d %H:%M:%S}")
    _, reading, rows = examine.run(SYSTEM, examine.begin(SYSTEM, step.connection, sql), limit=most)
    first: Any = rows[0][0] if rows and rows[0] else None
    return Rows(len(rows), first, bool(reading.cut), bool(reading.masks and reading.masks[0] is not None))


def _metric(step: Metric, at: Looking) -> Outcome:
    try:
        said = expect.of_series(step, metrics.evaluate(SYSTEM, step.expr))
    except (promql.PromQLError, TelemetryError) as error:
        return expect.unknown(str(error))
    fresh = clock.now() - at.since < timedelta(seconds=current().rule_lookback)
    if fresh and said.verdict is Verdict.PASSED:
        return expect.unknown(f"{said.said}; that may be from before the release, look again later")
    return said


def _batch(step: Batch, at: Looking) -> Outcome:
    now, until = clock.now(), expect.due(step, at.since)
    try:
        came = _came(step, at.since, min(now, until))
    except (promql.PromQLError, TelemetryError, ProblemError) as error:
        said = error.detail if isinstance(error, ProblemError) else str(error)
        return expect.unknown(f"whether it came by {step.by} cannot be told: {said}")
    return expect.of_batch(step, came=came, until=until, now=now)


def _came(step: Batch, since: datetime, until: datetime) -> bool:
    if step.metric:
        expr = step.metric.replace("${since}", f"{since.timestamp():.3f}")
        return bool(metrics.evaluate(SYSTEM, expr, int(until.timestamp() * 1000)))
    if until <= since:
        return False
    within = Range(since, until, f"{stamp(since)} to {stamp(until)}")
    return any(map(sum, counts.histogram(SYSTEM, step.log, within, 1).counts.values()))


_KINDS: dict[str, Callable[[Any, Looking], Outcome]] = {
    "http": lambda step, at: flow.carry_out(step, at.timeout),
    "tls": _tls,
    "port": _port,
    "sql": _sql,
    "metric": _metric,
    "integration": _integration,
    "batch": _batch,
}
