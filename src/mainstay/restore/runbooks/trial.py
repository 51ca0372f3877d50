"""A dry run: what would run where, and whether it could. It runs nothing but checks."""

from typing import Any

from mainstay.catalog.calendar import gate
from mainstay.core import clock, secrets
from mainstay.core.access import Actor
from mainstay.restore.runbooks import facts, hosts
from mainstay.restore.runbooks.book import call, page
from mainstay.restore.runbooks.book.model import Book, Step
from mainstay.restore.runbooks.models import Host, Run, TargetLease


def look(actor: Actor, run: Run) -> dict[str, Any]:
    """The steps as they would run, and under ``problems`` what would keep them from it, as sentences."""
    book = facts.book_of(run.version.text)
    machines = list(Host.objects.filter(key__in=run.targets).select_related("via"))
    problems = [*_secrets(book, run), *_held(machines, run), *_gate(actor, book, run)]
    return {"at": clock.now().isoformat(), "steps": [_step(book, run, one) for one in book.steps], "problems": problems}


def _step(book: Book, run: Run, step: Step) -> dict[str, Any]:
    return {
        "id": step.id,
        "title": step.title,
        "facts": page.facts(book, step),
        "text": step.text,
        "targets": list(run.targets) if step.each else [],
    }


def secret_names(book: Book, inputs: dict[str, str]) -> list[str]:
    """Every secret that the steps of a book take, by name."""
    named = [name for step in book.steps for name in step.secrets]
    named += [name for step in book.steps if step.call for name in call.names_in(step.call)[1]]
    return list(dict.fromkeys([*named, *(inputs[name] for name in book.secret_inputs if inputs.get(name))]))


def _secrets(book: Book, run: Run) -> list[str]:
    found = []
    for name in secret_names(book, run.inputs):
        try:
            secrets.get(name)
        except secrets.SecretError as error:
            found.append(str(error))
    return found


def _held(machines: list[Host], run: Run) -> list[str]:
    places = {hosts.place(one): one.key for one in machines}
    leases = TargetLease.objects.filter(address__in=places, until__gt=clock.now()).exclude(run=run)
    return [f"{places[one.address]} is held by {one.run}" for one in leases.select_related("run")]


def _gate(actor: Actor, book: Book, run: Run) -> list[str]:
    if not book.changes:
        return []
    answer = gate.may_change(actor, run.service_keys(), clock.now(), kind="runbook", in_window=book.in_windows)
    return [] if answer.allowed else [f"the gate is closed: {answer.reason}"]
