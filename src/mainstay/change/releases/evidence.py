"""What was looked at beside the metrics, and the verdict over all of it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from mainstay.change.releases.judge import Verdict


@dataclass(frozen=True)
class Evidence:
    """One thing that was looked at. ``link`` is where to look further.

    ``step`` is its key in the plan of the service. What is awaited says ``until`` when, as ISO 8601; it is
    inconclusive up to then.
    """

    what: str
    verdict: Verdict
    said: str
    link: str = ""
    step: str = ""
    until: str = ""


def overall(verdict: Verdict, reason: str, evidence: Sequence[Evidence]) -> tuple[Verdict, str]:
    """The verdict of the metrics and of the rest: what failed, else what is not known, else what the metrics said."""
    for one in (Verdict.FAILED, Verdict.INCONCLUSIVE):
        of_metrics = [reason] if verdict is one else []
        others = [f"{found.what}: {found.said}" for found in evidence if found.verdict is one]
        if of_metrics or others:
            return one, "; ".join([*of_metrics, *others])
    return Verdict.PASSED, reason
