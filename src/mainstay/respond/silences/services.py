"""Make silences, end them, and say which holds: the one door to them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from mainstay.catalog.calendar.entries import REACHES
from mainstay.catalog.domain import covered
from mainstay.catalog.models import Service
from mainstay.core import audit, clock, feed
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import ProblemError, bad_request, not_found
from mainstay.core.settings import current
from mainstay.respond.silences import domain
from mainstay.respond.silences.models import Silence


@dataclass(frozen=True)
class Wanted:
    """A silence that somebody asks for. Without a beginning it begins now."""

    reason: str
    ends_at: datetime
    services: frozenset[str] = frozenset()
    labels: Mapping[str, str] | None = None
    reach: str = "alone"
    starts_at: datetime | None = None
    work: str = ""


def visible(actor: Actor) -> QuerySet[Silence]:
    """The one door to silences, those that end last first."""
    require(actor, Right.READ)
    return Silence.objects.prefetch_related("services").order_by("-ends_at", "-pk")


def get(actor: Actor, number: int) -> Silence:
    """One silence."""
    found = visible(actor).filter(pk=number).first()
    if found is None:
        raise not_found(f"silence {number}")
    return found


def not_over(found: QuerySet[Silence], now: datetime) -> QuerySet[Silence]:
    """Those that hold or are still to come."""
    return found.filter(ended_at=None, ends_at__gt=now)


def with_held(found: QuerySet[Silence]) -> QuerySet[Silence]:
    """The same, each with ``held``: how many alerts that fire it keeps quiet."""
    return found.annotate(held=Count("alerts", filter=Q(alerts__state="firing", alerts__incident=None)))


@transaction.atomic
def make(actor: Actor, wanted: Wanted) -> Silence:
    """Keep alerts quiet for a while. Raises ``ProblemError`` that names the field."""
    require(actor, Right.RESPOND)
    now = clock.now()
    starts_at = max(wanted.starts_at or now, now)
    labels = {name.strip(): value.strip() for name, value in (wanted.labels or {}).items()}
    _check(wanted, labels, starts_at)
    services = _known(wanted.services)
    row = Silence.objects.create(
        reach=wanted.reach,
        anywhere=not wanted.services,
        labels=labels,
        reason=wanted.reason.strip()[:2000],
        starts_at=starts_at,
        ends_at=wanted.ends_at,
        person_id=actor.person_id,
        made_by=actor.name,
        work=wanted.work,
    )
    row.services.set(services)
    audit.record(
        actor,
        "silence.make",
        str(row),
        services=sorted(wanted.services),
        reach=wanted.reach,
        labels=labels,
        until=wanted.ends_at.isoformat(),
        reason=row.reason,
        work=wanted.work,
    )
    feed.tell("alerts")
    return row


def _check(wanted: Wanted, labels: Mapping[str, str], starts_at: datetime) -> None:
    if not wanted.services and not labels:
        raise bad_request("name a service or a label: a silence over everything would hide everything", "services")
    if any(not name or not value for name, value in labels.items()):
        raise bad_request("write each label as name=value", "labels")
    if wanted.reach not in REACHES:
        raise bad_request(f"write one of {', '.join(REACHES)}", "reach")
    if not wanted.reason.strip():
        raise bad_request("write why, for whoever looks for the alert meanwhile", "reason")
    if wanted.ends_at <= starts_at:
        raise bad_request("it ends before it begins", "ends_at")
    longest = timedelta(hours=current().silence_max_hours)
    if wanted.ends_at - starts_at > longest:
        detail = f"a silence lasts at most {current().silence_max_hours} hours; make a new one then"
        raise bad_request(detail, "ends_at")


def _known(keys: Collection[str]) -> list[Service]:
    found = {one.key: one for one in Service.objects.filter(key__in=keys)}
    missing = sorted(set(keys) - set(found))
    if missing:
        raise bad_request(f"there is no service {missing[0]!r}", "services")
    return list(found.values())


@transaction.atomic
def end(actor: Actor, number: int) -> None:
    """Let its alerts be heard again from now on."""
    require(actor, Right.RESPOND)
    row = Silence.objects.select_for_update().filter(pk=number).first()
    if row is None:
        raise not_found(f"silence {number}")
    now = clock.now()
    if row.ended_at is not None or row.ends_at <= now:
        raise ProblemError(409, "Over already", f"Silence {number} does not hold any more.")
    row.ended_at = now
    row.save(update_fields=["ended_at"])
    audit.record(actor, "silence.end", str(row), reason=row.reason[:500])
    feed.tell("alerts")


def holding(now: datetime, dependencies: Sequence[tuple[str, str]]) -> list[domain.Quiet]:
    """Silences that hold now, with the services that each covers by the calls between them. Two queries."""
    rows = Silence.objects.filter(ended_at=None, starts_at__lte=now, ends_at__gt=now).prefetch_related("services")
    found = []
    for row in rows:
        named = frozenset(one.key for one in row.services.all())
        if not named and not row.anywhere:
            continue  # Its services have left the catalog: it covers nothing, and not everything.
        found.append(
            domain.Quiet(
                row.pk,
                covered(named, row.reach, dependencies),
                row.labels,
                row.starts_at,
                row.ends_at,
            )
        )
    return found


def over(now: datetime) -> Q:
    """The condition on an alert that its silence is over."""
    return Q(silence__ends_at__lte=now) | Q(silence__ended_at__isnull=False)
