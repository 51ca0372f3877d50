"""Drills as plain data: one shape for the REST API and for the command line."""

from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path

from mainstay.core import clock, people
from mainstay.core.access import Actor
from mainstay.core.problems import bad_request
from mainstay.faces.api.endpoint import endpoint, fields_of, whole_of
from mainstay.learn.drills import domain, services
from mainstay.learn.drills.entry import scenario_of
from mainstay.learn.drills.models import Drill

Row = dict[str, Any]


def scenarios(actor: Actor) -> list[Row]:
    """What can be practised, the easier first. What is broken is not told."""
    order = list(domain.LEVELS)
    return [
        {
            "key": one.key,
            "name": one.name,
            "level": one.level,
            "skills": list(one.skills),
            "story": one.story,
            "hints": len(one.hints),
        }
        for one in sorted(services.scenarios(actor).values(), key=lambda one: order.index(one.level))
    ]


def _row(drill: Drill) -> Row:
    return {
        "id": drill.pk,
        "ref": str(drill),
        "scenario": drill.scenario,
        "person": drill.person_name,
        "state": drill.state,
        "began": drill.began_at,
        "ended": drill.ended_at,
        "score": drill.score,
    }


def listed(actor: Actor, limit: int) -> list[Row]:
    """Drills, the newest first."""
    return [_row(one) for one in services.visible(actor)[:limit]]


def shown(actor: Actor, number: int) -> Row:
    """One drill. What was broken is told when it has ended."""
    drill = services.get(actor, number)
    wanted = scenario_of(drill.asked)
    said = drill.debrief or {"stages": [], "losses": []}
    told = {"was": [one.what for one in wanted.culprits], "explanation": wanted.explanation} if drill.debrief else {}
    return {
        **_row(drill),
        "name": wanted.name,
        "story": wanted.story,
        "problem": drill.problem or None,
        "seconds": (clock.now() - drill.began_at).total_seconds() if drill.live and drill.began_at else None,
        "hints": [one.text for one in wanted.hints[: drill.hints]],
        "next_hint_costs": wanted.hints[drill.hints].cost if drill.hints < len(wanted.hints) else None,
        "answers": drill.answers,
        **said,
        **told,
    }


def started(actor: Actor, key: str, email: str = "") -> Row:
    """Ask for one, for oneself or for somebody else."""
    person = people.find(email) if email else None
    if email and person is None:
        raise bad_request(f"there is nobody with the address {email!r}", "person")
    drill = services.start(
        actor, key, person_id=person.pk if person else None, person_name=str(person) if person else ""
    )
    return _row(drill)


def skills(actor: Actor) -> list[Row]:
    """Who has practised what."""
    return [
        {
            **one,
            "skills": {
                name: {"best": held.best, "last": held.last, "scenarios": held.scenarios}
                for name, held in one["skills"].items()
            },
        }
        for one in services.standing(actor)
    ]


@endpoint("GET")
def _every(actor: Actor, request: HttpRequest) -> Any:
    return {"drills": listed(actor, whole_of(request, "limit", 50))}


@endpoint("GET")
def _scenarios(actor: Actor, request: HttpRequest) -> Any:
    del request
    return {"scenarios": scenarios(actor)}


@endpoint("GET")
def _skills(actor: Actor, request: HttpRequest) -> Any:
    del request
    return {"people": skills(actor)}


@endpoint("GET")
def _one(actor: Actor, request: HttpRequest, number: int) -> Any:
    del request
    return shown(actor, number)


@endpoint("POST")
def _start(actor: Actor, request: HttpRequest) -> Any:
    given = fields_of(request, {"scenario": str, "person": str})
    if not given.get("scenario"):
        raise bad_request("write the key of a scenario", "scenario")
    return started(actor, given["scenario"], given.get("person", ""))


@endpoint("POST")
def _act(actor: Actor, request: HttpRequest, number: int, action: str) -> Any:
    given = fields_of(request, {"service": str, "why": str})
    if action == "hint":
        return {"hint": services.hint(actor, number)}
    if action == "answer":
        return {"right": services.answer(actor, number, given.get("service", ""))}
    if action == "mend":
        services.mend(actor, number)
    elif action == "end":
        services.end(actor, number, given.get("why", ""))
    else:
        raise bad_request("write one of hint, answer, mend, end", "action")
    return shown(actor, number)


urlpatterns: list[URLPattern] = [
    path("drills", _every),
    path("drills/scenarios", _scenarios),
    path("drills/skills", _skills),
    path("drills/start", _start),
    path("drills/<int:number>", _one),
    path("drills/<int:number>/<str:action>", _act),
]
