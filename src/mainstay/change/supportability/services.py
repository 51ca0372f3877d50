"""Review services, confirm what no machine can see, and tell how it has gone. The one door to the room."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery

from mainstay.catalog import services as catalog
from mainstay.catalog.models import Service
from mainstay.change.configs import services as configs
from mainstay.change.supportability import domain
from mainstay.change.supportability.models import Confirmation, Review
from mainstay.core import audit, clock, feed
from mainstay.core.access import SYSTEM, Actor, Right, require
from mainstay.core.problems import bad_request, not_found
from mainstay.observe.checks import services as checks
from mainstay.observe.checks.domain import State as CheckState
from mainstay.observe.metrics import services as metrics
from mainstay.observe.telemetry import services as telemetry
from mainstay.observe.telemetry.services import TelemetryError
from mainstay.respond.oncall import services as oncall
from mainstay.restore.runbooks import books

# How often a review is made by itself.
EVERY = timedelta(days=30)
_DAY = timedelta(days=1)


def visible(actor: Actor) -> QuerySet[Review]:
    """The one door to reviews, the newest first."""
    require(actor, Right.READ)
    return Review.objects.select_related("service").order_by("-at", "-pk")


def of_service(actor: Actor, key: str) -> tuple[Service, QuerySet[Review]]:
    """A service with its reviews, the newest first."""
    service = catalog.visible_services(actor).filter(key=key).first()
    if service is None:
        raise not_found(f"service {key}")
    return service, visible(actor).filter(service=service)


def standing(actor: Actor) -> list[tuple[Service, int | None, datetime | None]]:
    """Every service with its last score and when that was, the worst first, those that were never reviewed last."""
    latest = Review.objects.filter(service=OuterRef("pk")).order_by("-at", "-pk")
    rows = catalog.visible_services(actor).annotate(
        last_score=Subquery(latest.values("score")[:1]), last_review=Subquery(latest.values("at")[:1])
    )
    found = [(row, row.last_score, row.last_review) for row in rows]
    return sorted(found, key=lambda one: (one[1] is None, one[1] or 0, one[0].name.lower()))


def trend(actor: Actor, service: Service, most: int = 24) -> list[Review]:
    """The last reviews, the oldest first."""
    return list(reversed(visible(actor).filter(service=service).defer("findings")[:most]))


def review(actor: Actor, key: str) -> Review:
    """Look at a service now, and keep what was found. It asks the telemetry store, so it takes a moment."""
    require(actor, Right.RESPOND)
    service, _ = of_service(actor, key)
    verdict = domain.review(_facts(service), clock.now())
    with transaction.atomic():
        row = Review.objects.create(
            service=service,
            at=clock.now(),
            made_by=actor.name,
            score=verdict.score,
            findings=[asdict(one) for one in verdict.findings],
        )
        audit.record(actor, "supportability.review", f"service {key}", score=verdict.score)
        feed.tell("supportability", key)
    return row


@transaction.atomic
def confirm(actor: Actor, key: str, point: str, text: str) -> None:
    """Say that something was done that no machine can see."""
    require(actor, Right.RESPOND)
    service, _ = of_service(actor, key)
    if point not in domain.CONFIRMED:
        raise bad_request(f"write one of {', '.join(domain.CONFIRMED)}", "point")
    if not text.strip():
        raise bad_request("write what was done, when, and where that can be read", "text")
    Confirmation.objects.create(
        service=service, point=point, text=text.strip()[:1000], at=clock.now(), made_by=actor.name
    )
    audit.record(actor, "supportability.confirm", f"service {key}", point=point, text=text.strip()[:500])


def review_due(limit: int = 5) -> int:
    """Review services whose last review is a month old; the first one is made by a person. Returns how many."""
    latest = Review.objects.filter(service=OuterRef("pk")).order_by("-at", "-pk").values("at")[:1]
    due = Service.objects.annotate(last_review=Subquery(latest)).filter(last_review__lt=clock.now() - EVERY)
    keys = list(due.order_by("last_review").values_list("key", flat=True)[:limit])
    for key in keys:
        review(SYSTEM, key)
    return len(keys)


def _facts(service: Service) -> domain.Facts:
    team = service.team
    policy, _ = oncall.policy_for(service.key, team.key if team else None)
    picture = catalog.picture()
    asked = checks.visible(SYSTEM).filter(service=service, enabled=True)
    targets = metrics.visible_targets(SYSTEM).filter(service=service, enabled=True)
    rules = metrics.visible_rules(SYSTEM).filter(service=service, enabled=True)
    known = service.known_errors.filter(retired_at=None)
    unwell = [one.key for one in asked if one.last_at and one.state != CheckState.OK]
    return domain.Facts(
        owner=team.name if team else "",
        described=bool(service.description.strip()),
        links=tuple(service.links),
        policy=policy.name if policy else "",
        policy_is_default=bool(policy and policy.is_default),
        needs=sum(caller == service.key for caller, _ in picture.dependencies),
        processes=len(picture.impact(service.key, clock.now()).hits),
        health=tuple([one.key for one in asked] + [one.key for one in targets]),
        unwell=tuple(unwell + [one.key for one in targets if one.last_error]),
        rules=rules.count(),
        rules_guided=_guided(rules, known),
        runbooks=books.offered(SYSTEM, service.key).count(),
        known_errors=known.count(),
        configurations=configs.visible(SYSTEM).filter(service=service, enabled=True).count(),
        metrics=_metrics(service.key),
        logs=_logs(service.key),
        confirmed={one.point: (one.at, f"{one.made_by}: {one.text}") for one in service.confirmations.order_by("at")},
    )


def _guided(rules: Iterable[Any], known: Iterable[Any]) -> int:
    """How many rules lead somewhere: to a known error that names them, or by an annotation."""
    named = {name for one in known for name in one.match_rules}
    hints = ("runbook", "runbook_url")
    return sum(bool({rule.key, rule.name} & named) or any(map(rule.annotations.get, hints)) for rule in rules)


_NAMES = (
    "SELECT DISTINCT name FROM series WHERE (labels['service'] = {key:String} OR labels['job'] = {key:String} "
    "OR labels['service_name'] = {key:String}) AND last_seen > fromUnixTimestamp64Milli({since:Int64}) LIMIT 5000"
)


def _metrics(key: str) -> frozenset[str] | None:
    try:
        since = int((clock.now() - _DAY).timestamp() * 1000)
        found = telemetry.rows(_NAMES, {"key": key, "since": since})
    except TelemetryError:
        return None
    return frozenset(row[0] for row in found)


_IDS = ("request_id", "requestid", "correlation_id", "correlationid", "trace_id", "traceid", "trace", "x_request_id")


def _logs(key: str) -> domain.Logs | None:
    try:
        since = int((clock.now() - _DAY).timestamp() * 1000)
        where: Mapping[str, Any] = {"key": key, "since": since, "ids": list(_IDS)}
        ((lines, levelled, correlated, redacted),) = telemetry.rows(
            "SELECT count(), countIf(level != ''), countIf(trace_id != '' OR "
            "arrayExists(name -> has({ids:Array(String)}, lower(name)), mapKeys(attributes))), "
            "countIf(position(body, '[redacted:') > 0) FROM log_lines "
            "WHERE service = {key:String} AND time > fromUnixTimestamp64Milli({since:Int64})",
            where,
        )
        kinds = telemetry.rows(
            "SELECT max(lines) FROM (SELECT sum(lines) AS lines FROM log_minutes WHERE service = {key:String} "
            "AND minute > fromUnixTimestamp64Milli({since:Int64}) GROUP BY pattern)",
            {"key": key, "since": since},
        )
    except TelemetryError:
        return None
    loudest = (kinds[0][0] or 0) / lines if kinds and lines else 0.0
    return domain.Logs(int(lines), int(levelled), int(correlated), int(redacted), min(float(loudest), 1.0))


def markdown(service: Service, row: Review, before: Sequence[Review]) -> str:
    """A review as a document for the developers: what is missing first, with advice."""
    order = {"missing": 0, "partly": 1, "unknown": 2, "met": 3}
    lines = [f"# Can {service.name} be supported?", "", f"Score {row.score} of 100, {row.at:%Y-%m-%d %H:%M} UTC."]
    if before:
        lines.append("Before: " + ", ".join(f"{one.score} ({one.at:%Y-%m-%d})" for one in before[-6:]) + ".")
    for one in sorted(row.findings, key=lambda found: (order[found["state"]], -found["weight"])):
        lines += ["", f"## {one['title']}: {one['state']}", "", f"{one['evidence'][:1].upper()}{one['evidence'][1:]}."]
        if one["advice"]:
            lines += ["", f"**Do:** {one['advice']}"]
    return "\n".join(lines) + "\n"
