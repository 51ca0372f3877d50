"""A shelf of books in front of the company: written by Ana, asked for by Ben, approved by Cleo, worked off here."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from mainstay.catalog.calendar import services as calendar
from mainstay.catalog.calendar.entries import Raw
from mainstay.core import clock
from mainstay.core.access import Actor, of_person
from mainstay.core.models import Person, Role
from mainstay.restore.runbooks import books, facts, services, trials
from mainstay.restore.runbooks.execution import loop
from mainstay.restore.runbooks.models import Chunk, Host, Run, StepRun

State = StepRun.State


def person(who: str) -> Actor:
    """Somebody of the company. Cleo and Dora join it when they are needed."""
    role = {"cleo": Role.RESPONDER, "dora": Role.MAINTAINER}.get(who, Role.VIEWER)
    found, _ = Person.objects.get_or_create(email=f"{who}@x.example", defaults={"name": who.capitalize(), "role": role})
    return of_person(found)


def text(*steps: str, key: str = "fix", **front: Any) -> str:
    """A book of these fenced steps."""
    head = {"key": key, "title": f"Fix {key}", "services": "[pay]", "approval": "none", **front}
    lines = "\n".join(f"{name}: {value}" for name, value in head.items())
    return f"---\n{lines}\n---\n\n" + "\n\n".join(steps) + "\n"


def step(info: str, code: str) -> str:
    """A fenced step."""
    return f"```{info}\n{code}\n```"


def write(*steps: str, **front: Any) -> str:
    """A book on the shelf. Returns its key."""
    return books.save(person("ana"), text(*steps, **front)).book.key


def draft(key: str = "fix", inputs: Mapping[str, Any] | None = None, targets: Sequence[str] | None = None) -> Run:
    """A draft by Ben."""
    return services.propose(person("ben"), key, inputs or {}, targets=targets, reason="It hangs")


def started(run: Run) -> Run:
    """Approved by Cleo where that is needed, and handed to the worker."""
    if services.startable(run).allowed is False:
        services.request(person("ben"), run.pk)
        services.approve(person("cleo"), run.pk, facts.hash_of(services.get(person("cleo"), run.pk)))
    services.start(person("ben"), run.pk)
    return again(run)


def work() -> None:
    """What the worker does, in this thread, until nothing is due."""
    while (dry := trials.claim()) is not None:
        trials.carry(dry)
    while (run := loop.claim()) is not None:
        loop.carry(run)


def tried(run: Run) -> Run:
    """Its dry run is made."""
    services.ask_dry_run(person("ben"), run.pk)
    work()
    return again(run)


def done(run: Run) -> Run:
    """Started and worked off."""
    started(run)
    work()
    return again(run)


def again(run: Run) -> Run:
    """As it is now."""
    return services.get(person("ben"), run.pk)


def states(run: Run) -> dict[str, str]:
    """Steps by ``id`` or ``id@target``, with ``phase:`` before those that are not of the main part."""
    return {
        ("" if one.phase == "main" else f"{one.phase}:")
        + one.step
        + (f"@{one.target}" if one.target else ""): one.state
        for one in run.steps.all()
    }


def cell(run: Run, ident: str, target: str = "") -> StepRun:
    """One step."""
    return run.steps.get(phase="main", step=ident, target=target)


def said(run: Run, ident: str = "", target: str = "") -> str:
    """What a run, or one of its steps, has written."""
    found = Chunk.objects.filter(step_run__run=run).exclude(stream="log").order_by("pk")
    if ident:
        found = found.filter(step_run__step=ident, step_run__target=target)
    return "".join(one.text for one in found)


def host(key: str, address: str = "root@127.0.0.1:1", **fields: Any) -> Host:
    """A machine that books may name."""
    return Host.objects.create(key=key, name=key, address=address, **fields)


def freeze(**fields: Any) -> None:
    """Nothing may be changed for two hours."""
    now = clock.now()
    raw = Raw(
        key="freeze",
        kind="freeze",
        name="Freeze",
        timezone="UTC",
        start=f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M}",
        lasts=7200,
        services=frozenset({"pay"}),
        **fields,
    )
    calendar.save(person("ana"), raw)
