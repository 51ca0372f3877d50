"""Known errors on incidents: which were shown and why, what people said of them, and the counts that follow."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, F, Max, Q, QuerySet

from mainstay.catalog.known.index import Recognised
from mainstay.catalog.models import KnownError
from mainstay.core import audit, clock, feed
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import bad_request, not_found
from mainstay.respond.incidents.models import Incident, KnownErrorMatch
from mainstay.respond.timeline import services as timeline

Kind, Verdict = KnownErrorMatch.Kind, KnownErrorMatch.Verdict
# Known errors that one incident shows as matching; an alert that fits more says nothing.
MOST = 20
_SAID = {
    Verdict.WORKED: "The workaround of {key} helped",
    Verdict.FAILED: "The workaround of {key} did not help",
    Verdict.CONFIRMED: "It is {key}",
    Verdict.REJECTED: "It is not {key}",
}


@dataclass(frozen=True)
class Counts:
    """How often a known error was met (it matched or was said to be it), and how often its workaround helped."""

    met: int = 0
    worked: int = 0
    failed: int = 0
    last: datetime | None = None

    @property
    def tried(self) -> int:
        """How often somebody said whether the workaround helped."""
        return self.worked + self.failed

    @property
    def success(self) -> int | None:
        """In how many of a hundred of these it helped."""
        return round(100 * self.worked / self.tried) if self.tried else None


@dataclass(frozen=True)
class Guess:
    """A known error that an incident resembles: how much (0 to 1), and what they share."""

    pk: int
    score: float
    why: str


def matches(actor: Actor, incident: Incident) -> list[KnownErrorMatch]:
    """What was shown for an incident: what matches, the best first, then guesses, then what was turned down."""
    require(actor, Right.READ)
    rows = incident.known_matches.select_related("known_error__team", "known_error__owner")
    return sorted(rows, key=lambda one: (one.verdict == Verdict.REJECTED, one.kind != Kind.EXACT, *_rank(one)))


def _rank(one: KnownErrorMatch) -> tuple[float, str]:
    return -one.parts - (one.score or 0.0), one.known_error.key


def of_known_error(actor: Actor, known: KnownError) -> QuerySet[KnownErrorMatch]:
    """Where a known error matched, the newest first."""
    require(actor, Right.READ)
    return known.matches.select_related("incident__service").order_by("-offered_at", "-pk")


def offer(incident: Incident, found: Sequence[Recognised], seen: Mapping[int, str] | None = None) -> None:
    """Write down what matches an incident and was not there, in the caller's transaction.

    ``seen`` adds what its log lines told, by the number of the known error.
    """
    there = {row.known_error_id: row for row in incident.known_matches.select_related("known_error")}
    fresh = [one for one in found[:MOST] if one.signature.pk not in there or there[one.signature.pk].kind != Kind.EXACT]
    # What the index still knows may have been deleted a moment ago.
    rows = KnownError.objects.in_bulk([one.signature.pk for one in fresh])
    for one in fresh:
        known = rows.get(one.signature.pk)
        if known is None:
            continue
        parts = (*one.reasons, seen[known.pk]) if seen and known.pk in seen else one.reasons
        values = {"kind": Kind.EXACT, "why": ", ".join(parts), "parts": len(parts), "score": None}
        there[known.pk], _ = KnownErrorMatch.objects.update_or_create(
            incident=incident, known_error=known, defaults=values, create_defaults={**values, "offered_at": clock.now()}
        )
        timeline.record(incident.pk, "known_error", f"Known error {known.key} matches: {values['why']}")
    if fresh:
        _show_best(incident, there.values())


def _show_best(incident: Incident, rows: Iterable[KnownErrorMatch]) -> None:
    """Keep the best match on the incident itself, for lists and pages."""
    sure = [one for one in rows if one.verdict != Verdict.REJECTED]
    exact = sorted((one for one in sure if one.kind == Kind.EXACT or one.verdict), key=_rank)
    # What a person said stands before what was found.
    best = next((one for one in exact if one.verdict), exact[0] if exact else None)
    pk, why = (best.known_error_id, best.why[:300]) if best else (None, "")
    if (incident.known_error_id, incident.known_error_why) != (pk, why):
        incident.known_error_id, incident.known_error_why = pk, why
        incident.save(update_fields=["known_error", "known_error_why", "updated_at"])
        feed.tell("incidents", incident.pk)


def guess(incident: Incident, found: Sequence[Guess]) -> None:
    """Write down what an incident resembles. Nothing that is there is changed, and no page says it."""
    there = set(incident.known_matches.values_list("known_error_id", flat=True))
    known = KnownError.objects.in_bulk([one.pk for one in found if one.pk not in there])
    fresh = [one for one in found if one.pk in known]
    KnownErrorMatch.objects.bulk_create(
        [
            KnownErrorMatch(
                incident=incident,
                known_error=known[one.pk],
                kind=Kind.GUESS,
                why=one.why,
                score=one.score,
                offered_at=clock.now(),
            )
            for one in fresh
        ],
        ignore_conflicts=True,
    )
    if fresh:
        feed.tell("incident", incident.pk)


@transaction.atomic
def judge(actor: Actor, number: int, key: str, verdict: str) -> KnownErrorMatch:
    """Say of a known error that was shown, or of another, what it was: worked, failed, confirmed or rejected."""
    require(actor, Right.RESPOND)
    if verdict not in Verdict.values or not verdict:
        raise bad_request(f"write one of {', '.join(filter(None, Verdict.values))}", "verdict")
    incident = Incident.objects.select_for_update().filter(pk=number).first()
    if incident is None:
        raise not_found(f"incident {number}")
    known = KnownError.objects.filter(key=key).first()
    if known is None:
        raise bad_request(f"there is no known error {key!r}", "key")
    now = clock.now()
    told = {"verdict": verdict, "judged_by": actor.name, "judged_at": now}
    by_hand = {"kind": Kind.EXACT, "why": f"{actor.name} says so", "offered_at": now}
    row, _ = KnownErrorMatch.objects.update_or_create(
        incident=incident, known_error=known, defaults=told, create_defaults={**told, **by_hand}
    )
    timeline.record(number, "known_error", _SAID[Verdict(verdict)].format(key=known.key), actor.name)
    audit.record(actor, "incident.known_error", f"incident {number}", known_error=known.key, verdict=verdict)
    _show_best(incident, incident.known_matches.select_related("known_error"))
    return row


# A guess counts when somebody said that it is this.
_MET = (Q(kind=Kind.EXACT) & ~Q(verdict=Verdict.REJECTED)) | Q(verdict__in=(Verdict.WORKED, Verdict.FAILED))
_MET |= Q(verdict=Verdict.CONFIRMED)


def counts_of(known: Iterable[int], *, since_verified: bool = False) -> dict[int, Counts]:
    """What became of some known errors, by their numbers. Those that were never met are left out.

    With ``since_verified`` only what was judged after somebody last said that it is true.
    """
    found = KnownErrorMatch.objects.filter(_MET, known_error__in=list(known))
    if since_verified:
        found = found.filter(judged_at__gt=F("known_error__verified_at"))
    rows = found.values("known_error").annotate(
        met=Count("pk"),
        worked=Count("pk", filter=Q(verdict=Verdict.WORKED)),
        failed=Count("pk", filter=Q(verdict=Verdict.FAILED)),
        last=Max("offered_at"),
    )
    return {row["known_error"]: Counts(row["met"], row["worked"], row["failed"], row["last"]) for row in rows}
