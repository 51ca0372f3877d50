"""Queries that are kept under a name, and their parameters filled in from an incident."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from mainstay.core import audit, clock
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import bad_request, not_found
from mainstay.respond.alerts.models import Alert
from mainstay.respond.incidents.models import Incident
from mainstay.restore.sqldesk import connections
from mainstay.restore.sqldesk.examine.parameters import Parameter, ParameterError, named
from mainstay.restore.sqldesk.judge import Dialect
from mainstay.restore.sqldesk.limits import judge_within
from mainstay.restore.sqldesk.models import SavedQuery


def visible(actor: Actor) -> QuerySet[SavedQuery]:
    """The one door to saved queries, by name."""
    require(actor, Right.RESPOND)
    return SavedQuery.objects.select_related("connection").order_by("name")


@transaction.atomic
def save(
    actor: Actor,
    name: str,
    key: str,
    sql: str,
    parameters: Sequence[Mapping[str, Any]] = (),
    *,
    description: str = "",
    sensitive: bool = False,
) -> SavedQuery:
    """Keep a query; one of the same name is replaced by its owner or a maintainer."""
    require(actor, Right.RESPOND)
    connection = connections.get(actor, key)
    name = " ".join(name.split())
    if not 1 <= len(name) <= 120:
        raise bad_request("write a name of 1 to 120 characters", "name")
    specs = _specs(connection.dialect, sql, parameters)
    known = SavedQuery.objects.filter(name=name).first()
    if known is not None and known.owner_id != actor.person_id:
        require(actor, Right.MAINTAIN)
    fields: dict[str, Any] = {
        "connection": connection,
        "sql": sql,
        "parameters": [one.plain() for one in specs],
        "description": description,
        "sensitive": sensitive,
        "owner_id": known.owner_id if known else actor.person_id,
        "owner_name": known.owner_name if known else actor.name,
        "changed_at": clock.now(),
    }
    found, _ = SavedQuery.objects.update_or_create(name=name, defaults=fields)
    audit.record(actor, "sql.save", name, connection=key, sql=sql, sensitive=sensitive)
    return found


def _specs(dialect: str, sql: str, given: Sequence[Mapping[str, Any]]) -> list[Parameter]:
    """The parameters that the text names, each as it was described or else as text."""
    try:
        names = named(sql, dialect)
        said = {one.name: one for one in map(Parameter.of, given)}
    except ParameterError as error:
        raise bad_request(str(error), "parameters") from None
    if dialect in set(Dialect) and not sql.strip():
        raise bad_request("write a query", "sql")
    verdict = judge_within(sql, Dialect(dialect)) if dialect in set(Dialect) else None
    # A function of the database's own is judged when it runs; what is no read on any server is said now.
    if verdict is not None and not verdict.allowed and verdict.rule not in {"function", "type"}:
        raise bad_request(verdict.reason, "sql")
    return [said.get(name, Parameter(name)) for name in names]


@transaction.atomic
def delete(actor: Actor, number: int) -> None:
    """Forget a query of one's own; a maintainer forgets those of others."""
    found = visible(actor).filter(pk=number).first()
    if found is None:
        raise not_found(f"saved query {number}")
    if found.owner_id != actor.person_id:
        require(actor, Right.MAINTAIN)
    audit.record(actor, "sql.forget", found.name)
    found.delete()


def filled(actor: Actor, query: SavedQuery, incident: int | None) -> dict[str, str]:
    """What the parameters are, as far as an incident tells. Nothing is made up for the others."""
    require(actor, Right.RESPOND)
    if incident is None:
        return {}
    found = Incident.objects.select_related("service").filter(pk=incident).first()
    if found is None:
        raise not_found(f"incident {incident}")
    known = _identifiers(found)
    specs = [Parameter.of(one) for one in query.parameters]
    return {one.name: known[one.source] for one in specs if one.source in known}


def _identifiers(incident: Incident) -> dict[str, str]:
    """What an incident is known by: itself, its service, and the labels on which all its alerts agree."""
    known = {
        "incident.id": str(incident.pk),
        "incident.title": incident.title,
        "incident.opened_at": incident.opened_at.isoformat(),
        "incident.started_at": incident.started_at.isoformat(),
    }
    if incident.service is not None:
        known["incident.service"] = incident.service.key
    labels: dict[str, set[str]] = {}
    for one in Alert.objects.filter(incident=incident).values_list("labels", flat=True):
        for name, value in one.items():
            labels.setdefault(name, set()).add(str(value))
    return {**known, **{f"label.{name}": found.pop() for name, found in labels.items() if len(found) == 1}}
