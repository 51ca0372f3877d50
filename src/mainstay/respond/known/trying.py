"""Which known errors an alert would match that need not have come."""

from collections.abc import Mapping
from dataclasses import dataclass

from mainstay.catalog.known import services as catalog
from mainstay.catalog.known.index import Recognised
from mainstay.catalog.models import KnownError
from mainstay.core.access import Actor, Right, require
from mainstay.respond.alerts import services as alerts
from mainstay.respond.incidents.known import Guess
from mainstay.respond.known import guess


@dataclass(frozen=True)
class Tried:
    """What an alert matches at once, what it matches when the log line is written as well, and what it resembles."""

    exact: tuple[Recognised, ...]
    with_log: tuple[Recognised, ...]
    guesses: tuple[tuple[str, Guess], ...]


def would_match(
    actor: Actor, labels: Mapping[str, str], annotations: Mapping[str, str], value: float | None = None
) -> Tried:
    """What an alert with these labels and annotations would match, and why. Nothing is kept."""
    require(actor, Right.READ)
    symptom, known = alerts.symptom_from(labels, annotations, value), catalog.compiled()
    similar = guess.similar_to(f"{symptom.rule}\n{symptom.text}")
    keys = dict(KnownError.objects.filter(pk__in=[one.pk for one in similar]).values_list("pk", "key"))
    return Tried(
        tuple(known.at_once.match(symptom)),
        tuple(known.with_log.match(symptom)),
        tuple((keys[one.pk], one) for one in similar if one.pk in keys),
    )
