"""The audit log: everything that somebody did, in a chain of hashes that shows a later change."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from mainstay.core import clock, locks
from mainstay.core.access import Actor, Right, require
from mainstay.core.models import AuditEntry

GENESIS = "0" * 64


def entry_hash(previous: str, seq: int, at: datetime, actor: str, action: str, target: str, detail: Any) -> str:
    """SHA-256 over the entry and the hash before it, as canonical JSON."""
    body = [previous, seq, int(at.timestamp() * 1_000_000), actor, action, target, detail]
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def record(actor: Actor | str, action: str, target: str = "", **detail: Any) -> None:
    """Append an entry in the caller's transaction, so that it stands if and only if the deed does.

    ``detail`` must be JSON: text, numbers, lists. Never a secret.
    """
    detail = json.loads(json.dumps(detail, default=str))
    with transaction.atomic():
        # Two transactions must not append after the same entry.
        locks.one_at_a_time("audit")
        last = AuditEntry.objects.order_by("-seq").values("seq", "hash").first() or {"seq": 0, "hash": GENESIS}
        seq, at, name = last["seq"] + 1, clock.now(), str(actor)
        AuditEntry.objects.create(
            seq=seq,
            at=at,
            actor=name,
            action=action,
            target=target,
            detail=detail,
            previous=last["hash"],
            hash=entry_hash(last["hash"], seq, at, name, action, target, detail),
        )


def visible(actor: Actor) -> QuerySet[AuditEntry]:
    """The one door to the audit log, newest first."""
    require(actor, Right.READ)
    return AuditEntry.objects.order_by("-seq")


@dataclass(frozen=True)
class Verdict:
    """What a check of the chain found. ``broken_at`` is the number of the first entry that does not fit."""

    entries: int
    broken_at: int | None
    reason: str

    @property
    def intact(self) -> bool:
        """Whether every entry fits the one before it."""
        return self.broken_at is None


def verify() -> Verdict:
    """Walk the whole chain from its first entry."""
    previous, expected = GENESIS, 1
    for entry in AuditEntry.objects.order_by("seq").iterator(chunk_size=2000):
        if entry.seq != expected:
            return Verdict(expected - 1, entry.seq, f"entry {expected} is missing")
        if entry.previous != previous:
            return Verdict(expected - 1, entry.seq, f"entry {entry.seq} does not follow the one before it")
        found = entry_hash(previous, entry.seq, entry.at, entry.actor, entry.action, entry.target, entry.detail)
        if found != entry.hash:
            return Verdict(expected - 1, entry.seq, f"entry {entry.seq} was changed")
        previous, expected = entry.hash, expected + 1
    return Verdict(expected - 1, None, f"{expected - 1} entries, each fits the one before it")
