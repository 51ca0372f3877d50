"""Ask a language model about an incident, and keep what of its answer stands. The one door to the room."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import orjson
from django.db import transaction
from django.db.models import Q, QuerySet

from mainstay.core import audit, clock, feed
from mainstay.core.access import SYSTEM, Actor, Right, require
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.learn.assistant import domain
from mainstay.learn.assistant.models import Opinion
from mainstay.learn.assistant.talk import Look, TalkError, talk
from mainstay.respond.incidents import services as incidents

log = logging.getLogger(__name__)
State = Opinion.State
# (actor, tool, what it is given) -> what it said.
UseAs = Callable[[Actor, str, dict[str, Any]], str]


def is_on() -> bool:
    """Whether a model is configured."""
    return bool(current().assistant_url and current().assistant_model)


def longest_talk() -> timedelta:
    """What a conversation takes at most, with a reserve of one answer."""
    return timedelta(seconds=float(current().assistant_seconds) * (int(current().assistant_steps) + 2))


def visible(actor: Actor, number: int) -> QuerySet[Opinion]:
    """The one door to opinions on an incident, the newest first. It takes a responder, as evidence does."""
    require(actor, Right.RESPOND)
    incidents.get(actor, number)
    return Opinion.objects.filter(incident_id=number).order_by("-asked_at", "-pk")


@transaction.atomic
def ask(actor: Actor, number: int) -> Opinion:
    """Have the model look at an incident; the worker talks to it. One question at a time for each incident."""
    require(actor, Right.RESPOND)
    if not is_on():
        raise ProblemError(409, "Not possible", "no model is configured; set assistant_url and assistant_model")
    incident = incidents.locked(actor, number)
    going = Opinion.objects.filter(incident=incident, state__in=(State.ASKED, State.RUNNING)).first()
    if going is not None:
        return going
    made = Opinion.objects.create(
        incident=incident,
        asked_by=actor.name,
        right=min(actor.right, Right.RESPOND),
        asked_at=clock.now(),
        model=str(current().assistant_model)[:200],
    )
    audit.record(actor, "assistant.ask", str(incident), model=made.model)
    feed.tell("incident", number)
    return made


def run_due(looks: Sequence[Look], use: UseAs) -> int:
    """Talk about one question that waits. ``looks`` only look; whatever acts is not for the model.

    A question whose worker died is taken again when its lease is over: looking twice does no harm.
    """
    row = _taken()
    if row is None:
        return 0
    who = Actor(f"assistant, for {row.asked_by}", Right(row.right), via="assistant")
    try:
        answer, exhibits = talk(_question(row), looks, lambda name, given: use(who, name, given))
        judged = domain.judge(domain.statements_of(answer), exhibits)
    except (TalkError, domain.AnswerError) as error:
        _end(row, State.FAILED, problem=str(error)[:1000])
        return 1
    kept = [asdict(one) for one in judged.kept]
    shown = [{**asdict(one), "given": dict(one.given)} for one in exhibits]
    digest = hashlib.sha256(orjson.dumps([shown, kept], option=orjson.OPT_SORT_KEYS)).hexdigest()
    _end(
        row,
        State.DONE,
        exhibits=shown,
        kept=kept,
        discarded=[asdict(one) for one in judged.discarded],
        digest=digest,
    )
    return 1


def _taken() -> Opinion | None:
    """Take one with a lease that outlasts the longest conversation."""
    if not is_on():
        return None
    now = clock.now()
    until = now + longest_talk()
    free = Q(state=State.ASKED) | Q(state=State.RUNNING, until__lt=now)
    for row in Opinion.objects.filter(free).order_by("asked_at")[:5]:
        taken = Opinion.objects.filter(free, pk=row.pk).update(state=State.RUNNING, until=until)
        if taken == 1:
            return Opinion.objects.select_related("incident").get(pk=row.pk)
    return None


def _question(row: Opinion) -> str:
    incident = row.incident
    service = incident.service.key if incident.service else "no service of the catalog"
    return (
        f"What is the cause of {incident}, {incident.title!r}, of {service}? "
        f"It began {incident.started_at.isoformat()} and it is {clock.now().isoformat()} now. "
        "Begin with show_incident and likely_cause."
    )


@transaction.atomic
def _end(row: Opinion, state: str, **values: Any) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.state, row.ended_at, row.until = state, clock.now(), None
    row.save(update_fields=["state", "ended_at", "until", *values])
    audit.record(
        SYSTEM,
        "assistant.say",
        str(row.incident),
        kept=len(row.kept),
        discarded=len(row.discarded),
        digest=row.digest,
        problem=row.problem[:200],
    )
    feed.tell("incident", row.incident_id)
