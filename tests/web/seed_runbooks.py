"""Runbooks of the shop and runs of them: done, failed, waiting for approval, and waiting for an answer."""

RESTART = """---
key: restart-payments
title: Restart the payment workers
services: [payments]
description: When the provider answers again and payments still hang.
inputs:
  - {name: workers, type: whole, default: "4", label: How many workers}
  - {name: region, choices: [north, south], default: north}
verify: answers
---
The workers keep broken connections for an hour. Look at the log first.

```manual id=look title="Look at the queue" timeout=30m
Is the queue still growing? A growing queue needs the provider, not a restart.
```

```shell id=restart title="Restart the workers" timeout=60s
echo "restarting $INPUT_workers workers in $INPUT_region"; echo "worker 3 did not stop, killed" >&2
```

```check id=answers title="Payments are taken again" timeout=2s every=200ms
true
```
"""
LOOK = """---
key: look-at-disk
title: Look at the disks
services: [orders, payments]
description: Changes nothing.
---
```check id=room title="There is room" timeout=2s every=500ms
df --output=pcent / | tail -1
```
"""
BROKEN = """---
key: rotate-certificate
title: Rotate the certificate
services: [storefront]
approval: none
inputs: [{name: authority, default: inner}]
---
```shell id=rotate title="Ask for a new one"
echo "asking the $INPUT_authority authority"; exit 3
```
"""


def runbooks() -> None:
    """Three books, and a run in each state that a screen shows."""
    from mainstay.core import access
    from mainstay.core.models import Person
    from mainstay.respond.incidents.models import Incident
    from mainstay.restore.runbooks import answering, books, facts, services

    ben = access.of_person(Person.objects.get(email="ben@example.com"))
    ana = access.of_person(Person.objects.get(email="ana@example.com"))
    books.save(access.LOCAL, RESTART.replace("for an hour", "for long"))
    for text in (RESTART, LOOK, BROKEN):
        books.save(access.LOCAL, text)
    checked_by_a_book()
    incident = Incident.objects.latest("pk").pk

    def drafted(key: str, **inputs: str) -> int:
        made = services.propose(ben, key, inputs, reason="Payments hang since 03:12", incident=incident)
        services.ask_dry_run(ben, made.pk)
        work()
        return made.pk

    def approved(key: str, **inputs: str) -> int:
        number = drafted(key, **inputs)
        services.request(ben, number)
        services.approve(ana, number, facts.hash_of(services.get(ana, number)))
        services.start(ben, number)
        work()
        return number

    done = approved("restart-payments")
    answering.answer(ben, services.get(ben, done).steps.get(step="look").pk, "done", "it shrinks")
    work()
    failed = drafted("rotate-certificate")
    services.start(ben, failed)
    services.request(ben, drafted("restart-payments", workers="8", region="south"))
    work()
    approved("restart-payments", workers="2")
    drafted("look-at-disk")
    remedies()


def checked_by_a_book() -> None:
    """A book that runs as a check, as its last run left it."""
    from mainstay.catalog.models import Service
    from mainstay.core import clock
    from mainstay.observe.checks import services
    from mainstay.restore.runbooks.looks import Looks

    entry = {
        "key": "disks-by-book",
        "name": "Look at the disks, every minute",
        "runbook": "look-at-disk",
        "script": "",
        "command": [],
        "inputs": {},
        "env": {},
        "secrets": {},
        "labels": {},
        "needed": 1,
        "of": 1,
        "enabled": True,
        "interval": 60.0,
        "timeout": None,
    }
    check = services.save(entry, Service.objects.get(key="orders"), "")
    services.keep(check.pk, Looks().execute(check), clock.now())


def work() -> None:
    """What the worker does, until nothing is due."""
    from mainstay.restore.runbooks import trials
    from mainstay.restore.runbooks.execution import loop

    while (dry := trials.claim()) is not None:
        trials.carry(dry)
    while (run := loop.claim()) is not None:
        loop.carry(run)


def remedies() -> None:
    """One that helps, and one that did not, whose breaker is open."""
    from mainstay.core import clock
    from mainstay.respond.incidents.models import Incident
    from mainstay.restore.runbooks.models import Remedy
    from mainstay.restore.runbooks.remedies import services

    incident = Incident.objects.filter(state="open").exclude(known_error=None).latest("pk")
    assert incident.known_error is not None
    Incident.objects.filter(pk=incident.pk).update(opened_at=clock.now())
    known = incident.known_error.key
    Remedy.objects.create(key="look", name="Look at the disks by itself", known_error=known, runbook="look-at-disk")
    Remedy.objects.create(key="rotate", name="Ask for a certificate", known_error=known, runbook="rotate-certificate")
    services.run_due()
    work()
    services.run_due()
