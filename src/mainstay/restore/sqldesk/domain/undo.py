"""What an undo may do with each row, decided from how it was, what the correction made of it, and how it is now."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mainstay.restore.sqldesk.domain.images import Row, same


class Verdict(StrEnum):
    """``RESTORE`` is provably safe. ``TOUCHED`` may be restored when a person accepts it; the others may not."""

    RESTORE = "restore"
    ALREADY = "already as before"
    TOUCHED = "changed elsewhere since"
    CHANGED = "changed since"
    GONE = "gone since"
    BACK = "there again"
    REFERRED = "referred to since"


@dataclass(frozen=True)
class Decision:
    """A verdict, its reason for a person, and the columns that go back to their old values."""

    verdict: Verdict
    reason: str
    columns: tuple[str, ...] = ()


def decide(
    columns: Sequence[str],
    generated: frozenset[str],
    before: Row | None,
    after: Row | None,
    now: Row | None,
    referring: str = "",
) -> Decision:
    """What to do with one row.

    ``before``, ``after`` and ``now`` are rows in the order of ``columns``, or nothing where there is no row.
    ``generated`` columns follow from the others and are not compared. ``referring`` names rows that point at this one
    and are not the correction's own. Three-way, as in a merge: only what is still as the correction left it goes back.
    """
    places = [place for place, name in enumerate(columns) if name not in generated]
    if same(now, before, places):
        return Decision(Verdict.ALREADY, "it is as it was before the correction")
    if before is None:
        return _undo_insert(columns, places, after, now, referring)
    if after is None:
        if now is not None:
            return Decision(Verdict.BACK, "the correction deleted it, and somebody has written it anew since")
        return Decision(Verdict.RESTORE, "it was deleted, and nobody has written it since", tuple(columns))
    if now is None:
        return Decision(Verdict.GONE, "somebody has deleted it since; an undo would bring it back to life")
    ours = [place for place in places if not same(before, after, [place])]
    moved = [place for place in ours if not same(now, after, [place])]
    if moved:
        names = ", ".join(columns[place] for place in moved)
        return Decision(Verdict.CHANGED, f"somebody has changed {names} since; an undo would destroy that")
    back = tuple(columns[place] for place in ours)
    others = [columns[place] for place in places if place not in ours and not same(now, after, [place])]
    if others:
        reason = f"{', '.join(others)} changed since, {', '.join(back)} not: whether it still fits is for a person"
        return Decision(Verdict.TOUCHED, reason, back)
    return Decision(Verdict.RESTORE, "it is as the correction left it", back)


def _undo_insert(
    columns: Sequence[str], places: Sequence[int], after: Row | None, now: Row | None, referring: str
) -> Decision:
    if now is not None and not same(now, after, places):
        names = ", ".join(columns[place] for place in places if not same(now, after, [place]))
        return Decision(Verdict.CHANGED, f"the correction inserted it, and somebody has changed {names} since")
    if referring:
        return Decision(Verdict.REFERRED, f"{referring} point at it since; deleting it would take them along or fail")
    return Decision(Verdict.RESTORE, "the correction inserted it, and it is as it was then")


def may_restore(decision: Decision, *, accepted: bool) -> bool:
    """Whether the row goes back. A row that is only touched needs a person who accepts it."""
    return decision.verdict == Verdict.RESTORE or (decision.verdict == Verdict.TOUCHED and accepted)
