"""What is said of a release: the verdict, and for each metric why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Whether a release did harm. What cannot be told is never called passed."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


class Reason(StrEnum):
    """Why, by name."""

    NO_HARM = "no harm seen"
    NOT_HARMFUL = "its direction says nothing of harm"
    BETTER = "better than before"
    TOO_SMALL = "the shift is too small to matter"
    TRAFFIC = "explained by the traffic"
    SEASON = "as at this hour in earlier weeks"
    SETTLED = "settled after the release"
    WORSE = "worse than before"
    NEW_ERRORS = "errors that were not there before"
    ONE_INSTANCE = "worse on one instance of several"
    TRAFFIC_LOST = "its traffic fell, and that of the others did not"
    STOPPED = "stopped reporting"
    GONE = "no longer reported"
    TOO_LITTLE = "too little data"
    TOO_FEW_REQUESTS = "too little traffic"
    SUSPECTED = "looks worse, and the data are too few or too unsteady to be sure"
    NOTHING_JUDGED = "nothing could be judged"


@dataclass(frozen=True)
class Limits:
    """From where on a shift counts. Shares are relative to before; ``delta`` is Cliff's."""

    false_discovery: float = 0.01
    warm_up_seconds: float = 300.0
    warm_up_share: float = 0.25
    least_blocks: int = 10
    least_seconds: float = 360.0
    least_requests: float = 50.0
    error_share: float = 0.005
    callers_share: float = 0.02
    least_errors: float = 5.0
    least_latency: float = 0.002


@dataclass(frozen=True)
class Finding:
    """One metric of one service, on one instance or (``*``) over all.

    ``effect`` is the shift relative to before, ``delta`` is Cliff's delta with harm as positive, ``confidence`` is one
    minus the chance of being wrong as far as the tests can say.
    """

    service: str
    instance: str
    metric: str
    kind: str
    verdict: Verdict
    reason: Reason
    before: float | None
    after: float | None
    effect: float | None
    delta: float | None
    confidence: float


@dataclass(frozen=True)
class Judgement:
    """The verdict over all metrics. ``reason`` names what decided it."""

    verdict: Verdict
    reason: str
    confidence: float
    findings: Sequence[Finding]
    counts: Mapping[str, int]
