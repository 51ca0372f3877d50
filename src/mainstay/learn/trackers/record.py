"""Linked issues as rows: the door to them, what is to be told to a tracker, and what was heard from one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from mainstay.core import audit, clock, feed, ids
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import not_found
from mainstay.learn.trackers import domain
from mainstay.learn.trackers.domain import Heard, Note
from mainstay.learn.trackers.kinds.shape import is_ours
from mainstay.learn.trackers.models import Deed, Fact, Issue

_LONGEST = 20_000


def visible(actor: Actor) -> QuerySet[Issue]:
    """The one door to linked issues, the latest first."""
    require(actor, Right.READ)
    return Issue.objects.select_related("tracker").order_by("-pk")


def get(actor: Actor, pk: int) -> Issue:
    """One linked issue."""
    found = visible(actor).filter(pk=pk).first()
    if found is None:
        raise not_found(f"linked issue {pk}")
    return found


def add(actor: Actor, issue: Issue, act: str, body: dict[str, Any], content: bytes | None = None) -> Deed:
    """Something to be told to the tracker, with its audit, in the caller's transaction."""
    now = clock.now()
    deed = Deed.objects.create(
        issue=issue, act=act, key=ids.new_id(), body=body, content=content, due_at=now, made_at=now
    )
    audit.record(actor, f"tracker.{act}", str(issue), purpose=issue.purpose, ref=issue.ref, key=deed.key)
    return deed


def heard(issue: Issue, what: Heard, who: str, *, tell: bool = True) -> None:
    """Bring a locked issue in line with what its tracker showed. What changed or was said is a fact for who it is for.

    ``tell`` is false for what Mainstay did itself, which is news to nobody.
    """
    now, seen = clock.now(), what.seen
    before = domain.State(issue.state)
    taken = domain.takes(before, issue.changed_at, seen)
    if seen.state is not None and (taken.moves or seen.state is before):
        issue.state, issue.theirs = seen.state.value, seen.theirs[:120] or issue.theirs
    if seen.title and (issue.changed_at is None or seen.at is None or seen.at >= issue.changed_at):
        issue.title = seen.title[:250]
    issue.number, issue.url = seen.number[:80] or issue.number, seen.url[:2000] or issue.url
    issue.changed_at = _latest(issue.changed_at, seen.at)
    issue.seen_at = now
    issue.save()
    if taken.moves and tell:
        Fact.objects.create(
            issue=issue, kind=Fact.Kind.STATE, at=seen.at or now, who=who[:255], before=before, after=issue.state
        )
        audit.record(f"{who} ({issue.tracker.key})", "tracker.heard", str(issue), state=issue.state, was=before)
    _keep(issue, what.notes, seen.at or now)
    feed.tell(issue.purpose, issue.ref)


def _keep(issue: Issue, notes: Sequence[Note], otherwise: datetime) -> None:
    """Keep the comments of others, each once. ``otherwise`` is when one was written that does not say it."""
    numbers = [note.number[:80] for note in notes]
    known = set(issue.facts.filter(number__in=numbers).values_list("number", flat=True)) if numbers else set()
    for number, note in zip(numbers, notes, strict=True):
        if is_ours(note.text) or number in known:
            continue
        known.add(number)
        Fact.objects.create(
            issue=issue,
            kind=Fact.Kind.COMMENT,
            at=note.at or otherwise,
            who=note.who[:255],
            text=note.text[:_LONGEST],
            number=number,
        )
        audit.record(f"{note.who} ({issue.tracker.key})", "tracker.comment_heard", str(issue), number=number)


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(one, other) if one and other else one or other
