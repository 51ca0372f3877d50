"""The report on a release, for whoever has to show that it was checked. Its seal says that it is what was judged here.

The seal is an HMAC by the installation's key over all that the verdict rests on and over the place of the verdict in
the audit log, which is a chain of hashes: neither can be changed later without the other no longer fitting.
"""

import json
from typing import Any

from django.utils.crypto import salted_hmac

from mainstay.change.releases.models import Release
from mainstay.core import audit, ids
from mainstay.core.access import Actor
from mainstay.core.documents import Block, Heading, Table, Text, moment
from mainstay.core.models import AuditEntry

_SEALED = ("version", "previous", "verdict", "reason", "confidence", "counts", "findings", "evidence", "metrics")
_MOMENTS = ("started_at", "finished_at", "judged_at")
# As many metrics a report lists; the page of the release has the rest.
_ROWS = 60


def blocks(actor: Actor, release: Release) -> list[Block]:
    """The document."""
    found: list[Block] = [
        Heading(f"{release}: {release.service.name} {release.version}", 1),
        Text(f"{release.get_state_display()}. {release.reason}".strip()),
        Table(("Fact", "Value"), _facts(release)),
    ]
    if release.evidence:
        rows = [(one["verdict"], one["what"], one["said"]) for one in release.evidence]
        found += [Heading("What was looked at beside the metrics"), Table(("Verdict", "What", "It said"), rows)]
    if release.findings:
        found += [Heading("Metrics, the worst first"), Table(_HEAD, [_row(one) for one in release.findings[:_ROWS]])]
    found += [Heading("Log"), Table(("When", "What"), [(moment(one.at), one.text) for one in release.notes.all()])]
    entry = _entry(actor, release)
    if entry is not None:
        found += [
            Heading("Seal"),
            Text(f"Entry {entry.seq} of the audit log, {entry.hash}."),
            Text(seal(actor, release)),
        ]
    return found


_HEAD = ("Verdict", "Metric", "Instance", "Before", "After", "Why")


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    was, now = (f"{one[name]:.4g}" if one[name] is not None else "none" for name in ("before", "after"))
    return one["verdict"], one["metric"], "all" if one["instance"] == "*" else one["instance"], was, now, one["reason"]


def _facts(release: Release) -> list[tuple[str, object]]:
    return [
        ("Service", release.service.key),
        ("Version", release.version),
        ("Replaces", release.previous or "not said"),
        ("Artefact", release.artefact or "not said"),
        ("Ticket", release.ticket or "none"),
        ("Made by", release.made_by),
        ("Started", moment(release.started_at)),
        ("Rolled out", moment(release.finished_at)),
        ("Judged", moment(release.judged_at)),
        ("Verdict", release.verdict or "none yet"),
    ]


def seal(actor: Actor, release: Release) -> str:
    """The seal of a verdict; empty while there is none."""
    entry = _entry(actor, release)
    if entry is None:
        return ""
    facts = {name: getattr(release, name) for name in _SEALED}
    facts |= {name: at.isoformat() if (at := getattr(release, name)) else None for name in _MOMENTS}
    body = json.dumps([release.pk, facts, entry.seq, entry.hash], sort_keys=True, separators=(",", ":"))
    return salted_hmac("mainstay.release", body, algorithm="sha256").hexdigest()


def fits(actor: Actor, release: Release, said: str) -> bool:
    """Whether this is the seal of the release as it is here."""
    own = seal(actor, release)
    return bool(own) and ids.same(own, said.strip().lower())


def _entry(actor: Actor, release: Release) -> AuditEntry | None:
    """Where the last verdict stands in the audit log."""
    return audit.visible(actor).filter(action="release.judge", target=str(release)).order_by("-seq").first()
