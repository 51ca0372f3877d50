"""The verdict on a release: what its service says of itself, what is looked at beside that, and what is awaited."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction

from mainstay.change.releases import domain, follow, record, telemetry, validation
from mainstay.change.releases.domain import Act, Spans
from mainstay.change.releases.evidence import Evidence, overall
from mainstay.change.releases.judge import Finding, Judgement, Limits, Verdict, judge
from mainstay.change.releases.models import Release
from mainstay.change.releases.plans import services as plans
from mainstay.core import clock, doorbell
from mainstay.core.access import SYSTEM, Actor, Right, require
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current

State = Release.State
# As many findings and pieces of evidence are kept with a release, the worst first.
KEPT = 200
_STATES = {Verdict.PASSED: State.PASSED, Verdict.FAILED: State.FAILED, Verdict.INCONCLUSIVE: State.INCONCLUSIVE}


@dataclass(frozen=True)
class _Metrics:
    """What the metrics alone said."""

    verdict: Verdict
    reason: str
    confidence: float | None


def verify(actor: Actor, number: int) -> Release:
    """Judge it by what its service said of itself up to now. Raises ``TelemetryError`` when the store does not answer.

    The samples are read and judged, and the plan is carried out, before the transaction, which would else be held for
    minutes.
    """
    require(actor, Right.RESPOND)
    release = record.get(actor, number)
    allowed = domain.step(domain.State(release.state), Act.VERIFY)
    if not allowed.allowed or release.started_at is None or release.finished_at is None:
        raise ProblemError(409, "Not possible", f"{release}: {allowed.reason or 'it has not finished'}.")
    conf = current()
    watch, before = timedelta(minutes=conf.release_watch_minutes), timedelta(minutes=conf.release_before_minutes)
    started, finished = release.started_at, release.finished_at
    spans = domain.spans(started, finished, clock.now(), watch, before, conf.release_season_weeks)
    said, evidence = _judged(release, spans), validation.look(actor, release, spans)
    evidence += plans.carry_out(actor, release)
    with transaction.atomic():
        fresh = record.locked(actor, number, Act.VERIFY)
        fresh.counts, fresh.findings = dict(said.counts), [_plain(one) for one in said.findings[:KEPT]]
        _keep(actor, fresh, _Metrics(said.verdict, said.reason, said.confidence), evidence)
    return fresh


@transaction.atomic
def ask(actor: Actor, number: int) -> Release:
    """Ask for a verdict now; the worker gives it. Asked twice, it is judged once."""
    release = record.locked(actor, number, Act.VERIFY)
    if release.asked_at is None:
        release.asked_at = clock.now()
        release.save(update_fields=["asked_at"])
        record.note(actor, release, "ask", f"{actor.name} asks for a verdict now")
        transaction.on_commit(lambda: doorbell.ring(doorbell.RELEASES))
    return release


def _judged(release: Release, spans: Spans) -> Judgement:
    key = release.service.key
    seasons = [frame for span in spans.seasons if (frame := telemetry.samples(key, span)).height]
    return judge(telemetry.samples(key, spans.before), telemetry.samples(key, spans.after), seasons, limits())


def limits() -> Limits:
    """From where on a shift counts here."""
    conf = current()
    return Limits(
        least_requests=float(conf.release_least_requests),
        least_seconds=60.0 * conf.release_least_minutes,
        warm_up_seconds=60.0 * conf.release_warm_up_minutes,
        error_share=conf.release_error_share,
        least_latency=conf.release_least_latency_ms / 1000,
    )


def settle(number: int) -> bool:
    """Look again at what a release awaits. Whether something came, or did not come in time, so that it is judged anew.

    What was said of the rest stays: the night after is no longer the release's doing.
    """
    release = record.get(SYSTEM, number)
    before = [Evidence(**{**one, "verdict": Verdict(one["verdict"])}) for one in release.evidence]
    if release.finished_at is None or not any(one.until for one in before):
        return False
    finished = release.finished_at
    after = [plans.look_again(SYSTEM, release, one, finished) if one.until else one for one in before]
    if [one.until for one in after] == [one.until for one in before]:
        return False
    with transaction.atomic():
        fresh = record.locked(SYSTEM, number, Act.VERIFY)
        if fresh.judged_at != release.judged_at or fresh.state != State.WATCHED:
            return False
        kept = fresh.metrics or {}
        metrics = _Metrics(Verdict(kept["verdict"]), kept["reason"], kept["confidence"])
        _keep(SYSTEM, fresh, metrics, after)
    return True


def _keep(actor: Actor, release: Release, metrics: _Metrics, evidence: Sequence[Evidence]) -> None:
    before = release.state
    verdict, reason = overall(metrics.verdict, metrics.reason, evidence)
    awaited = verdict is not Verdict.FAILED and any(one.until for one in evidence)
    release.state = State.WATCHED if awaited else _STATES[verdict]
    release.verdict, release.reason = str(verdict), reason
    release.confidence = metrics.confidence if verdict is metrics.verdict else None
    release.evidence, release.metrics = [_plain(one) for one in evidence[:KEPT]], _plain(metrics)
    release.judged_at, release.asked_at = clock.now(), None
    release.save()
    more = "; it stays under watch" if awaited else ""
    record.note(actor, release, "judge", f"Judged: {verdict}, {reason}{more}", verdict=str(verdict))
    if before == State.FAILED or verdict is Verdict.FAILED:
        record.alert(release, reason, ends=verdict is not Verdict.FAILED)
    if release.state != before:
        follow.verdict_changed(release)


def _plain(one: Finding | Evidence | _Metrics) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, str) else value for name, value in asdict(one).items()}
