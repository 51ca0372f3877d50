"""A believable installation: people, services, processes, rules, known errors, and a night of alerts.

Run as ``python tests/web/seed.py`` with ``MAINSTAY_DATA`` set it fills a data directory for looking at the screens.
"""

import os
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

DEMO = """
people:
  - {email: ana@example.com, name: Ana Ruiz, role: admin, timezone: Europe/Madrid, contact: [{channel: mail}, {channel: web}]}
  - {email: ben@example.com, name: Ben Okafor, role: responder, timezone: Europe/London, contact: [{channel: mail}, {channel: webhook, address: "https://hooks.example.com/T0/secret", min_priority: 2}]}
  - {email: mei@example.com, name: Mei-Ling Featherstonehaugh-Cholmondeley, role: maintainer, timezone: Asia/Kathmandu, contact: [{channel: mail}]}
  - {email: vic@example.com, name: Vic Viewer, role: viewer}
teams:
  - {key: payments, name: Payments, members: [ana@example.com, ben@example.com]}
  - {key: fulfilment, name: Fulfilment and Warehouse Integration, members: [mei@example.com]}
services:
  - {key: storefront, name: Storefront, team: payments, tier: 1, description: What customers see., depends_on: [orders, stock], links: {Runbook: "https://wiki.example.com/storefront"}}
  - {key: orders, name: Orders, team: payments, tier: 1, description: Takes orders and keeps them., depends_on: [payments, stock]}
  - {key: payments, name: Payments, team: payments, tier: 1, description: Charges cards through the provider., depends_on: [provider-gateway], links: {Dashboard: "https://grafana.example.com/d/payments", Repository: "https://git.example.com/payments"}}
  - {key: provider-gateway, name: Provider gateway, team: payments, tier: 2}
  - {key: stock, name: Stock, team: fulfilment, tier: 2, depends_on: [warehouse-synchronisation-adapter-for-legacy-mainframe]}
  - {key: settlement, name: Settlement, team: payments, tier: 2, depends_on: [orders, payments]}
  - {key: warehouse-synchronisation-adapter-for-legacy-mainframe, name: Warehouse synchronisation adapter for the legacy mainframe, team: fulfilment, tier: 3}
  - {key: wiki, name: Wiki, tier: 4}
business_processes:
  - {key: checkout, name: Checkout, importance: high, users: about 400 customers an hour, cost_per_hour: 18600, services: [storefront, orders]}
  - {key: month-end, name: Month-end close, importance: medium, users: the finance department, cost_per_hour: 2500, services: [settlement]}
rotations:
  - {key: payments-24x7, name: Payments round the clock, timezone: Europe/Madrid, people: [ana@example.com, ben@example.com], starts_on: 2026-01-05, handover: "08:00", days: 7}
escalation_policies:
  - {key: payments, name: Payments on-call, team: payments, steps: [{rotations: [payments-24x7], wait: 10m}, {people: [ben@example.com, mei@example.com], wait: 15m}]}
  - {key: everything, name: Everything else, default: true, repeat: 1, steps: [{people: [mei@example.com], wait: 20m}]}
targets:
  - {key: shop, name: Corner shop, url: "http://127.0.0.1:9000/metrics", service: storefront}
rules:
  - {key: payment-error-ratio, name: Payment error ratio, group: payments, expr: 'sum(rate(payments_failed_total[5m])) / sum(rate(payments_total[5m])) > 0.05', for: 1m, service: payments, urgency: high, annotations: {summary: Card payments time out}}
  - {key: settlement-late, name: Settlement is late, group: settlement, expr: 'settlement_rows_per_minute < 200', for: 5m, service: settlement, urgency: medium, annotations: {summary: Settlement job is running late}}
  - {key: stock_reservation_queue_age_seconds_p99_over_15m_by_warehouse_and_partition, name: stock_reservation_queue_age_seconds_p99_over_15m_by_warehouse_and_partition, group: stock, expr: 'histogram_quantile(0.99, rate(stock_age_bucket[15m])) > 300', service: stock, labels: {severity: warning}}
known_errors:
  - {key: KE-31, name: The provider's primary endpoint stops answering, services: [payments], team: payments, match: {rules: [payment-error-ratio]}, workaround: "Switch payments to the secondary endpoint:\\nshopctl payments endpoint secondary\\n\\nOrders that failed are kept and are charged again by themselves.", fix: planned}
  - {key: KE-12, name: Settlement waits for the ledger lock, services: [settlement], match: {text: ledger}, workaround: End the report that holds the lock.}
"""
XSS = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def catalogue() -> None:
    """Apply the configuration above."""
    from mainstay.config import services as config
    from mainstay.config.read import read
    from mainstay.core import access

    config.apply(access.LOCAL, read([("demo.yaml", DEMO)]))


def signal(name: str, state: str = "firing", ago: int = 8, **more: Any) -> dict[str, Any]:
    """A signal as intake and rules write it, of an alert that began ``ago`` minutes ago."""
    from mainstay.core import clock, ids

    labels = {"alertname": name, **more.pop("labels", {})}
    began = clock.now() - timedelta(minutes=ago)
    return {
        "fingerprint": ids.fingerprint(labels),
        "state": state,
        "starts_at": began.isoformat(),
        "ends_at": clock.now().isoformat() if state == "resolved" else None,
        "labels": labels,
        "annotations": more.pop("annotations", {}),
        "source": more.pop("source", "alertmanager"),
        **more,
    }


def post(signals: Iterable[dict[str, Any]]) -> None:
    """Let alerts happen."""
    from mainstay.core import inbox
    from mainstay.respond.alerts import services as alerts

    inbox.put("alert", signals)
    alerts.drain()


def rule_signal(key: str, state: str = "firing", ago: int = 8, value: float = 0.34, **more: Any) -> dict[str, Any]:
    """A signal of one of the rules above."""
    from mainstay.observe.metrics.models import Rule

    rule = Rule.objects.get(key=key)
    notes = {**rule.annotations, **more.pop("annotations", {})}
    return signal(rule.name, state, ago, rule_id=rule.pk, value=value, source="rule", annotations=notes, **more)


def deliver(count: int = 20) -> None:
    """Pretend that the mail server took some pages and refused others."""
    from mainstay.core import clock
    from mainstay.respond.paging.models import Attempt

    for place, attempt in enumerate(Attempt.objects.filter(state="waiting")[:count]):
        taken = place % 4 != 3
        attempt.state, attempt.tries = ("sent", 1) if taken else ("failed", 6)
        attempt.answer = "250 2.0.0 Ok: queued as 4Zq1" if taken else "550 5.1.1 mailbox unavailable"
        attempt.sent_at = clock.now() if taken else None
        attempt.save()


def night() -> None:
    """An old incident, one that is restored, and three that are open."""
    from mainstay.core import access, clock
    from mainstay.core.models import Person
    from mainstay.observe.intake.models import IntakeError
    from mainstay.respond.incidents import services as incidents
    from mainstay.respond.incidents.models import Incident

    ana = access.of_person(Person.objects.get(email="ana@example.com"))
    with clock.moved(timedelta(hours=-3)):
        post([rule_signal("payment-error-ratio", ago=2)])
        first = Incident.objects.latest("pk").pk
        deliver()
        incidents.acknowledge(ana, first)
    with clock.moved(timedelta(hours=-2, minutes=-40)):
        post([rule_signal("payment-error-ratio", "resolved")])
        incidents.resolve(ana, first, "The provider's primary endpoint was down.", workaround_helped=True)
    post([signal("WikiDown", ago=90, labels={"service": "wiki"}, annotations={"summary": "The wiki answers 502"})])
    post([signal("WikiDown", "resolved", labels={"service": "wiki"})])
    post(
        [
            rule_signal(
                "stock_reservation_queue_age_seconds_p99_over_15m_by_warehouse_and_partition",
                ago=41,
                value=512.25,
                labels={"warehouse": "rotterdam-maasvlakte-2", "partition": "17", "severity": "warning"},
                annotations={"summary": "Reservations of the warehouse at Rotterdam Maasvlakte wait far too long"},
            )
        ]
    )
    post([rule_signal("settlement-late", ago=25, value=112, annotations={"description": "waits for the ledger lock"})])
    incidents.acknowledge(ana, Incident.objects.latest("pk").pk)
    incidents.comment(ana, Incident.objects.latest("pk").pk, "Looking at the lock holder: it is the month-end report.")
    post([rule_signal("payment-error-ratio", ago=8)])
    deliver()
    IntakeError.objects.create(
        at=clock.now(),
        protocol="alertmanager",
        path="/api/v2/alerts",
        sender="token alertmanager",
        status=400,
        field="0.labels.alertname",
        detail="0.labels.alertname: every alert needs a name",
        body='[{"labels": {"severity": "critical"}}]',
    )


def beats() -> None:
    """Signs of life as a worker leaves them."""
    from mainstay.core import heartbeat

    names = ("inbox", "rules", "scrapes", "pages", "escalations", "auditor")
    heartbeat.beat_all([("worker", True, "pid 4711"), *((f"worker: {name}", True, "") for name in names)])


def many(count: int, names: Sequence[str] = ("payments", "orders", "stock", "settlement")) -> None:
    """As many alerts, each with an incident of its own, over the services."""
    post(
        signal(f"Alert{number}", labels={"service": names[number % len(names)], "incident_group": f"g{number}"})
        for number in range(count)
    )


def passwords() -> None:
    """Everybody gets the same password."""
    from mainstay.core.models import Person

    for person in Person.objects.all():
        person.set_password("correct horse battery")
        person.save()


def readings() -> None:
    """Two hours of samples, some log lines and changes, so that charts and panels have something to show."""
    import numpy as np

    from mainstay.core import clock
    from mainstay.observe.telemetry import services as telemetry

    now = clock.now_ms()
    times = np.arange(now - 4 * 3_600_000, now, 15_000)
    broken = times > now - 8 * 60_000
    late = np.clip((times - (now - 40 * 60_000)) / 900_000, 0, 1)
    failed = np.cumsum(np.where(broken, 5.1, 0.15) + np.sin(times / 7e5) * 0.05)
    known = {
        "payments_total": np.cumsum(np.full(len(times), 15.0)),
        "payments_failed_total": failed,
        "settlement_rows_per_minute": 640 - 528 * late + np.sin(times / 3e5) * 12,
    }
    series = [(telemetry.series_id(name, {}), name, {}) for name in known]
    which = np.repeat(np.arange(len(series)), len(times))
    telemetry.write_samples(series, which, np.tile(times, len(series)), np.concatenate(list(known.values())))
    lines = [(now - 8 * 60_000 + place * 21_000, f"provider timeout after {9000 + place * 7} ms, order 88{place:03}") for place in range(30)]
    telemetry.write(
        "logs",
        {
            "time": [time for time, _ in lines],
            "service": ["payments"] * len(lines),
            "level": ["error" if place % 3 else "warning" for place in range(len(lines))],
            "body": [body for _, body in lines],
            "trace_id": [""] * len(lines),
            "span_id": [""] * len(lines),
            "attributes": [{}] * len(lines),
            "source": ["otlp"] * len(lines),
        },
    )
    told = [
        (14, "payments", "config", "Provider timeout raised from 2 s to 10 s", "deploy-bot", "", "-timeout = 2s\n+timeout = 10s"),
        (55, "provider-gateway", "deploy", "Release of the gateway", "Ben Okafor", "2.19.0", ""),
        (130, "storefront", "deploy", "Storefront with the new basket", "deploy-bot", "4.1.7", ""),
    ]
    telemetry.write(
        "changes",
        {
            "time": [now - one[0] * 60_000 for one in told],
            "service": [one[1] for one in told],
            "kind": [one[2] for one in told],
            "id": [f"c{place}" for place in range(len(told))],
            "summary": [one[3] for one in told],
            "author": [one[4] for one in told],
            "version": [one[5] for one in told],
            "link": ["https://git.example.com/change"] * len(told),
            "diff": [one[6] for one in told],
            "received": [now] * len(told),
        },
    )


def main() -> None:
    """Fill the data directory that the environment names."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mainstay.core.django_settings")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    catalogue()
    passwords()
    night()
    beats()
    readings()


if __name__ == "__main__":
    main()
