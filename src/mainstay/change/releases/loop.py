"""What the worker does for releases: judge those that were watched long enough."""

import logging
from datetime import timedelta

from mainstay.change.releases import domain, services
from mainstay.change.releases.models import Release
from mainstay.core import clock
from mainstay.core.access import SYSTEM
from mainstay.core.settings import current
from mainstay.observe.telemetry.client import TelemetryError

log = logging.getLogger(__name__)


def run_due() -> int:
    """One round. Returns how many were judged. What the store cannot answer now is asked again in the next round."""
    watch, done = timedelta(minutes=current().release_watch_minutes), 0
    for release in Release.objects.filter(state=Release.State.WATCHED):
        if release.finished_at is None or not domain.due(release.finished_at, clock.now(), watch):
            continue
        try:
            services.verify(SYSTEM, release.pk)
        except TelemetryError as error:
            log.warning("%s is not judged yet: %s", release, error)
            continue
        done += 1
    return done
