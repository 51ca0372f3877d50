"""What the worker does for releases: judge those that were watched long enough, and look at what they await."""

import logging
import time
from datetime import timedelta

from mainstay.change.releases import carried, domain, services
from mainstay.change.releases.models import Release
from mainstay.core import clock
from mainstay.core.access import SYSTEM
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.observe.telemetry.client import TelemetryError

log = logging.getLogger(__name__)
# Seconds after which a round begins no further release: a plan may take as long as its setting says.
_ROUND = 60.0


def run_due() -> int:
    """One round. Returns how many were judged. What the store cannot answer now is asked again in the next round."""
    watch, done = timedelta(minutes=current().release_watch_minutes), 0
    carried.settle()
    began = time.monotonic()
    for release in Release.objects.exclude(asked_at=None).order_by("asked_at"):
        if time.monotonic() - began > _ROUND:
            return done
        done += _judge(release)
    for release in Release.objects.filter(state=Release.State.WATCHED).order_by("finished_at"):
        if time.monotonic() - began > _ROUND:
            break
        if release.judged_at is not None:
            done += services.settle(release.pk)
        elif release.finished_at is not None and domain.due(release.finished_at, clock.now(), watch):
            done += _judge(release)
    return done


def _judge(release: Release) -> bool:
    try:
        services.verify(SYSTEM, release.pk)
    except TelemetryError as error:
        log.warning("%s is not judged yet: %s", release, error)
        return False
    except ProblemError as error:
        # It was rolled back meanwhile, say; nobody waits for its verdict then.
        log.info("%s is not judged: %s", release, error)
        Release.objects.filter(pk=release.pk).update(asked_at=None)
        return False
    return True
