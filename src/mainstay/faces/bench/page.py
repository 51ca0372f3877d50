"""How long until the page is out: from a breaching sample, and from an alert that is posted."""

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mainstay.faces.bench.installation import Installation, MailServer, installation, percentile

CONFIGURATION = """
people:
  - {email: ana@bench.example, name: Ana, role: admin, contact: [{channel: mail}]}
escalation_policies:
  - {key: everything, default: true, repeat: 0, steps: [{people: [ana@bench.example], wait: 1h}]}
rules:
  - key: bench
    expr: bench_breach > 1
    labels: {incident_group: 'case-{{ $labels.case }}'}
    annotations: {summary: 'sample case-{{ $labels.case }}.'}
"""
_CASE = re.compile(r"case-(\d+)\.")


@dataclass(frozen=True)
class Latency:
    """Seconds from the event to the mail, over all cases. ``lost`` are cases whose mail never came."""

    name: str
    goal: float
    cases: int
    lost: int
    p50: float
    p95: float
    p99: float
    worst: float

    @property
    def reached(self) -> bool:
        """Whether the 99th percentile is under the goal and nothing was lost."""
        return not self.lost and self.p99 < self.goal


def alert(case: int) -> list[dict[str, Any]]:
    """One alert of its own, which opens an incident of its own."""
    labels = {"alertname": f"bench-{case}", "severity": "critical"}
    return [{"labels": labels, "annotations": {"summary": f"alert case-{case}."}}]


def sample(case: int, value: float, at: float) -> dict[str, Any]:
    """One sample of a gauge, as OTLP/JSON."""
    point = {
        "timeUnixNano": str(int(at * 1e9)),
        "asDouble": value,
        "attributes": [{"key": "case", "value": {"stringValue": str(case)}}],
    }
    metric = {"name": "bench_breach", "gauge": {"dataPoints": [point]}}
    return {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}


def _measure(
    server: MailServer, name: str, goal: float, cases: int, send: Callable[[int], float], pause: Callable[[], float]
) -> Latency:
    server.mails.clear()
    began = {}
    for case in range(cases):
        began[case] = send(case)
        time.sleep(pause())
    deadline = time.time() + max(goal * 4, 15)
    while len(server.mails) < cases and time.time() < deadline:
        time.sleep(0.05)
    took = []
    for mail in list(server.mails):
        found = _CASE.search(mail.subject)
        if found:
            took.append(mail.at - began[int(found.group(1))])
    if not took:
        nothing = float("nan")
        return Latency(name, goal, cases, cases, nothing, nothing, nothing, nothing)
    p50, p95, p99 = (percentile(took, share) for share in (0.5, 0.95, 0.99))
    return Latency(name, goal, cases, cases - len(took), p50, p95, p99, max(took))


def run(alerts: int, samples: int, seed: int) -> list[Latency]:
    """Measure both ways on a fresh installation with rules evaluated each 5 s and mail as the provider."""
    chance = random.Random(seed)  # noqa: S311 - for moments, not for secrets
    with installation(CONFIGURATION, {"RULE_INTERVAL": "5", "PAGE_SENDERS": "4"}) as (here, server):
        here.up()
        _warm(here, server)

        def post_alert(case: int) -> float:
            now = time.time()
            here.post("/api/v2/alerts", alert(case))
            return now

        def post_sample(case: int) -> float:
            now = time.time()
            here.post("/v1/metrics", sample(case, 2.0, now))
            return now

        from_alert = _measure(
            server, "alert posted -> page handed over", 1.0, alerts, post_alert, lambda: chance.uniform(0.02, 0.15)
        )
        from_sample = _measure(
            server, "sample breaches -> page handed over", 5.0, samples, post_sample, lambda: chance.uniform(0.1, 1.5)
        )
    return [from_alert, from_sample]


def _warm(here: Installation, server: MailServer) -> None:
    """Let the first case, which loads code and opens connections, pass before anything is measured."""
    here.post("/api/v2/alerts", alert(999_999))
    here.post("/v1/metrics", sample(999_999, 2.0, time.time()))
    deadline = time.time() + 30
    while len(server.mails) < 2 and time.time() < deadline:
        time.sleep(0.05)
