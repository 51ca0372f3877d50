"""Take signals from the inbox, make alerts of them, and hand those that begin to fire to the incidents."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from mainstay.catalog import services as catalog
from mainstay.catalog.known.signature import Symptom
from mainstay.catalog.models import Service
from mainstay.core import clock, feed, inbox, locks
from mainstay.core.access import Actor, Right, require
from mainstay.core.models import InboxItem
from mainstay.core.problems import not_found
from mainstay.observe.metrics import services as metrics
from mainstay.observe.telemetry import services as telemetry
from mainstay.respond.alerts import domain
from mainstay.respond.alerts.domain import Action
from mainstay.respond.alerts.models import Alert
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import Incident, State
from mainstay.respond.silences import services as silences
from mainstay.respond.silences.domain import Quiet, falls_under

KIND = "alert"
# An alert that still fires this long after its incident was resolved wants a new one.
STILL_FIRING = timedelta(minutes=10)


def visible(actor: Actor) -> QuerySet[Alert]:
    """The one door to alerts."""
    require(actor, Right.READ)
    return Alert.objects.select_related("service", "rule", "incident", "silence")


def get(actor: Actor, pk: int) -> Alert:
    """One alert."""
    found = visible(actor).filter(pk=pk).first()
    if found is None:
        raise not_found(f"alert {pk}")
    return found


def drain(limit: int = 500) -> int:
    """Work off a batch of signals. Alerts, incidents, log, pages and the end of the signals are one commit."""
    return inbox.drain(KIND, _take, limit)


@dataclass
class _Batch:
    """What one commit works on. Everything is read once, decided in order, and written in bulk."""

    now: datetime
    picture: catalog.Picture
    known: dict[str, Alert]
    rules: dict[int, Any]
    matrix: Mapping[tuple[str, str], int]
    quiets: Sequence[Quiet]
    fresh: list[Alert] = field(default_factory=list)
    changed: dict[str, Alert] = field(default_factory=dict)
    opened: list[tuple[Alert, str]] = field(default_factory=list)
    ended: list[Alert] = field(default_factory=list)
    occurrences: list[tuple[Alert, datetime]] = field(default_factory=list)


def _take(items: Sequence[InboxItem]) -> None:
    locks.one_at_a_time("alerts")
    signals = [item.payload for item in items]
    prints = {signal["fingerprint"] for signal in signals}
    rule_ids = {signal["rule_id"] for signal in signals if signal.get("rule_id")}
    now, picture = clock.now(), catalog.picture()
    batch = _Batch(
        now,
        picture,
        {alert.fingerprint: alert for alert in Alert.objects.filter(fingerprint__in=prints)},
        metrics.rules_by_id(rule_ids),
        incidents.matrix(),
        silences.holding(now, picture.dependencies),
    )
    for signal in signals:
        _apply(batch, signal)
    _write(batch)


def _apply(batch: _Batch, signal: Mapping[str, Any]) -> None:
    starts_at = datetime.fromisoformat(signal["starts_at"])
    ends_at = datetime.fromisoformat(signal["ends_at"]) if signal.get("ends_at") else None
    alert = batch.known.get(signal["fingerprint"])
    if signal.get("fell_silent") and not (alert and alert.expires_at and alert.expires_at <= batch.now):
        return  # It was heard of again between the two.
    known = (
        domain.Known(alert.state == Alert.State.FIRING, alert.starts_at, alert.ends_at, alert.fell_silent)
        if alert
        else None
    )
    decision = domain.decide(known, domain.Signal(signal["state"] == "firing", starts_at, ends_at))
    if decision.action is Action.IGNORE:
        return
    if alert is None:
        alert = Alert(fingerprint=signal["fingerprint"], occurrences=0)
        batch.known[alert.fingerprint] = alert
        batch.fresh.append(alert)
    else:
        batch.changed[alert.fingerprint] = alert
    alert.received_at = batch.now
    if decision.action is Action.RESOLVE:
        alert.state, alert.ends_at, alert.expires_at = Alert.State.RESOLVED, ends_at or batch.now, None
        alert.fell_silent = bool(signal.get("fell_silent"))
        batch.ended.append(alert)
        batch.occurrences.append((alert, alert.ends_at))
        return
    _describe(batch, alert, signal)
    if decision.action is Action.OPEN:
        alert.state, alert.starts_at, alert.ends_at = Alert.State.FIRING, starts_at, None
        alert.fell_silent = False
        alert.occurrences += 1
        batch.opened.append((alert, decision.reason))
        batch.occurrences.append((alert, starts_at))


def _describe(batch: _Batch, alert: Alert, signal: Mapping[str, Any]) -> None:
    labels = signal["labels"]
    rule = batch.rules.get(signal.get("rule_id") or 0)
    alert.labels, alert.annotations = labels, signal["annotations"]
    alert.name, alert.source = labels.get("alertname", "alert")[:200], signal["source"]
    alert.link, alert.value = signal.get("link", "")[:2000], signal.get("value")
    alert.expires_at = datetime.fromisoformat(signal["expires_at"]) if signal.get("expires_at") else None
    alert.rule = rule
    alert.service = _service(batch.picture.services, labels, rule)


def _service(services: Mapping[str, Service], labels: Mapping[str, str], rule: Any) -> Service | None:
    """The service that an alert is about: its rule's, else the one that a label names."""
    if rule is not None and rule.service_id:
        for service in services.values():
            if service.pk == rule.service_id:
                return service
    for label in ("service", "service_name", "job", "app"):
        if labels.get(label) in services:
            return services[labels[label]]
    return None


def symptom_from(labels: Mapping[str, str], annotations: Mapping[str, str], value: float | None) -> Symptom:
    """What an alert that never came would carry, as known errors see it."""
    service = _service({one.key: one for one in Service.objects.all()}, labels, None)
    alert = Alert(labels=labels, annotations=annotations, name=labels.get("alertname", "alert"), value=value)
    alert.service, alert.starts_at = service, clock.now()
    return _trigger(alert, "").symptom


_FIELDS = (
    "name",
    "source",
    "labels",
    "annotations",
    "link",
    "state",
    "service",
    "rule",
    "incident",
    "silence",
    "value",
    "starts_at",
    "ends_at",
    "expires_at",
    "fell_silent",
    "received_at",
    "occurrences",
)


def _write(batch: _Batch) -> None:
    for alert, reason in batch.opened:
        if alert.state == Alert.State.FIRING:
            _open_or_hold(batch, alert, reason)
    Alert.objects.bulk_create(batch.fresh, batch_size=500)
    Alert.objects.bulk_update(batch.changed.values(), _FIELDS, batch_size=100)
    ended: dict[int, list[Alert]] = defaultdict(list)
    for alert in batch.ended:
        if alert.incident_id:
            ended[alert.incident_id].append(alert)
    for incident_id, alerts in ended.items():
        firing = Alert.objects.filter(incident_id=incident_id, state=Alert.State.FIRING).count()
        names = ", ".join(sorted({alert.name for alert in alerts}))
        how = "fell silent" if all(alert.fell_silent for alert in alerts) else "resolved"
        incidents.alerts_changed(
            incident_id, firing, f"Alert {how}: {names}" + (f"; {firing} still fire" if firing else "")
        )
    if batch.opened or batch.ended:
        feed.tell("alerts")
    transaction.on_commit(lambda: _keep_occurrences(batch.occurrences))


def _open_or_hold(batch: _Batch, alert: Alert, reason: str) -> None:
    """Give an alert its incident, or hold it while a silence covers it."""
    quiet = falls_under(batch.quiets, alert.service.key if alert.service else None, alert.labels, batch.now)
    alert.silence_id = quiet.pk if quiet else None
    alert.incident = None if quiet else incidents.open_or_join(_trigger(alert, reason), batch.picture, batch.matrix)


def _trigger(alert: Alert, reason: str) -> incidents.Trigger:
    notes = alert.annotations
    title = notes.get("summary") or notes.get("title") or notes.get("message") or alert.name
    rule = alert.rule
    told = notes.get("description", "")
    sentence = f"Alert {alert.name} fires ({reason})" + (f": {told or title}" if told or title != alert.name else "")
    return incidents.Trigger(
        name=alert.name,
        title=title,
        service=alert.service,
        labels=alert.labels,
        text=" ".join(str(value) for value in notes.values()),
        rule=rule.key if rule else alert.name,
        rule_urgency=rule.urgency if rule else "",
        starts_at=alert.starts_at,
        source=f"rule {rule.key}" if rule else alert.source,
        sentence=sentence[:1000],
        value=alert.value,
        metrics=metrics.names_in(rule.expr) if rule and rule.log is None else frozenset(),
    )


def _keep_occurrences(found: Sequence[tuple[Alert, datetime]]) -> None:
    """Keep every beginning and end, for statistics. They are no facts of the work, so a full spool is no error."""
    if not found:
        return
    try:
        telemetry.write(
            "occurrences",
            {
                "time": [int(at.timestamp() * 1000) for _, at in found],
                "fingerprint": [alert.fingerprint for alert, _ in found],
                "name": [alert.name for alert, _ in found],
                "state": [str(alert.state) for alert, _ in found],
                "source": [alert.source for alert, _ in found],
                "labels": [{name: str(value) for name, value in alert.labels.items()} for alert, _ in found],
            },
        )
    except (telemetry.SpoolFullError, OSError):
        return


def expire() -> int:
    """Put a signal into the inbox for each alert whose sender has stopped repeating it."""
    now = clock.now()
    with transaction.atomic():
        late = Alert.objects.filter(state=Alert.State.FIRING, expires_at__lt=now)[:1000]
        return inbox.put(
            KIND,
            [
                {
                    "fingerprint": alert.fingerprint,
                    "state": "resolved",
                    "starts_at": alert.starts_at.isoformat(),
                    "ends_at": now.isoformat(),
                    "fell_silent": True,
                    "labels": alert.labels,
                    "annotations": alert.annotations,
                    "source": alert.source,
                }
                for alert in late
            ],
        )


def reopen_still_firing() -> int:
    """Open a new incident for alerts that still fire although theirs was resolved a while ago."""
    due = Alert.objects.filter(
        state=Alert.State.FIRING,
        incident__state=State.RESOLVED,
        incident__resolved_at__lt=clock.now() - STILL_FIRING,
    )
    return _open_again(due, "still fires after its incident was resolved")


def open_what_was_held() -> int:
    """Open incidents for alerts that still fire now that the silence that held them is over."""
    due = Alert.objects.filter(silences.over(clock.now()), state=Alert.State.FIRING, incident=None)
    return _open_again(due, "still fires after the silence that held it")


def _open_again(due: QuerySet[Alert], reason: str) -> int:
    """Incidents for those of these alerts that no silence covers now. Returns how many were looked at."""
    if not due.exists():
        return 0
    with transaction.atomic():
        locks.one_at_a_time("alerts")
        # Read once more behind the lock: another worker may have been quicker.
        found = list(due.select_related("service__team", "rule")[:200])
        now, picture = clock.now(), catalog.picture()
        batch = _Batch(now, picture, {}, {}, incidents.matrix(), silences.holding(now, picture.dependencies))
        for alert in found:
            _open_or_hold(batch, alert, reason)
            alert.save(update_fields=["incident", "silence"])
    return len(found)


def symptoms_of(incident: Incident) -> list[Symptom]:
    """What the alerts of an incident carry, as known errors see it."""
    return [_trigger(alert, "").symptom for alert in firing_of(incident)]


def firing_of(incident: Incident) -> list[Alert]:
    """The alerts of an incident, those that fire first."""
    return list(incident.alerts.select_related("rule", "service").order_by("state", "-starts_at"))
