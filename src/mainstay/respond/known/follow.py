"""What is asked after an incident has opened: log templates of known errors, and which known errors are similar."""

import logging
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction

from mainstay.catalog.known import services as catalog
from mainstay.catalog.known.index import Recognised
from mainstay.catalog.known.signature import Symptom
from mainstay.core import clock
from mainstay.core.access import SYSTEM
from mainstay.core.settings import current
from mainstay.observe.logs.seen import around
from mainstay.observe.logs.whatchanged import LEAD
from mainstay.observe.telemetry.services import TelemetryError
from mainstay.respond.alerts import services as alerts
from mainstay.respond.incidents import known
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import Incident
from mainstay.respond.known import guess

log = logging.getLogger(__name__)

# Ages at which an incident is looked at: lines are on their way for a while, and some come late.
LOOKS = tuple(timedelta(seconds=one) for one in (2, 6, 12, 25, 60, 120, 300, 600, 1800, 3600))
# From this age on there is enough to be similar to.
GUESSED_FROM = timedelta(seconds=12)
_AT_ONCE = 50


class Follow:
    """Looks at live incidents again as they grow older. After a restart it looks once more, which does no harm."""

    def __init__(self) -> None:
        self._looked: dict[int, int] = {}

    def run_due(self) -> int:
        """Look at those whose time has come. Returns how many."""
        # Made ready here when they have changed, so that the next alert finds them ready.
        catalog.compiled()
        now, longest = clock.now(), timedelta(minutes=current().known_error_log_minutes)
        young = Incident.objects.filter(state__in=incidents.LIVE, opened_at__gte=now - longest)
        live = list(young.select_related("service").order_by("-opened_at")[:1000])
        self._looked = {one.pk: self._looked.get(one.pk, 0) for one in live}
        due = []
        for one in live:
            looks = sum(1 for age in LOOKS if one.opened_at + age <= now)
            if looks > self._looked[one.pk]:
                due.append((one, looks))
        for one, looks in due[:_AT_ONCE]:
            self._look(one)
            self._looked[one.pk] = looks
        return max(len(due) - _AT_ONCE, 0)

    def _look(self, incident: Incident) -> None:
        try:
            look(incident)
        except TelemetryError as error:
            # The next look asks again.
            log.info("%s could not be held against log lines: %s", incident, error)


def look(incident: Incident) -> None:
    """Hold an incident against what log lines and likeness tell. Raises ``TelemetryError``."""
    symptoms = alerts.symptoms_of(incident)
    found, seen = by_log(incident, symptoms)
    if found:
        with transaction.atomic():
            locked = Incident.objects.select_for_update().get(pk=incident.pk)
            known.offer(locked, found, seen)
    if clock.now() - incident.opened_at >= GUESSED_FROM:
        guess.look(incident, symptoms)


def by_log(incident: Incident, symptoms: Sequence[Symptom]) -> tuple[list[Recognised], dict[int, str]]:
    """The known errors whose log template was written around the beginning and whose other parts an alert fits.

    Beside them, by number, what was seen, as a reason says it.
    """
    fitting: dict[int, Recognised] = {}
    index = catalog.compiled().with_log
    for symptom in symptoms:
        for one in index.match(symptom):
            fitting.setdefault(one.signature.pk, one)
    if not fitting or incident.service is None:
        return [], {}
    start = incident.started_at - LEAD
    end = min(clock.now(), incident.opened_at + timedelta(minutes=current().known_error_log_minutes))
    wanted = {one.signature.log for one in fitting.values()}
    written = around.seen_of(SYSTEM, [incident.service.key], start, end, wanted)
    found = [one for one in fitting.values() if one.signature.log in written]
    return sorted(found, key=lambda one: one.rank), {
        one.signature.pk: f"log “{written[one.signature.log]}”" for one in found
    }
