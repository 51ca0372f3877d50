"""Decisions of a run: what runs together, how many targets at once, and whether it may begin. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mainstay.restore.approval import Step as Decision
from mainstay.restore.runbooks.book import model
from mainstay.restore.runbooks.book.model import Book, Step


@dataclass(frozen=True)
class Block:
    """Steps that stand together: each target goes through all of them, or the worker does once."""

    steps: tuple[Step, ...]
    each: bool


def blocks(steps: Sequence[Step]) -> tuple[Block, ...]:
    """The steps of a book, cut where they change between each target and the worker."""
    found: list[list[Step]] = []
    for step in steps:
        if found and found[-1][0].each == step.each:
            found[-1].append(step)
        else:
            found.append([step])
    return tuple(Block(tuple(part), part[0].each) for part in found)


@dataclass(frozen=True)
class Admission:
    """How many more targets may begin now, and why not more."""

    count: int
    reason: str


def admit(total: int, begun: int, ended: int, failed: int, *, parallel: int, ramp: bool, max_errors: int) -> Admission:
    """How many of ``total`` targets may begin, when ``begun`` have and ``ended`` of these are through.

    With a ramp they go in waves of 1, 2, 4 and so on, each when the one before it has ended, until a wave would be as
    large as ``parallel``; from there on one begins when another ends. More than ``max_errors`` failures begin no more.
    """
    if failed > max_errors:
        return Admission(0, f"{failed} of {begun} targets failed, and {max_errors} may")
    left = total - begun
    if not left:
        return Admission(0, "all have begun")
    if not ramp:
        return Admission(min(parallel - (begun - ended), left), "at once")
    before, wave = 0, 1
    while wave < parallel and before + wave <= begun:
        before, wave = before + wave, wave * 2
    if wave >= parallel:
        full = begun - ended if begun > before or ended == begun else parallel
        return Admission(max(min(parallel - full, left), 0), "the ramp is through")
    if begun == before and ended < begun:
        return Admission(0, f"the wave before must end first: {begun - ended} still run")
    return Admission(min(before + wave - begun, left), f"wave of {wave}")


def may_start(
    book: Book, *, approved: Decision, is_current: bool, enabled: bool, targets: int, most: int, begun: bool
) -> Decision:
    """Whether a run may be handed to the worker. ``approved`` is what the rules of approval say of it."""
    if not enabled:
        return Decision(False, "the book is switched off")
    if not is_current and not begun:
        return Decision(False, "the book was edited since: make a new run of its present version")
    if book.targets and not targets:
        return Decision(False, "it has no target; name at least one")
    limit = min(book.targets.most or most, most)
    if targets > limit:
        return Decision(False, f"it has {targets} targets, and at most {limit} are allowed")
    if needs_approval(book):
        return approved
    return Decision(True, "the book takes no approval")


def needs_approval(book: Book) -> bool:
    """Whether another person has to approve a run. One that only looks takes nobody."""
    return book.changes and book.approval != "none"


def may_be_scheduled(book: Book) -> Decision:
    """Whether a book may run again and again as a check: nobody looks on, so each step only looks or waits."""
    for step in book.steps:
        if step.kind in {model.ASK, model.MANUAL}:
            return Decision(False, f"its step {step.id} waits for a person")
        if not step.harmless:
            return Decision(
                False, f"its step {step.id} ({step.kind}) may change something: make it a check if it looks"
            )
    return Decision(True, "it only looks")


def overdue(started: datetime, timeout: float, now: datetime) -> bool:
    """Whether a run has taken longer than its book allows."""
    return now >= started + timedelta(seconds=timeout)
