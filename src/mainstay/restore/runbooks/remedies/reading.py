"""What remedies did and may still do: for the screen, the API and the incident."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Max, QuerySet

from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import not_found
from mainstay.core.settings import current
from mainstay.restore.runbooks.models import Remedy, RemedyUse
from mainstay.restore.runbooks.remedies import services


@dataclass(frozen=True)
class Standing:
    """A remedy, how many of its runs count within the last hour, and the last time that it was asked for."""

    remedy: Remedy
    runs: int
    last: RemedyUse | None

    @property
    def state(self) -> str:
        """``off``, ``open`` when its breaker keeps it from running, or ``armed``."""
        if not self.remedy.enabled:
            return "off"
        return "open" if self.remedy.tripped_at else "armed"


@dataclass(frozen=True)
class Together:
    """Runs of all remedies that count within the last hour, and how many may."""

    runs: int
    most: int


def every(actor: Actor) -> list[Standing]:
    """All remedies: those whose breaker is open first, those that are switched off last."""
    remedies = list(services.visible(actor))
    counts = Counter(services.counted(RemedyUse.objects.all()).values_list("remedy_id", flat=True))
    newest = {use.remedy_id: use for use in _of(_newest_of_each())}
    found = [Standing(one, counts[one.pk], newest.get(one.pk)) for one in remedies]
    return sorted(found, key=lambda one: (("open", "armed", "off").index(one.state), one.remedy.key))


def _newest_of_each() -> QuerySet[RemedyUse]:
    last = RemedyUse.objects.order_by().values("remedy").annotate(last=Max("pk")).values("last")
    return RemedyUse.objects.filter(pk__in=last)


def together(actor: Actor) -> Together:
    """How far the limit of the whole installation is used up."""
    require(actor, Right.READ)
    return Together(services.counted(RemedyUse.objects.all()).count(), current().runbook_auto_per_hour)


def one(actor: Actor, key: str) -> Standing:
    """One remedy. 404 when there is none."""
    remedy = services.visible(actor).filter(key=key).first()
    if remedy is None:
        raise not_found(f"remedy {key}")
    uses = RemedyUse.objects.filter(remedy=remedy)
    return Standing(remedy, services.counted(uses).count(), _of(uses).first())


def uses(actor: Actor, key: str = "") -> QuerySet[RemedyUse]:
    """When remedies, or one of them, were asked for, and what came of it, newest first."""
    require(actor, Right.READ)
    return _of(RemedyUse.objects.filter(remedy__key=key) if key else RemedyUse.objects.all())


def of_incident(actor: Actor, incident: int) -> QuerySet[RemedyUse]:
    """Which remedies an incident asked for, and what came of it."""
    return uses(actor).filter(incident_id=incident)


def key_of_run(actor: Actor, run: int) -> str:
    """The remedy that began a run, while it is there."""
    return uses(actor).filter(run_id=run).values_list("remedy__key", flat=True).first() or ""


def _of(found: QuerySet[RemedyUse]) -> QuerySet[RemedyUse]:
    return found.select_related("remedy", "incident", "run").order_by("-at", "-pk")
