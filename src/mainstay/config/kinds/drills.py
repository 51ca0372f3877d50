"""Drills on a staging system."""

from typing import Any

from mainstay.config.kinds.references import several
from mainstay.core.access import Actor
from mainstay.learn.drills import services
from mainstay.learn.drills.models import Exercise
from mainstay.restore.runbooks.models import Book

Entry = dict[str, Any]
_DEEDS = ("breaks", "mends")


def load() -> dict[str, tuple[Entry, str]]:
    """Scenarios of files as entries of a file."""
    return {row.key: (_entry(row.entry), row.source) for row in Exercise.objects.all()}


def _entry(kept: Entry) -> Entry:
    """As a file says it: faults of the demo shop are none of its words."""
    deeds = {name: {"runbook": kept[name]["runbook"], "inputs": kept[name]["inputs"]} for name in _DEEDS}
    return {**kept, **deeds}


def save(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change a scenario."""
    for name in _DEEDS:
        several(Book, [entry[name]["runbook"]], f"{name}.runbook")
    services.save_exercise(actor, entry, source)


def remove(actor: Actor, ident: str) -> None:
    """Forget a scenario that left its file."""
    services.remove_exercise(actor, ident)
