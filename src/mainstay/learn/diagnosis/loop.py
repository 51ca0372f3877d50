"""What the worker does for the diagnosis: looks at live incidents soon after they open, and again as they go on."""

import logging
from datetime import timedelta

from mainstay.core import clock
from mainstay.core.access import SYSTEM
from mainstay.core.settings import current
from mainstay.learn.diagnosis import services
from mainstay.observe.telemetry.services import TelemetryError
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import Incident

log = logging.getLogger(__name__)

# Ages at which an incident is looked at: soon, and when more is known of it.
LOOKS = tuple(timedelta(seconds=one) for one in (3, 20, 60, 180, 600, 1200))


class Diagnoses:
    """Diagnoses live incidents, one a round. After a restart it looks once more, which does no harm."""

    def __init__(self) -> None:
        self._looked: dict[int, int] = {}

    def run_due(self) -> int:
        """Look at one incident, the most urgent of those that are due. Returns how many were looked at."""
        if not current().diagnosis_enabled:
            return 0
        now = clock.now()
        young = Incident.objects.filter(
            state__in=incidents.LIVE, opened_at__gte=now - 2 * LOOKS[-1], service__isnull=False
        )
        live = list(young.select_related("service").order_by("priority", "opened_at")[:500])
        self._looked = {one.pk: self._looked.get(one.pk, 0) for one in live}
        for one in live:
            looks = sum(1 for age in LOOKS if one.opened_at + age <= now)
            if looks > self._looked[one.pk]:
                self._looked[one.pk] = looks
                self._look(one)
                return 1
        return 0

    def _look(self, incident: Incident) -> None:
        try:
            services.look(SYSTEM, incident)
        except TelemetryError as error:
            # The next look asks again.
            log.info("%s could not be diagnosed: %s", incident, error)
