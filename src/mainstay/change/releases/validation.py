"""What is looked at beside the metrics: alerts, checks, log lines and the versions that run, each with what it said."""

from collections.abc import Iterator
from datetime import datetime

from mainstay.change.releases.domain import Spans
from mainstay.change.releases.evidence import Evidence
from mainstay.change.releases.judge import Verdict
from mainstay.change.releases.models import Release
from mainstay.core.access import Actor
from mainstay.core.settings import current
from mainstay.observe.checks import services as checks
from mainstay.observe.checks.domain import State as CheckState
from mainstay.observe.logs import whatchanged
from mainstay.observe.telemetry import services as telemetry
from mainstay.respond.alerts import services as alerts
from mainstay.respond.alerts.models import Alert

# Lines of these levels count.
_GRAVE = ("error", "fatal")
# The source of the alert that a release failed. It is a verdict, and no evidence of the next one.
ALERTS = "release"


def look(actor: Actor, release: Release, spans: Spans) -> list[Evidence]:
    """Everything that is known of the service beside its metrics. Raises ``TelemetryError``."""
    since = spans.after[0]
    found = [*_alerts(actor, release, spans.before[1]), *_checks(actor, release, spans.before[1], since)]
    return [*found, *_logs(actor, release, spans), *_versions(release, since)]


def _alerts(actor: Actor, release: Release, started: datetime) -> Iterator[Evidence]:
    found = alerts.visible(actor).filter(service=release.service, starts_at__gte=started).exclude(source=ALERTS)
    firing = list(found.filter(state=Alert.State.FIRING).order_by("starts_at")[:50])
    for one in firing:
        yield Evidence(f"alert {one.name}", Verdict.FAILED, "fires since the release", f"/alerts/{one.pk}")
    if not firing:
        yield Evidence("alerts", Verdict.PASSED, "none fires that began with the release")


def _checks(actor: Actor, release: Release, started: datetime, since: datetime) -> Iterator[Evidence]:
    for one in checks.visible(actor).filter(service=release.service, enabled=True):
        what, link = f"check {one.key}", f"/checks/{one.key}"
        if one.last_at is None or one.last_at < since:
            yield Evidence(what, Verdict.INCONCLUSIVE, "has not run since", link)
        elif one.state == CheckState.OK:
            yield Evidence(what, Verdict.PASSED, one.last_text[:200], link)
        elif one.state_since is not None and one.state_since >= started:
            yield Evidence(what, Verdict.FAILED, one.last_text[:200], link)
        else:
            yield Evidence(what, Verdict.INCONCLUSIVE, f"was not well before either: {one.last_text[:160]}", link)


def _logs(actor: Actor, release: Release, spans: Spans) -> Iterator[Evidence]:
    window = whatchanged.Window(*spans.after)
    if not window.seconds:
        return
    found = whatchanged.what_changed(actor, [release.service.key], window, "release", spans.before[1])
    if not found.lines:
        return
    grave = [one for one in found.changes if one.level in _GRAVE]
    new = [one for one in grave if one.kind == "new" and one.during >= current().release_log_new]
    more = [one for one in grave if one.kind == "more" and one.during >= _many(one.expected)]
    for one in [*new, *more]:
        word = "is new" if one.kind == "new" else "is written more often"
        said = f"{word}, {one.during} lines: {(one.example or one.template)[:160]}"
        yield Evidence(f"{one.level} lines", Verdict.FAILED, said, f"/logs/patterns/{one.pattern}")
    if not new and not more:
        yield Evidence("log lines", Verdict.PASSED, f"no new or more frequent errors in {found.lines} lines")


def _many(expected: float) -> float:
    """From how many lines on a pattern that was there before is written too often."""
    return max(float(current().release_log_more), float(current().release_log_times) * expected)


def _versions(release: Release, since: datetime) -> Iterator[Evidence]:
    """Instances that report their version: the old one is not to be among them."""
    if not release.previous:
        return
    rows = telemetry.rows(
        "SELECT DISTINCT s.labels['instance'], s.labels['version'] FROM series AS s FINAL "
        "WHERE s.labels['service'] = {service:String} AND endsWith(s.name, 'build_info') AND s.id IN "
        "(SELECT series_id FROM samples WHERE time > fromUnixTimestamp64Milli({since:Int64}) + INTERVAL 1 MINUTE)",
        {"service": release.service.key, "since": int(since.timestamp() * 1000)},
    )
    old = sorted(str(instance) for instance, version in rows if _bare(version) == _bare(release.previous))
    if old:
        yield Evidence("versions", Verdict.FAILED, f"{release.previous} still runs on {', '.join(old)}")
    elif any(_bare(version) == _bare(release.version) for _, version in rows):
        yield Evidence("versions", Verdict.PASSED, f"all report {release.version}")


def _bare(version: str) -> str:
    return str(version).removeprefix("v")
