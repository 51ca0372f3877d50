"""A believable installation: people, services, processes, rules, known errors, and a night of alerts.

Run as ``python tests/web/seed.py`` with ``MAINSTAY_DATA`` set it fills a data directory for looking at the screens.
"""

import os
import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

DEMO = Path(__file__).with_name("demo.yaml")
XSS = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def found(pattern: str, text: str) -> str:
    """What stands at the place of the pattern's group, which must be there."""
    match = re.search(pattern, text, re.DOTALL)
    assert match, pattern
    return match[1]


def catalogue() -> None:
    """Apply the configuration above."""
    from mainstay.config import services as config
    from mainstay.config.read import read
    from mainstay.core import access

    config.apply(access.LOCAL, read([(DEMO.name, DEMO.read_text(encoding="utf-8"))]))


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


def jobs() -> None:
    """A database, and a job for its old rows that a colleague has to approve."""
    from mainstay.core import clock
    from mainstay.core.models import Person
    from mainstay.restore.sqldesk.models import Connection, Job, JobBatch

    shop = Connection.objects.create(key="shop-db", name="Shop", dialect="sqlite", address="/nowhere/shop.db")
    job = Job.objects.create(
        title="Events of last year",
        reason="They are kept for a year",
        connection=shop,
        table="events",
        condition="created < :before AND state = 'closed'",
        parameters={"before": "2026-01-01"},
        action="archive",
        batch_rows=20_000,
        batch_ms=200,
        state="requested",
        dry_run={"rows": 120_000, "key": ["id"], "batches": 6, "estimate_seconds": 2, "problems": [], "warnings": []},
        requested_by=Person.objects.get(email="ben@example.com"),
        requested_name="Ben Okafor",
        rows_done=20_000,
        created_at=clock.now(),
    )
    JobBatch.objects.create(
        job=job, number=1, state="done", rows=20_000, first_key=["1"], last_key=["20000"], started_at=clock.now()
    )


def desk(path: str, count: int) -> None:
    """A database that is a file, and as many reads, saved queries, corrections and jobs of it."""
    from mainstay.core import clock
    from mainstay.core.ids import new_id
    from mainstay.core.models import Person
    from mainstay.restore.sqldesk.models import Connection, Correction, Job, Read, SavedQuery

    ana, ben = (Person.objects.get(email=f"{name}@example.com") for name in ("ana", "ben"))
    made = {"name": "Shop", "dialect": "sqlite", "address": path}
    shop, _ = Connection.objects.get_or_create(key="file", defaults=made)
    asked = {"connection": shop, "requested_by": ben, "requested_name": ben.name, "created_at": clock.now()}
    for number in range(count):
        kept = SavedQuery.objects.create(
            name=f"Orders {new_id()}", connection=shop, sql="SELECT 1", owner=ana, changed_at=clock.now()
        )
        state = Read.State.REQUESTED if number % 2 else Read.State.DONE
        read = {"person": (ana, ben)[number % 2], "sql": "SELECT 1", "saved": kept, "asked_at": clock.now()}
        Read.objects.create(connection=shop, token=new_id(), state=state, **read)
        Correction.objects.create(title=f"Fix {number}", reason="wrong", statements=["UPDATE t SET a = 1"], **asked)
        Job.objects.create(title=f"Old {number}", table="t", condition="a < 1", batch_rows=9, batch_ms=9, **asked)


def night() -> None:
    """An old incident, one that is restored, and three that are open."""
    jobs()
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
    known()
    checks()
    silences()
    maintenance()
    configurations()
    supportability()
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


def silences() -> None:
    """One that holds an alert, one that is to come, one that somebody has ended; and a notice to subscribers."""
    from mainstay.core import access, clock
    from mainstay.core.models import Person
    from mainstay.respond.comms import services as comms
    from mainstay.respond.silences import services

    ana = access.of_person(Person.objects.get(email="ana@example.com"))
    stock, hour = frozenset({"stock"}), timedelta(hours=1)
    labels = {"alertname": "CertificateExpiresSoon"}
    services.make(ana, services.Wanted("The certificate is renewed", clock.now() + 2 * hour, stock, labels))
    post([signal("CertificateExpiresSoon", labels={"service": "stock"})])
    coming = clock.now() + 5 * hour
    services.make(ana, services.Wanted("New disks", coming + hour, stock, reach="dependents", starts_at=coming))
    told, _ = comms.concerned(["payments"], clock.now())
    comms.tell("MNT-1", told, lambda zone: (f"Maintenance of Payments, tonight ({zone})", "It may be away."))
    over = services.make(ana, services.Wanted("A trial run", clock.now() + hour, labels={"env": "test"}))
    services.end(ana, over.pk)


def maintenance() -> None:
    """Work that goes on, work that is to come and meets a freeze, and work that is over."""
    from mainstay.change.maintenance import services
    from mainstay.change.maintenance.models import Work
    from mainstay.core import access, clock
    from mainstay.core.models import Person

    ana, now = access.of_person(Person.objects.get(email="ana@example.com")), clock.now()

    def work(title: str, key: str, hours: float) -> Work:
        starts = now + timedelta(hours=hours)
        why, ends = "It may be away for some minutes.", starts + timedelta(hours=2)
        # Loud, so that alerts of other tests are heard.
        return services.plan(ana, services.Wanted(title, why, frozenset({key}), starts, ends, quiet=False))

    running = work("New disks for the settlement", "settlement", 0)
    services.begin(ana, running.pk)
    work("The month-end report moves", "payments", 30)
    over = work("A restart", "settlement", 0)
    services.begin(ana, over.pk)
    services.end(ana, over.pk, "It is up again, nothing to do.")


def configurations() -> None:
    """A source that has changed and is not as its twin, and one that cannot be seen."""
    from mainstay.change.configs import loop, services
    from mainstay.config import read
    from mainstay.config import services as config
    from mainstay.core import access

    files = Path(os.environ["MAINSTAY_DATA"]) / "looked-at"
    files.mkdir(exist_ok=True)
    text = f"""
configurations:
  - {{key: gateway, name: Gateway, service: payments, files: ["{files}/*.conf"], like: gateway-two}}
  - {{key: gateway-two, name: The other gateway, kind: command, command: "echo port = 1"}}
  - {{key: lost, name: Lost, files: [/nowhere/at/all/*]}}
"""
    config.apply(access.LOCAL, read.read([("configurations.yaml", text)]))
    for port in (8080, 9090):
        (files / "gateway.conf").write_text(f"port = {port}\npassword = hunter2-{port}\nretries = 3\n")
        services.take(access.LOCAL, "gateway")
    loop.run_due(limit=10)


def supportability() -> None:
    """A service that was reviewed, with a restore that somebody confirms."""
    from mainstay.change.supportability import services
    from mainstay.core import access

    services.review(access.LOCAL, "payments")
    services.confirm(access.LOCAL, "payments", "restore", "Restored to staging, see OPS-712")
    services.review(access.LOCAL, "payments")


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
    known_errors(count)
    cases(count)


def cases(count: int) -> None:
    """As many cases for developers of one incident."""
    from mainstay.core import clock
    from mainstay.learn.escalation.models import Escalation
    from mainstay.respond.incidents.models import Incident

    about = {"incident": Incident.objects.latest("pk"), "asked_name": "Ana", "asked_at": clock.now()}
    Escalation.objects.bulk_create(Escalation(**about, state="ready") for _ in range(count))


def known_errors(count: int) -> None:
    """As many known errors, of which some want a look."""
    from mainstay.catalog.models import KnownError
    from mainstay.core import clock

    now = clock.now()
    rows = [
        KnownError(key=f"KE-9{number:03}", name=f"Failure {number}", workaround="Wait.", verified_at=now)
        for number in range(count)
    ]
    KnownError.objects.bulk_create(rows, ignore_conflicts=True)


def known() -> None:
    """A known error that a person made, which an incident only resembles, and one that nobody has verified for long."""
    from mainstay.catalog.known import services
    from mainstay.catalog.models import KnownError
    from mainstay.core import access, clock
    from mainstay.core.models import Person
    from mainstay.respond.incidents import known as matches
    from mainstay.respond.incidents.models import Incident

    ben = access.of_person(Person.objects.get(email="ben@example.com"))
    entry = {
        "key": "KE-40",
        "name": "Month-end report holds the ledger lock",
        "services": ["settlement"],
        "owner": "ana@example.com",
        "team": "payments",
        "match": {"matchers": ['env!="test"'], "words": ["ledger"], "log": "waiting for the ledger lock <*>"},
        "workaround": f"# First\n\n1. Call **finance**.\n2. End it: `kill 4242`\n\n{XSS} [more](javascript:alert(1))",
        "fix": "reported",
        "ticket": "https://tracker.example.com/LED-9",
    }
    pk = services.save(ben, entry, from_incident=1).pk
    KnownError.objects.filter(pk=pk).update(
        asked_at=clock.now(), asked_why="nobody has said for 200 days that it is true"
    )
    incident = Incident.objects.order_by("-pk")[1]
    matches.guess(incident, [matches.Guess(pk, 0.41, "41% similar: ledger, lock, settlement")])


def checks() -> None:
    """A check that is in trouble, and one that was never run."""
    from mainstay.catalog.models import Service
    from mainstay.core import clock
    from mainstay.observe.checks import services

    script = "#!/bin/sh\necho 'DISK WARNING: 8 % free | /=920GB;800;950;0;1000 free=8%;10:;5:'\necho more\nexit 1\n"
    entry = {
        "key": "receipts-disk",
        "name": "Disk for receipts",
        "script": script,
        "command": [],
        "runbook": "",
        "inputs": {},
        "env": {},
        "secrets": {},
        "needed": 1,
        "of": 3,
        "labels": {},
        "enabled": True,
        "interval": 60.0,
        "timeout": None,
    }
    first = services.save(entry, Service.objects.get(key="payments"), "")
    services.keep(first.pk, services.execute(first), clock.now())
    services.save({**entry, "key": "later", "name": "Not run yet", "secrets": {"TOKEN": "desk"}}, None, "demo.yaml")


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
    from mainstay.observe.logs import services as logs
    from mainstay.observe.logs.lines import Lines, Origin
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
    series: list[tuple[int, str, dict[str, str]]] = [(telemetry.series_id(name, {}), name, {}) for name in known]
    which = np.repeat(np.arange(len(series)), len(times))
    telemetry.write_samples(series, which, np.tile(times, len(series)), np.concatenate(list(known.values())))
    lines = [
        (now - 8 * 60_000 + place * 21_000, f"provider timeout after {9000 + place * 7} ms, order 88{place:03}")
        for place in range(30)
    ]
    logs.accept(
        Lines(
            [Origin("payments", "test", "otlp")],
            [0] * len(lines),
            [body for _, body in lines],
            [time * 1000 for time, _ in lines],
            ["error" if place % 3 else "warning" for place in range(len(lines))],
        )
    )
    told = [
        (
            14,
            "payments",
            "config",
            "Provider timeout raised from 2 s to 10 s",
            "deploy-bot",
            "",
            "-timeout = 2s\n+timeout = 10s",
        ),
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


TRACE = """java.lang.IllegalStateException: charge {order} has no reservation
\tat com.shop.payments.Charge.confirm(Charge.java:{few}8)
\tat com.shop.payments.ChargeService.settle(ChargeService.java:112)
\tat com.shop.web.ChargeController.post(ChargeController.java:57)
Caused by: java.sql.SQLTransientConnectionException: pool exhausted after {ms} ms
\t... 31 more"""
SPOKEN = (
    ("info", 40, "storefront", "GET /basket 200 in {ms} ms customer={customer}"),
    ("info", 30, "orders", "order {order} accepted, {few} items"),
    ("debug", 20, "stock", "cache lookup key=article:{customer} hit={few}"),
    ("info", 20, "stock", "reserved {few} items for order {order} in warehouse rotterdam-maasvlakte-2"),
    ("info", 18, "payments", "charge accepted by provider, order {order}, took {ms} ms"),
    ("warning", 6, "payments", "retrying charge attempt {few} of 3 for order {order}"),
    ("error", 4, "payments", TRACE),
    ("warning", 3, "settlement", "rows per minute fell to {ms}, waiting for the ledger lock"),
    ("fatal", 0.3, "stock", "out of file descriptors, worker {few} ends <script>alert(1)</script>"),
    ("", 2, "storefront", "=== nightly banner === a very long line that goes on and on: " + "segment/of/a/path/" * 14),
)


def talk(count: int = 420) -> None:
    """What the services of the shop wrote in the last fifty minutes: a few hundred lines of several kinds."""
    import random

    from mainstay.core import clock
    from mainstay.observe.logs import services as logs
    from mainstay.observe.logs.lines import Lines, Origin

    chance = random.Random(7)
    now = clock.now_ms() * 1000
    names = sorted({service for _, _, service, _ in SPOKEN})
    origins = [
        Origin(name, f"{name}-{host}:/var/log/shop/{name}.log", "tail", {"host": f"{name}-{host}", "region": "eu"})
        for name in names
        for host in (1, 2)
    ]
    picked = chance.choices(SPOKEN, [share for _, share, _, _ in SPOKEN], k=count)
    times = sorted(now - chance.randrange(40_000_000, 50 * 60_000_000) for _ in range(count))
    words = [
        {
            "order": 880_000 + chance.randrange(99),
            "customer": chance.randrange(1000, 9999),
            "few": chance.randrange(1, 9),
            "ms": int(chance.lognormvariate(4, 1)),
        }
        for _ in range(count)
    ]
    logs.accept(
        Lines(
            origins,
            [names.index(service) * 2 + chance.randrange(2) for _, _, service, _ in picked],
            [body.format(**word) for (_, _, _, body), word in zip(picked, words, strict=True)],
            times,
            [level for level, _, _, _ in picked],
            [f"{word['order']:032x}" if "{order}" in one[3] else "" for one, word in zip(picked, words, strict=True)],
            [""] * count,
            [{"order": str(word["order"]), "duration_ms": str(word["ms"])} for word in words],
            whole=True,
        )
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
    from tests.web import desk

    desk.connected()
    talk()
    from tests.web import (
        seed_desk,
        seed_diagnosis,
        seed_drills,
        seed_escalation,
        seed_problems,
        seed_releases,
        seed_runbooks,
    )

    seed_desk.desk()
    seed_runbooks.runbooks()
    seed_releases.releases()
    seed_diagnosis.diagnosis()
    seed_escalation.cases()
    seed_drills.drills()
    seed_problems.problems()


if __name__ == "__main__":
    main()
