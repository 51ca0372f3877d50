"""What runs, with which configuration, and what was changed: of the services around an incident."""

from datetime import timedelta
from typing import Final

from mainstay.change.configs import services as configs
from mainstay.change.configs.models import Snapshot, Source
from mainstay.change.releases import services as releases
from mainstay.change.releases.models import Release
from mainstay.core.settings import current
from mainstay.learn.escalation.gather.scene import Row, Scene, moment, stamp
from mainstay.observe.changes import services as changes
from mainstay.observe.changes.services import ChangeEvent

# So far back the version that runs is looked for in what pipelines told.
_VERSIONS_HOURS: Final = 24.0 * 90
_MOST: Final = 50
_DIFFERENCE: Final = 20_000


def versions(scene: Scene) -> list[Row]:
    """The version of each service in the window: of its last release, else of the last deployment that was told."""
    end = scene.window.end
    found: dict[str, Row] = {}
    rows = releases.visible(scene.actor).filter(service__key__in=scene.services, started_at__lte=end)
    for release in rows.order_by("-started_at")[: 10 * _MOST]:
        found.setdefault(release.service.key, _of_release(release))
    for event in changes.recent(scene.actor, scene.services, end, _VERSIONS_HOURS):
        if event.version:
            found.setdefault(event.service, _of_event(event))
    return [found[one] for one in scene.services if one in found][:_MOST]


def _of_release(release: Release) -> Row:
    undone = release.state in {Release.State.ROLLED_BACK, Release.State.BROKEN_OFF}
    return {
        "service": release.service.key,
        "version": release.previous if undone and release.previous else release.version,
        "previous": release.version if undone else release.previous,
        "since": stamp(release.ended_at if undone else release.started_at),
        "told_by": f"{release}, {release.get_state_display().lower()}",
    }


def _of_event(event: ChangeEvent) -> Row:
    return {
        "service": event.service,
        "version": event.version,
        "previous": "",
        "since": stamp(event.time),
        "told_by": f"{event.kind} {event.id}",
    }


def configuration(scene: Scene) -> list[Row]:
    """What is watched of the configuration of these services: when it was seen, and when it last changed."""
    found = configs.visible(scene.actor).filter(service__key__in=scene.services)
    return [_of_source(scene, source) for source in found[:_MOST]]


def _of_source(scene: Scene, source: Source) -> Row:
    then = configs.snapshots(scene.actor, source).filter(at__lte=scene.window.end)
    row: Snapshot | None = then.first()
    return {
        "service": source.service.key if source.service else "",
        "source": source.name,
        "seen": stamp(source.looked_at),
        "changed": stamp(row.at) if row else "",
        "summary": row.summary if row else "",
        "digest": row.digest if row else "",
    }


def differences(scene: Scene) -> list[Row]:
    """Every change of the day before with what differs, the latest first. Configuration tells its own the same way."""
    latest = sorted(scene.case.changes or (), key=lambda change: -change.time)[: current().escalation_changes]
    return [
        {
            "time": stamp(moment(one.time)),
            "service": one.service,
            "kind": one.kind,
            "id": one.id,
            "summary": one.summary,
            "diff": one.diff[:_DIFFERENCE],
            "cut": max(len(one.diff) - _DIFFERENCE, 0),
        }
        for one in latest
    ]


def since_then(scene: Scene) -> list[str]:
    """What was changed after it began, as sentences: roll-backs above all."""
    began, end = scene.incident.started_at, scene.now
    hours = max((end - began) / timedelta(hours=1), 0.02)
    found = changes.recent(scene.actor, scene.services, end, hours)
    return [f"{stamp(one.time)}: {one.kind} of {one.service}, {one.summary or one.id}" for one in reversed(found)][:20]
