"""What can be done with remedies: see them, run those that are due, trip and re-arm them."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet

from mainstay.core import audit, clock, feed, locks, people
from mainstay.core.access import SYSTEM, Actor, Right, require
from mainstay.core.models import Role
from mainstay.core.problems import ProblemError, bad_request, not_found
from mainstay.core.settings import current
from mainstay.respond.alerts.models import Alert
from mainstay.respond.incidents.models import Incident, State
from mainstay.respond.timeline import services as timeline
from mainstay.restore.runbooks import books, hosts, services
from mainstay.restore.runbooks.models import Remedy, RemedyUse, Run
from mainstay.restore.runbooks.remedies import domain

_HOUR = timedelta(hours=1)
# An incident that is older is one that people are at.
_FRESH = timedelta(hours=1)
_LIVE = (State.OPEN, State.ACKNOWLEDGED)


def visible(actor: Actor) -> QuerySet[Remedy]:
    """The one door to remedies, by key."""
    require(actor, Right.READ)
    return Remedy.objects.order_by("key")


@transaction.atomic
def rearm(actor: Actor, key: str, reason: str) -> None:
    """Close the breaker again, by hand and with a reason."""
    require(actor, Right.MAINTAIN)
    remedy = _locked(key)
    if remedy.tripped_at is None:
        raise ProblemError(409, "Not possible", f"The breaker of {key} is closed.")
    if not reason.strip():
        raise bad_request("write what was found, and why it may run by itself again", "reason")
    # What it ran before counts no more: whoever re-arms it has looked into that.
    Remedy.objects.filter(pk=remedy.pk).update(tripped_at=None, tripped_why="", rearmed_at=clock.now())
    remedy.uses.update(settled=True)
    audit.record(actor, "remedy.rearm", f"remedy {key}", reason=reason.strip()[:500], was=remedy.tripped_why)
    feed.tell("remedy", key)


@transaction.atomic
def switch(actor: Actor, key: str, *, enabled: bool) -> None:
    """Let a remedy run by itself, or not any more. Its breaker stays as it is."""
    require(actor, Right.MAINTAIN)
    remedy = _locked(key)
    Remedy.objects.filter(pk=remedy.pk).update(enabled=enabled)
    audit.record(actor, "remedy.enable" if enabled else "remedy.disable", f"remedy {key}")
    feed.tell("remedy", key)


def _locked(key: str) -> Remedy:
    remedy = Remedy.objects.select_for_update().filter(key=key).first()
    if remedy is None:
        raise not_found(f"remedy {key}")
    return remedy


def run_due() -> int:
    """One round of the worker. Returns how many runs were begun."""
    _settle()
    begun = 0
    for remedy in Remedy.objects.filter(enabled=True):
        for incident in list(_asking(remedy)):
            begun += _consider(remedy.pk, incident)
    return begun


def fitting(actor: Actor, incident: Incident) -> list[str]:
    """Keys of the books that remedies would run for an incident, switched on or not."""
    known = Q(known_error=incident.known_error.key) if incident.known_error else Q(pk=None)
    rules = Alert.objects.filter(incident=incident, rule__isnull=False).values("rule__key")
    return list(visible(actor).filter(known | Q(rule__in=rules)).values_list("runbook", flat=True))


def _asking(remedy: Remedy) -> Iterator[Incident]:
    """Live incidents that this remedy is for and was not asked for before."""
    live = Incident.objects.filter(state__in=_LIVE, opened_at__gt=clock.now() - _FRESH)
    if remedy.known_error:
        live = live.filter(known_error__key=remedy.known_error)
    else:
        live = live.filter(alerts__rule__key=remedy.rule, alerts__state=Alert.State.FIRING).distinct()
    done = RemedyUse.objects.filter(remedy=remedy).values("incident")
    yield from live.exclude(pk__in=done).order_by("pk")


@transaction.atomic
def _consider(number: int, incident: Incident) -> int:
    """Decide about one incident, and act on it, in one transaction that no other worker makes meanwhile."""
    locks.one_at_a_time("remedies")
    remedy = Remedy.objects.select_for_update().get(pk=number)
    if RemedyUse.objects.filter(remedy=remedy, incident=incident).exists():
        return 0
    use = RemedyUse(remedy=remedy, incident=incident, at=clock.now(), settled=True)
    limits = domain.Limits(remedy.per_hour, remedy.per_target, current().runbook_auto_per_hour)
    try:
        labels = _labels(incident)
        use.targets = _targets(remedy, labels)
        decision = domain.decide(_seen(remedy, use.targets), limits)
        if decision.what == domain.RUN:
            with transaction.atomic():
                use.run, use.settled = _begin(remedy, incident, labels, use.targets), False
    except ProblemError as error:
        decision = domain.Decision(domain.TRIP, error.detail)
    use.reason = decision.reason[:2000]
    use.save()
    if decision.what == domain.TRIP:
        trip(remedy, decision.reason)
    does = f"runs by itself, as {use.run}" if use.run else "does not run by itself"
    timeline.record(incident.pk, "remedy", f"{remedy.name} {does}: {decision.reason}")
    return int(use.run is not None)


def _labels(incident: Incident) -> dict[str, str]:
    """Labels of the alerts of an incident, the newest last."""
    found: dict[str, str] = {}
    for labels in Alert.objects.filter(incident=incident).order_by("starts_at").values_list("labels", flat=True):
        found |= labels
    return found


def _targets(remedy: Remedy, labels: dict[str, str]) -> list[str]:
    """The machines that a run would take. Raises ``ProblemError``."""
    book = books.content(SYSTEM, remedy.runbook)
    if not book.targets:
        return []
    named = [labels.get(remedy.target_label, "")] if remedy.target_label else list(remedy.targets)
    return hosts.chosen(SYSTEM, book, named or None)


def _seen(remedy: Remedy, targets: list[str]) -> domain.Seen:
    recent = counted(RemedyUse.objects.all())
    counts = Counter(key for used in recent.values_list("targets", flat=True) for key in used)
    return domain.Seen(
        tripped=remedy.tripped_why if remedy.tripped_at else "",
        enabled=remedy.enabled,
        runs=recent.filter(remedy=remedy).count(),
        targets={key: counts[key] for key in targets},
        together=recent.count(),
    )


def counted(uses: QuerySet[RemedyUse]) -> QuerySet[RemedyUse]:
    """Those of the last hour that limits are about: they have a run, and nobody has looked into them since."""
    fresh = Q(remedy__rearmed_at=None) | Q(at__gt=F("remedy__rearmed_at"))
    return uses.filter(fresh, at__gt=clock.now() - _HOUR, run__isnull=False)


def _begin(remedy: Remedy, incident: Incident, labels: dict[str, str], targets: list[str]) -> Run:
    """A run of the book, with what the labels give it."""
    inputs = {
        name: labels.get(one["label"], "") if isinstance(one, dict) else one for name, one in remedy.inputs.items()
    }
    made = services.begin(
        SYSTEM,
        remedy.runbook,
        inputs,
        targets=targets or None,
        reason=f"{remedy.asks_for} in {incident}",
        incident=incident.pk,
        automatic=f"remedy {remedy.key}",
    )
    audit.record(SYSTEM, "remedy.run", f"remedy {remedy.key}", run=str(made), incident=str(incident), inputs=inputs)
    return made


def _settle() -> None:
    """Look at runs that have ended: one that did not help opens the breaker."""
    for use in RemedyUse.objects.filter(settled=False).select_related("run", "remedy"):
        after = (
            domain.after(use.run.state, use.run.state_reason)
            if use.run
            else domain.Decision(domain.TRIP, "its run is gone")
        )
        if after is None:
            continue
        with transaction.atomic():
            if RemedyUse.objects.filter(pk=use.pk, settled=False).update(settled=True) and after.what == domain.TRIP:
                trip(use.remedy, after.reason)


def trip(remedy: Remedy, reason: str) -> None:
    """Open the breaker: it does not run by itself until a person re-arms it. Maintainers are told."""
    if not Remedy.objects.filter(pk=remedy.pk, tripped_at=None).update(
        tripped_at=clock.now(), tripped_why=reason[:2000]
    ):
        return
    audit.record(SYSTEM, "remedy.trip", f"remedy {remedy.key}", reason=reason[:500])
    feed.tell("remedy", remedy.key)
    for person in people.visible(SYSTEM).filter(role__in=(Role.MAINTAINER, Role.ADMIN)):
        subject = f"{remedy.name} runs no more by itself: {reason}"[:300]
        detail: dict[str, Any] = {"key": f"remedy-{remedy.key}", "subject": subject, "link": f"/remedies/{remedy.key}"}
        feed.tell("page", "remedy", person_id=person.pk, **detail)
