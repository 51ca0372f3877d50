"""A diagnosis as plain data, as the command line prints it and the database keeps it."""

from typing import Any

from mainstay.learn.diagnosis.domain.decide import Candidate, Diagnosis
from mainstay.learn.diagnosis.domain.symptoms import Sign


def plain(said: Diagnosis) -> dict[str, Any]:
    """The whole of it."""
    return {
        "services": [_candidate(one) for one in said.services],
        "changes": [_candidate(one) for one in said.changes],
        "reason": said.reason,
        "changes_reason": said.changes_reason,
        "missing": list(said.missing),
        "cleared": [_candidate(one) for one in said.cleared],
    }


def _candidate(one: Candidate) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "name": one.name,
        "confidence": round(one.confidence, 3),
        "path": list(one.path),
        "reason": one.reason,
        "evidence": [_sign(sign) for sign in one.evidence],
        "against": list(one.against),
        "refute": one.refute,
    }


def _sign(one: Sign) -> dict[str, Any]:
    return {
        "symptom": str(one.group),
        "source": one.source,
        "text": one.text,
        "weight": round(one.weight, 3),
        "query": one.query,
    }
