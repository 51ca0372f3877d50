"""Three incidents whose truth is known, in a real store: a slow dependency, a bad release, a bad configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from mainstay.catalog import services as catalog
from mainstay.catalog.models import KnownError, Service
from mainstay.config import read, services
from mainstay.core import clock
from mainstay.core.access import LOCAL
from mainstay.core.settings import current
from mainstay.observe.logs import services as logs
from mainstay.observe.logs.lines import Lines, Origin
from mainstay.observe.metrics.models import Rule
from mainstay.observe.telemetry import services as telemetry
from mainstay.respond.alerts.models import Alert
from mainstay.respond.incidents import known
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import Incident, KnownErrorMatch
from mainstay.respond.timeline import services as timeline

# Minutes of a shop that is well, and of one that is not.
WELL, SICK = 40, 6
_STEP = 15


@dataclass(frozen=True)
class Told:
    """A change as somebody told it, so many seconds before it began (after it: below 0)."""

    key: str
    service: str
    kind: str
    before: float
    summary: str
    diff: str
    version: str = ""


@dataclass(frozen=True)
class Scene:
    """What happens, and with it the answers to the ten questions."""

    name: str
    process: str
    users: str
    # The service that is seen, those between, and the culprit; with how many times as slow each is.
    chain: tuple[str, ...]
    slower: Mapping[str, float]
    error: str
    waits: str
    changes: tuple[Told, ...]
    guilty: str
    cleared: str
    version: tuple[str, str]
    workaround: str
    rule: str = "took-too-long"
    orders: tuple[str, ...] = field(default_factory=lambda: tuple(f"77{one}" for one in range(100, 160)))

    @property
    def seen(self) -> str:
        """The service whose rule fires."""
        return self.chain[0]

    @property
    def culprit(self) -> str:
        """The service that is to blame."""
        return self.chain[-1]

    @property
    def configuration(self) -> str:
        """The catalog and the rule of it."""
        calls = (self.chain[at + 1 : at + 2] for at in range(len(self.chain)))
        services = "\n".join(
            f"  - {{key: {one}, name: {one.capitalize()}, tier: 1, depends_on: [{', '.join(called)}]}}"
            for one, called in zip(self.chain, calls, strict=True)
        )
        expr = (
            f'sum(rate(took_seconds_sum{{service="{self.seen}"}}[1m])) '
            f'/ sum(rate(took_seconds_count{{service="{self.seen}"}}[1m])) > 0.25'
        )
        return f"""
services:
{services}
business_processes:
  - key: {self.process.lower()}
    name: {self.process}
    importance: high
    users: {self.users}
    services: [{self.seen}]
known_errors:
  - key: KE-{self.name}
    name: Seen before
    services: [{self.seen}]
    match: {{text: {self.name} is slow}}
    workaround: {self.workaround}
rules:
  - {{key: {self.rule}-{self.name}, service: {self.seen}, expr: '{expr}'}}
"""


SCENES = (
    Scene(
        "till",
        "Checkout",
        "about 400 customers an hour",
        ("till", "basket", "bank"),
        {"bank": 9.0, "basket": 4.5, "till": 4.5},
        "provider timeout after 5003 ms, order {order}",
        "call of bank failed: timeout after 5004 ms",
        (
            Told(
                "readme-7",
                "bank",
                "deploy",
                900,
                "explain retries",
                "--- a/README.md\n+++ b/README.md\n+Retries are three.",
                "4.1.0",
            ),
            Told(
                "style-2",
                "till",
                "deploy",
                7200,
                "new colours",
                "--- a/till.css\n+++ b/till.css\n-a { color: red }\n+a { color: blue }",
                "9.0.2",
            ),
        ),
        "",
        "readme-7",
        ("bank", "4.1.0"),
        "Switch to the second provider.",
    ),
    Scene(
        "shelf",
        "Pricing",
        "all buyers of the web shop",
        ("shelf", "price"),
        {"price": 6.0, "shelf": 4.0},
        "KeyError 'discount_rate' in apply_discount, order {order}",
        "call of price failed: status 500",
        (
            Told(
                "rel-231",
                "price",
                "deploy",
                240,
                "discounts by rate",
                "--- a/price/discount.py\n+++ b/price/discount.py\n-    rate = discount.get('discount_rate', 0)\n"
                "+    rate = discount['discount_rate']\n+    apply_discount(order, rate)",
                "2.3.1",
            ),
            Told(
                "late-9",
                "shelf",
                "config",
                -120,
                "log less",
                "--- a/log.yaml\n+++ b/log.yaml\n-level: debug\n+level: info",
            ),
        ),
        "rel-231",
        "late-9",
        ("price", "2.3.1"),
        "Roll price back to 2.3.0.",
    ),
    Scene(
        "desk",
        "Booking",
        "40 clerks",
        ("desk", "ledger"),
        {"ledger": 8.0, "desk": 4.0},
        "pool exhausted, {order} waiting for a connection of pool_size 2",
        "call of ledger failed: deadline exceeded",
        (
            Told(
                "limits-3",
                "ledger",
                "config",
                300,
                "set the pool",
                "--- a/pool.yaml\n+++ b/pool.yaml\n-pool_size: 50\n+pool_size: 2",
            ),
            Told(
                "docs-4",
                "desk",
                "deploy",
                5000,
                "more words",
                "--- a/docs/how.md\n+++ b/docs/how.md\n+Book first.",
                "1.8.0",
            ),
        ),
        "limits-3",
        "docs-4",
        ("desk", "1.8.0"),
        "Restart ledger with pool_size 50.",
    ),
)


def open_incident(scene: Scene) -> Incident:
    """Apply the catalog, fill the store, and open the incident with what was tried. The spool has to be settled."""
    services.apply(LOCAL, read.read([(f"{scene.name}.yaml", scene.configuration)]))
    began = (clock.now() - timedelta(minutes=SICK)).replace(microsecond=0)
    _measure(scene, began)
    _say(scene, began)
    _change(scene, began)
    incident = _incident(scene, began)
    incidents.acknowledge(LOCAL, incident.pk)
    error = KnownError.objects.get(key=f"KE-{scene.name}")
    KnownErrorMatch.objects.create(
        incident=incident, known_error=error, kind="exact", why="its text", offered_at=clock.now()
    )
    known.judge(LOCAL, incident.pk, error.key, "worked")
    return incident


def _incident(scene: Scene, began: datetime) -> Incident:
    impact = catalog.picture().impact(scene.seen, clock.now())
    processes = [
        {
            "key": hit.process.key,
            "name": hit.process.name,
            "importance": hit.process.importance,
            "users": hit.process.users,
            "cost_per_hour": None,
            "path": list(hit.path),
            "open_now": True,
        }
        for hit in impact.hits
    ]
    reason = {
        "sentence": impact.sentence(current().currency),
        "impact": impact.reason,
        "priority": "impact high x urgency high",
        "urgency": "high: severity=critical",
        "processes": processes,
    }
    service, rule = Service.objects.get(key=scene.seen), Rule.objects.get(key=f"{scene.rule}-{scene.name}")
    incident = Incident.objects.create(
        title=f"{scene.name} is slow",
        service=service,
        priority=1,
        impact="high",
        urgency="high",
        reason=reason,
        opened_at=began + timedelta(seconds=70),
        started_at=began,
    )
    Alert.objects.create(
        fingerprint=f"bench-{scene.name}",
        name=rule.name,
        source="rule",
        labels={"service": scene.seen},
        annotations={"summary": f"{scene.name} is slow"},
        state="firing",
        service=service,
        rule=rule,
        incident=incident,
        value=0.4,
        starts_at=began,
        received_at=began,
    )
    timeline.record(incident.pk, "opened", "Opened as P1", event="opened", priority=1)
    return incident


def _measure(scene: Scene, began: datetime) -> None:
    """Each service serves twenty requests a step; some take longer once it has begun."""
    chance = np.random.default_rng(len(scene.name))
    start = int((began - timedelta(minutes=WELL)).timestamp())
    times = np.arange(start, int(clock.now().timestamp()), _STEP)
    sick = times >= int(began.timestamp())
    for service in scene.chain:
        labels = {"service": service, "instance": "a"}
        each = chance.gamma(30, 0.1 / 30, times.size) * np.where(sick, scene.slower.get(service, 1.0), 1.0)
        for name, values in (
            ("took_seconds_sum", np.cumsum(each * 20)),
            ("took_seconds_count", np.arange(times.size) * 20.0),
        ):
            series = (telemetry.series_id(name, labels), name, labels)
            which = np.zeros(times.size, dtype=np.int64)
            telemetry.write_samples([series], which, times.astype(np.int64) * 1000, values.astype(np.float64))


def _say(scene: Scene, began: datetime) -> None:
    """Usual lines of every service, then the errors of the culprit with orders and traces, and those of its caller."""
    start = began - timedelta(minutes=WELL)
    said: list[tuple[datetime, int, str, str, str, dict[str, str]]] = []
    for place, service in enumerate(scene.chain):
        for second in range(place, (WELL + SICK) * 60 - 5, 20):
            text = f"{service} handled request {second} in {20 + second % 7} ms"
            said.append((start + timedelta(seconds=second), place, "info", text, "", {}))
    last = len(scene.chain) - 1
    for number, order in enumerate(scene.orders):
        at = began + timedelta(seconds=5 * number + 2)
        trace = f"{int(order):032x}"
        said.append((at, last, "error", scene.error.format(order=order), trace, {"order_id": order, "host": "node-3"}))
        if number % 2 == 0:
            said.append((at + timedelta(milliseconds=40), last - 1, "error", scene.waits, trace, {"order_id": order}))
    said.sort(key=lambda one: one[0])
    logs.accept(
        Lines(
            [Origin(one, f"{one}:app.log", "bench") for one in scene.chain],
            [one[1] for one in said],
            [one[3] for one in said],
            [int(one[0].timestamp() * 1_000_000) for one in said],
            [one[2] for one in said],
            [one[4] for one in said],
            [""] * len(said),
            [one[5] for one in said],
            whole=True,
        )
    )


def _change(scene: Scene, began: datetime) -> None:
    for one in scene.changes:
        at = int((began - timedelta(seconds=one.before)).timestamp() * 1000)
        event = {
            "time": at,
            "service": one.service,
            "kind": one.kind,
            "id": one.key,
            "summary": one.summary,
            "author": "eve",
            "version": one.version,
            "link": "",
            "diff": one.diff,
            "received": at,
        }
        telemetry.write("changes", {name: [value] for name, value in event.items()})


def wanted(scene: Scene, began: datetime) -> Mapping[str, tuple[str, ...]]:
    """The truth: what each of the ten answers of a reader must hold."""
    change = (scene.guilty,) if scene.guilty else ("No change is to blame",)
    first = scene.error.format(order=scene.orders[0])
    return {
        "what broke": (scene.culprit,),
        "since when": (began.isoformat().replace("+00:00", "Z"),),
        "who is hit": (scene.process, scene.users),
        "which change": change,
        "what was ruled out": (scene.cleared,),
        "a failing request": (first, f"{int(scene.orders[0]):032x}"),
        "see it again": (f"{began.timestamp() - 60:.0f}", f"service:{scene.culprit}"),
        "what runs": (" ".join(scene.version),),
        "tried and in place": (scene.workaround, "the workaround helped"),
        "verify a fix": (f'took_seconds_sum{{service="{scene.culprit}"}}', "again"),
    }


def score(answers: Mapping[str, str], truth: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Questions whose answer lacks something, with what."""
    return [f"{name}: {part!r}" for name, parts in truth.items() for part in parts if part not in answers[name]]
