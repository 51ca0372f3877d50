"""Drills: begin one, take hints, name what is broken, mend, end, and what everybody has practised."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from mainstay.catalog import services as catalog
from mainstay.core import audit, clock, feed
from mainstay.core.access import SYSTEM, Actor, Right, require
from mainstay.core.problems import ProblemError, bad_request, not_found
from mainstay.core.settings import current
from mainstay.learn.drills import deeds, domain
from mainstay.learn.drills.domain import Answer, Debrief, Practised, Scenario, Trail
from mainstay.learn.drills.entry import entry_of, scenario_of
from mainstay.learn.drills.models import Drill, Exercise, Look
from mainstay.learn.drills.scenarios import SHOP
from mainstay.observe.changes import services as changes
from mainstay.observe.changes.services import ChangeEvent
from mainstay.respond.incidents import services as incidents
from mainstay.respond.incidents.models import Incident
from mainstay.respond.timeline.models import TimelineEntry

State = Drill.State
# The decoy is said to have happened so long before the break.
BEFORE = timedelta(minutes=4)
_MOST_LOOKS = 300


def scenarios(actor: Actor) -> dict[str, Scenario]:
    """Every scenario by its key: those of the demo shop, where there is one, and those of files."""
    require(actor, Right.READ)
    found = {one.key: one for one in SHOP} if current().drill_shop else {}
    return found | {row.key: scenario_of(row.entry) for row in Exercise.objects.order_by("key")}


def scenario(actor: Actor, key: str) -> Scenario:
    """One of them."""
    found = scenarios(actor).get(key)
    if found is None:
        raise not_found(f"scenario {key!r}; 'mainstay drill list' lists them")
    return found


def visible(actor: Actor) -> QuerySet[Drill]:
    """The one door to drills, newest first."""
    require(actor, Right.READ)
    return Drill.objects.order_by("-asked_at", "-pk")


def get(actor: Actor, number: int) -> Drill:
    """One drill."""
    found = visible(actor).filter(pk=number).first()
    if found is None:
        raise not_found(f"drill {number}")
    return found


def running(actor: Actor) -> Drill | None:
    """The drill that goes on now."""
    return visible(actor).filter(live=True).first()


@transaction.atomic
def start(actor: Actor, key: str, *, person_id: int | None = None, person_name: str = "") -> Drill:
    """Ask for a drill; the worker breaks what it is about within seconds. Only one goes on at a time."""
    require(actor, Right.RESPOND)
    wanted = scenario(actor, key)
    if not deeds.possible(wanted.breaks):
        raise ProblemError(409, "Not possible", f"{key} needs a demo shop; name its directory in drill_shop")
    try:
        with transaction.atomic():
            drill = Drill.objects.create(
                scenario=key,
                asked=entry_of(wanted),
                person_id=person_id or actor.person_id,
                person_name=person_name or actor.name,
                asked_at=clock.now(),
            )
    except IntegrityError as error:
        raise ProblemError(409, "Not possible", "a drill goes on already; end it first, or take part in it") from error
    audit.record(actor, "drill.start", str(drill), scenario=key, person=drill.person_name)
    feed.tell("drill", drill.pk)
    return drill


def _live(actor: Actor, number: int) -> Drill:
    require(actor, Right.RESPOND)
    drill = Drill.objects.select_for_update().filter(pk=number).first()
    if drill is None:
        raise not_found(f"drill {number}")
    if not drill.live:
        raise ProblemError(409, "Ended", f"{drill} has ended.")
    return drill


@transaction.atomic
def hint(actor: Actor, number: int) -> str:
    """The next hint. It costs points, which it says before it is asked for."""
    drill = _live(actor, number)
    hints = scenario_of(drill.asked).hints
    if drill.hints >= len(hints):
        raise ProblemError(409, "Not possible", "there are no more hints")
    drill.hints += 1
    drill.save(update_fields=["hints"])
    feed.tell("drill", drill.pk)
    return hints[drill.hints - 1].text


def hides(drill_id: int, incident: Incident) -> Drill | None:
    """The drill that hides what Mainstay holds for the cause of an incident from whoever takes part in it."""
    found = Drill.objects.filter(pk=drill_id, live=True, shown=False, began_at__lte=incident.opened_at).first()
    if found is None or domain.found_at(scenario_of(found.asked), _answers(found)) is not None:
        return None
    return found


@transaction.atomic
def show_cause(actor: Actor, number: int) -> None:
    """Hide the likely cause no longer. It costs points, which is said before it is asked for."""
    drill = _live(actor, number)
    drill.shown = True
    drill.save(update_fields=["shown"])
    feed.tell("drill", drill.pk)


@transaction.atomic
def answer(actor: Actor, number: int, service: str) -> bool:
    """Name a service as broken; whether it is. Naming it again says the same and costs nothing more."""
    drill = _live(actor, number)
    if drill.began_at is None:
        raise ProblemError(409, "Not possible", "it has not begun yet")
    known = set(catalog.visible_services(actor).values_list("key", flat=True))
    right = scenario_of(drill.asked).culprit(service) is not None
    if service not in known and not right:
        raise bad_request(f"there is no service {service!r}", "service")
    drill.answers = [*drill.answers, {"at": clock.now().isoformat(), "service": service, "right": right}]
    drill.save(update_fields=["answers"])
    feed.tell("drill", drill.pk)
    return right


@transaction.atomic
def mend(actor: Actor, number: int) -> None:
    """Have it mended, once everything that is broken has been named."""
    drill = _live(actor, number)
    if domain.found_at(scenario_of(drill.asked), _answers(drill)) is None:
        raise ProblemError(409, "Not possible", "name everything that is broken first, or mend it as in life")
    drill.wanted = "mend"
    drill.save(update_fields=["wanted"])
    audit.record(actor, "drill.mend", str(drill))


@transaction.atomic
def end(actor: Actor, number: int, why: str = "") -> None:
    """Break it off: the worker mends what is broken, and the debrief is written from what happened so far."""
    drill = _live(actor, number)
    drill.wanted, drill.why_ended = "end", (why.strip() or f"ended by {actor.name}")[:300]
    drill.save(update_fields=["wanted", "why_ended"])
    audit.record(actor, "drill.end", str(drill), why=drill.why_ended)
    feed.tell("drill", drill.pk)


def looked(drill_id: int, path: str) -> bool:
    """Keep which screen was opened, in their order; so many and no more. Returns whether the drill goes on."""
    found = Drill.objects.filter(pk=drill_id, live=True).first()
    if found is None:
        return False
    if found.began_at is not None and found.looks.count() < _MOST_LOOKS:
        Look.objects.create(drill=found, at=clock.now(), path=path[:300])
    return True


def _answers(drill: Drill) -> tuple[Answer, ...]:
    return tuple(Answer(datetime.fromisoformat(one["at"]), one["service"]) for one in drill.answers)


def of_drill(drill: Drill) -> list[Incident]:
    """The incidents that were opened while it went on."""
    if drill.began_at is None:
        return []
    until = drill.ended_at or clock.now()
    opened = incidents.visible(SYSTEM).filter(opened_at__gte=drill.began_at, opened_at__lte=until)
    return list(opened.order_by("opened_at")[:20])


def trail(drill: Drill, now: datetime) -> Trail:
    """What happened, from the incidents and their logs, and from the screens that were opened."""
    began = drill.began_at or now
    found = of_drill(drill)
    numbers = [one.pk for one in found]
    taken = [one.acknowledged_at for one in found if one.acknowledged_at]
    whole = [one.restored_at for one in found]
    first_look = drill.looks.order_by("at").first() if found else None
    told = TimelineEntry.objects.filter(incident_id__in=numbers, kind="note").order_by("at").first()
    opened = min((one.opened_at for one in found), default=None)
    noticed = min(filter(None, [first_look.at if first_look else None, *taken]), default=None)
    return Trail(
        began=began,
        ended=now,
        alerted=opened,
        noticed=max(noticed, opened) if noticed and opened else noticed,
        acknowledged=min(taken, default=None),
        restored=max(one for one in whole if one) if found and all(whole) else None,
        told=told.at if told else None,
        answers=_answers(drill),
        hints=drill.hints,
        shown=drill.shown,
    )


def look_at(drill: Drill, now: datetime) -> Debrief:
    """How it would be scored if it ended now."""
    return domain.debrief(scenario_of(drill.asked), trail(drill, now))


def write_debrief(drill: Drill, now: datetime) -> None:
    """Freeze how it went, in the caller's transaction."""
    said = look_at(drill, now)
    looks = [{"at": one.at.isoformat(), "path": one.path} for one in drill.looks.order_by("at")]
    drill.debrief = {
        **asdict(said),
        "passed": said.passed,
        "incidents": [{"number": one.pk, "title": one.title} for one in of_drill(drill)],
        "looks": looks,
    }
    drill.score, drill.state, drill.ended_at, drill.live, drill.wanted = said.score, State.ENDED, now, None, ""
    drill.save(update_fields=["debrief", "score", "state", "ended_at", "live", "wanted", "why_ended", "problem"])
    audit.record(SYSTEM, "drill.debrief", str(drill), score=said.score, scenario=drill.scenario)
    feed.tell("drill", drill.pk)


def plant(decoy: domain.Decoy, began: datetime) -> None:
    """Report the harmless change as if it had been made shortly before."""
    changes.tell(
        ChangeEvent(
            time=began - BEFORE,
            service=decoy.service,
            kind=decoy.kind,
            id=f"drill-{began:%Y%m%d%H%M%S}",
            summary=decoy.summary,
            author="a colleague",
            version="",
            link="",
            diff=decoy.diff,
        )
    )


def done(actor: Actor) -> list[Practised]:
    """Every drill that was ended with a score."""
    rows = visible(actor).filter(state=State.ENDED).only("person_name", "scenario", "ended_at", "score")
    return [
        Practised(one.person_name, one.scenario, one.ended_at, one.score)
        for one in rows
        if one.ended_at is not None and one.score is not None
    ]


def standing(actor: Actor) -> list[dict[str, Any]]:
    """For each person: level, skills, and what to practise next; by name."""
    known, rows = scenarios(actor), done(actor)
    skills = domain.skill_map(known, rows)
    every = list(known.values())
    found = []
    for person in sorted({one.person for one in rows}):
        mastered = {one.scenario for one in rows if one.person == person and one.score >= domain.PASSED}
        following = domain.next_for(every, mastered)
        found.append(
            {
                "person": person,
                "level": domain.level_of(every, mastered),
                "mastered": len(mastered & known.keys()),
                "skills": skills.get(person, {}),
                "next": following.key if following else "",
            }
        )
    return found


@transaction.atomic
def save_exercise(actor: Actor, entry: Mapping[str, Any], source: str) -> None:
    """Make or change a scenario of a file."""
    require(actor, Right.MAINTAIN)
    wanted = scenario_of(entry)
    Exercise.objects.update_or_create(key=wanted.key, defaults={"entry": entry_of(wanted), "source": source})
    audit.record(actor, "drill.scenario", f"scenario {wanted.key}")


@transaction.atomic
def remove_exercise(actor: Actor, key: str) -> None:
    """Forget a scenario that left its file. Drills of it stay."""
    require(actor, Right.MAINTAIN)
    Exercise.objects.filter(key=key).delete()
    audit.record(actor, "drill.scenario_gone", f"scenario {key}")
