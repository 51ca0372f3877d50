"""Who may approve a change of production, and when it may be carried out: decisions with their reasons."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class Step:
    """Whether something may be done, and why or why not."""

    allowed: bool
    reason: str


@dataclass(frozen=True)
class Approval:
    """What stands in an approval: by whom, of exactly what, and until when."""

    person_id: int | None
    name: str
    hash: str
    expires_at: datetime | None


def content_hash(content: Mapping[str, Any]) -> str:
    """SHA-256 over all that an approval binds, as canonical JSON."""
    body = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()


def may_request(state: str, previewed_hash: str, now_hash: str, problems: list[str]) -> Step:
    """A change is asked for when its preview shows exactly what is written, and nothing spoke against it."""
    if state != "draft":
        return Step(False, f"it is {state}: only a draft can be sent for approval")
    if not previewed_hash:
        return Step(False, "preview it first, so that whoever approves sees the rows")
    if previewed_hash != now_hash:
        return Step(False, "it was edited after its preview: preview it again")
    if problems:
        return Step(False, f"the preview failed: {problems[0]}")
    return Step(True, "previewed as it is written")


def may_approve(
    state: str, requested_by: int | None, person_id: int | None, barred: Collection[int] = frozenset()
) -> Step:
    """Approval takes another person than who asked, and than those ``barred`` because they wrote what is approved."""
    if state != "requested":
        return Step(False, f"it is {state}: there is nothing to approve")
    if person_id is None:
        return Step(False, "it is approved by a person who is signed in")
    if person_id == requested_by:
        return Step(False, "you asked for it yourself: another person has to approve")
    if person_id in barred:
        return Step(False, "you wrote what would be carried out: another person has to approve")
    return Step(True, "another person than who asked")


def may_carry_out(approval: Approval, requested_by: int | None, now_hash: str, now: datetime, *, begun: bool) -> Step:
    """Looked at again at the moment of execution: the same content, another person, and in time.

    An approval that has expired still covers the rest of what was ``begun`` under it.
    """
    if not approval.hash or approval.person_id is None:
        return Step(False, "nobody has approved it")
    if approval.person_id == requested_by:
        return Step(False, "who asked for it must not approve it")
    if approval.hash != now_hash:
        return Step(False, "it is not what was approved: something was edited afterwards")
    if not begun and (approval.expires_at is None or approval.expires_at <= now):
        return Step(False, "the approval has expired: ask for a new one")
    return Step(True, f"approved by {approval.name}")


def expiry(now: datetime, hours: float) -> datetime:
    """Until when an approval that is given now holds."""
    return now + timedelta(hours=hours)
