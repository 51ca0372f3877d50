"""Objects as plain data: one shape for the REST API and for ``--json`` on the command line."""

from dataclasses import asdict
from typing import Any

from mainstay.catalog import services as catalog
from mainstay.core import clock
from mainstay.core.access import Actor, Right
from mainstay.core.problems import not_found
from mainstay.faces.api.levels import clocks_row
from mainstay.faces.api.numbers import number
from mainstay.observe.metrics import services as metrics
from mainstay.respond.alerts import services as alerts
from mainstay.respond.clocks import services as clocks
from mainstay.respond.clocks.services import Clocks
from mainstay.respond.incidents import known
from mainstay.respond.incidents import services as incidents
from mainstay.respond.oncall import services as oncall
from mainstay.respond.paging import services as paging
from mainstay.respond.timeline import services as timeline
from mainstay.restore.sqldesk import exhibits

Row = dict[str, Any]


def _alert(alert: Any) -> Row:
    return {
        "id": alert.pk,
        "name": alert.name,
        "state": alert.state,
        "service": alert.service.key if alert.service else None,
        "incident": str(alert.incident) if alert.incident else None,
        "since": alert.starts_at,
        "until": alert.ends_at,
        "source": alert.source,
    }


def list_alerts(actor: Actor, limit: int) -> list[Row]:
    """Alerts, those that fire first."""
    return [_alert(alert) for alert in alerts.visible(actor).order_by("state", "-starts_at")[:limit]]


def show_alerts(actor: Actor, ident: str) -> Row:
    """One alert with its labels."""
    alert = alerts.get(actor, number(ident))
    more = {"labels": alert.labels, "annotations": alert.annotations, "value": alert.value}
    return {**_alert(alert), **more, "fingerprint": alert.fingerprint, "occurrences": alert.occurrences}


def _incident(incident: Any, agreed: Clocks | None) -> Row:
    pressing = agreed.pressing if agreed else None
    return {
        "id": incident.pk,
        "ref": str(incident),
        "priority": f"P{incident.priority}",
        "state": incident.state,
        "title": incident.title,
        "service": incident.service.key if incident.service else None,
        "since": incident.started_at,
        "owner": str(incident.owner) if incident.owner else None,
        "clock": f"{pressing.goal}: {pressing.state}" if pressing else None,
        "due": pressing.due if pressing else None,
    }


def list_incidents(actor: Actor, limit: int) -> list[Row]:
    """Incidents: live ones first, the most urgent on top, then the newest."""
    live = list(incidents.visible(actor).filter(state__in=incidents.LIVE).order_by("priority", "-opened_at")[:limit])
    rest = (
        incidents.visible(actor).exclude(state__in=incidents.LIVE).order_by("-opened_at")[: max(limit - len(live), 0)]
    )
    agreed = clocks.of_many(actor, live, clock.now())
    return [_incident(one, agreed.get(one.pk)) for one in [*live, *rest]]


def show_incidents(actor: Actor, ident: str) -> Row:
    """One incident with its reasons and its log."""
    incident = incidents.get(actor, number(ident))
    agreed = clocks.of(actor, incident, clock.now())
    return {
        **_incident(incident, agreed),
        "clocks": clocks_row(agreed),
        "impact": incident.impact,
        "urgency": incident.urgency,
        "reason": incident.reason,
        "opened": incident.opened_at,
        "acknowledged": incident.acknowledged_at,
        "restored": incident.restored_at,
        "resolved": incident.resolved_at,
        "cause": incident.cause,
        "known_error": incident.known_error.key if incident.known_error else None,
        "known_errors": [
            {"key": one.known_error.key, "kind": one.kind, "why": one.why, "verdict": one.verdict}
            for one in known.matches(actor, incident)
        ],
        "timeline": [
            {"at": entry.at, "actor": entry.actor, "kind": entry.kind, "text": entry.text}
            for entry in timeline.entries(actor, incident.pk)
        ],
        "evidence": [asdict(one) for one in exhibits.of_incident(actor, incident.pk)]
        if actor.right >= Right.RESPOND
        else None,
    }


def list_services(actor: Actor, limit: int) -> list[Row]:
    """Services with their owners."""
    return [
        {
            "key": one.key,
            "name": one.name,
            "tier": one.tier,
            "team": one.team.key if one.team else None,
            "source": one.source,
        }
        for one in catalog.visible_services(actor).order_by("key")[:limit]
    ]


def show_services(actor: Actor, ident: str) -> Row:
    """One service, what it needs, and who is paged for it."""
    service = catalog.visible_services(actor).filter(key=ident).first()
    if service is None:
        raise not_found(f"service {ident}")
    edges = catalog.dependencies(actor)
    policy, why = oncall.policy_for(service.key, service.team.key if service.team else None)
    return {
        "key": service.key,
        "name": service.name,
        "tier": service.tier,
        "team": service.team.key if service.team else None,
        "description": service.description,
        "links": service.links,
        "depends_on": sorted(callee for caller, callee in edges if caller == ident),
        "needed_by": sorted(caller for caller, callee in edges if callee == ident),
        "policy": policy.key if policy else None,
        "policy_reason": why,
        "source": service.source,
    }


def _rule(rule: Any) -> Row:
    firing = sum(1 for one in rule.series.all() if one.state == "firing")
    return {
        "key": rule.key,
        "name": rule.name,
        "service": rule.service.key if rule.service else None,
        "firing": firing,
        "pending": len(rule.series.all()) - firing,
        "enabled": rule.enabled,
        "last_evaluated": rule.last_evaluated_at,
        "error": rule.last_error or None,
    }


def list_rules(actor: Actor, limit: int) -> list[Row]:
    """Rules and how they stand."""
    return [_rule(rule) for rule in metrics.visible_rules(actor)[:limit]]


def show_rules(actor: Actor, ident: str) -> Row:
    """One rule whole."""
    rule = metrics.rule_by_key(actor, ident)
    return {
        **_rule(rule),
        "expr": rule.expr,
        "for_seconds": rule.for_seconds,
        "keep_firing_for_seconds": rule.keep_firing_for_seconds,
        "labels": rule.labels,
        "annotations": rule.annotations,
        "urgency": rule.urgency or None,
        "source": rule.source,
    }


def _page(page: Any) -> Row:
    return {
        "id": page.pk,
        "at": page.created_at,
        "incident": str(page.incident),
        "person": str(page.person),
        "reason": page.reason,
        "deliveries": ", ".join(f"{one.channel} {one.state}" for one in page.attempts.all()),
        "acknowledged": page.acknowledged_at,
    }


def list_pages(actor: Actor, limit: int) -> list[Row]:
    """Pages, newest first."""
    return [_page(page) for page in paging.visible_pages(actor)[:limit]]


def show_pages(actor: Actor, ident: str) -> Row:
    """One page with every delivery and what the provider said."""
    page = paging.visible_pages(actor).filter(pk=number(ident)).first()
    if page is None:
        raise not_found(f"page {ident}")
    attempts = [
        {
            "channel": one.channel,
            "address": one.shown_address,
            "state": one.state,
            "tries": one.tries,
            "answer": one.answer,
            "sent_at": one.sent_at,
        }
        for one in page.attempts.all()
    ]
    return {**_page(page), "attempts": attempts}
