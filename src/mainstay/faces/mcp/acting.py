"""The tools that act, under the same guards as a person's: rights, gate, approval, and a line in the audit log.

None starts a change of production by itself: a run is drafted, and a person approves and starts it on a screen.
"""

from typing import Any

from pydantic import Field

from mainstay.core.access import Actor, Right
from mainstay.faces.api import diagnosis, runbooks
from mainstay.faces.api.numbers import number
from mainstay.faces.mcp.reading import Ident, OneOf
from mainstay.faces.mcp.tool import Given, Tool
from mainstay.respond.incidents import services as incidents
from mainstay.restore.runbooks import services as runs


class Note(Given):
    """A note on an incident."""

    id: Ident
    text: str = Field(min_length=1, max_length=10_000)


class Cause(Given):
    """The end of an incident."""

    id: Ident
    cause: str = Field(min_length=1, max_length=10_000)


class Draft(Given):
    """A run that is to be approved."""

    runbook: str = Field(max_length=100, description="Its key.")
    inputs: dict[str, Any] = Field(default_factory=dict)
    targets: list[str] | None = Field(default=None, max_length=1000)
    reason: str = Field(min_length=3, max_length=2000)
    incident: Ident | None = None


def _acknowledge(actor: Actor, given: OneOf) -> Any:
    return {"acknowledged": True, "changed": incidents.acknowledge(actor, number(given.id), " through a tool")}


def _note(actor: Actor, given: Note) -> Any:
    incidents.comment(actor, number(given.id), given.text)
    return {"noted": True}


def _resolve(actor: Actor, given: Cause) -> Any:
    incidents.resolve(actor, number(given.id), given.cause)
    return {"resolved": True}


def _draft(actor: Actor, given: Draft) -> Any:
    about = number(given.incident) if given.incident else None
    run = runs.propose(actor, given.runbook, given.inputs, targets=given.targets, reason=given.reason, incident=about)
    return runbooks.one(actor, run.pk)


ACTING: tuple[Tool, ...] = (
    Tool(
        "acknowledge_incident",
        "Acknowledge",
        "Take an incident: whoever is paged for it is left in peace.",
        OneOf,
        _acknowledge,
        Right.RESPOND,
        acts=True,
    ),
    Tool(
        "note_on_incident",
        "Write a note",
        "Add a note to the log of an incident.",
        Note,
        _note,
        Right.RESPOND,
        acts=True,
    ),
    Tool("resolve_incident", "Resolve", "Close an incident with its cause.", Cause, _resolve, Right.RESPOND, acts=True),
    Tool(
        "diagnose_incident",
        "Diagnose now",
        "Look for the cause of an incident again, with what is known now.",
        OneOf,
        lambda actor, given: diagnosis.again(actor, given.id),
        Right.RESPOND,
        acts=True,
    ),
    Tool(
        "draft_run",
        "Draft a run",
        "Write a draft of a run of a runbook. It changes nothing until a person has approved and started it.",
        Draft,
        _draft,
        Right.RESPOND,
        acts=True,
    ),
)
