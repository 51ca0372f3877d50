"""Drills: what can be practised and who has, one that goes on, and the debrief of one that is over."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from mainstay.catalog import services as catalog
from mainstay.core import clock
from mainstay.core.access import Actor
from mainstay.core.problems import ProblemError, not_found
from mainstay.faces.web.drills import take_part
from mainstay.faces.web.views.base import actor_of, back_to, say, show
from mainstay.learn.drills import deeds, domain, services
from mainstay.learn.drills.entry import scenario_of
from mainstay.learn.drills.models import Drill

_STAGES = {
    "alert": "The first alert",
    "notice": "Noticed",
    "acknowledge": "Acknowledged",
    "find": "Found",
    "restore": "Restored",
    "tell": "Told, by a note",
}


@require_GET
def every(request: HttpRequest) -> HttpResponse:
    """The curriculum by level, the last drills, and the map of skills."""
    actor = actor_of(request)
    known = services.scenarios(actor)
    done = services.done(actor)
    mine = {one.scenario: one.score for one in sorted(done, key=lambda one: one.score) if one.person == actor.name}
    people = [_person(one, known) for one in services.standing(actor)]
    by_level = {title: [one for one in known.values() if one.level == level] for level, title in domain.LEVELS.items()}
    context = {
        "levels": [
            (title, [(one, mine.get(one.key), deeds.possible(one.breaks)) for one in rows])
            for title, rows in by_level.items()
        ],
        "any": bool(known),
        "people": people,
        "running": services.running(actor),
        "drills": services.visible(actor).filter(live=None)[:10],
        "passed": domain.PASSED,
    }
    return show(request, "drills", context)


def _person(standing: dict[str, Any], known: Mapping[str, domain.Scenario]) -> dict[str, Any]:
    """One person as the map shows it: what was practised, what was not, what comes next."""
    held, following = standing["skills"], known.get(standing["next"])
    return {
        "person": standing["person"],
        "title": domain.LEVELS.get(standing["level"], "none yet"),
        "practised": [(title, held[skill]) for skill, title in domain.SKILLS.items() if skill in held],
        "lacking": [title for skill, title in domain.SKILLS.items() if skill not in held],
        "following": following.name if following else "",
    }


@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Ask for one."""
    try:
        drill = services.start(actor_of(request), request.POST.get("scenario", ""))
    except ProblemError as error:
        say(request, f"{error.detail[:1].upper()}{error.detail[1:]}.", "bad")
        return HttpResponseRedirect("/drills")
    take_part(request, drill.pk)
    return HttpResponseRedirect(f"/drills/{drill.pk}")


def _board(drill: Drill) -> dict[str, Any]:
    wanted = scenario_of(drill.asked)
    said = drill.debrief
    if drill.began_at and not said:
        now = services.look_at(drill, clock.now())
        stages: list[dict[str, Any]] = [
            {"name": one.name, "seconds": one.seconds, "within": one.within} for one in now.stages
        ]
    else:
        stages = said.get("stages", [])
    longest = max([one["seconds"] or 0 for one in stages] + [one["within"] or 0 for one in stages] + [1])
    return {
        "drill": drill,
        "scenario": wanted,
        "level": domain.LEVELS[wanted.level],
        "skills": [domain.SKILLS[one] for one in wanted.skills],
        "taken": wanted.hints[: drill.hints],
        "next_hint": wanted.hints[drill.hints] if drill.hints < len(wanted.hints) else None,
        "named": drill.answers,
        "found": sum(1 for one in wanted.culprits if any(a["service"] in one.accepted for a in drill.answers)),
        "stages": [
            {**one, "title": _STAGES[one["name"]], "share": round(100 * (one["seconds"] or 0) / longest)}
            for one in stages
        ],
        "debrief": said,
        "looks": [(datetime.fromisoformat(one["at"]), one["path"]) for one in said.get("looks", ())],
    }


@require_GET
def one(request: HttpRequest, number: int) -> HttpResponse:
    """A drill: its clock and what was done while it goes on, its debrief when it has ended."""
    actor = actor_of(request)
    drill = services.get(actor, number)
    if drill.live and drill.person_id == actor.person_id:
        take_part(request, drill.pk)
    return show(request, "drill", {**_board(drill), "services": _names(actor)}, "parts/drill_board")


def _names(actor: Actor) -> list[tuple[str, str]]:
    return list(catalog.visible_services(actor).order_by("name").values_list("key", "name"))


@require_POST
def act(request: HttpRequest, number: int, action: str) -> HttpResponse:
    """Take a hint, name what is broken, have it mended, or break the drill off."""
    actor = actor_of(request)
    try:
        if action == "hint":
            services.hint(actor, number)
        elif action == "answer":
            right = services.answer(actor, number, request.POST.get("service", ""))
            say(request, "That is it." if right else "That is not it.", "good" if right else "bad")
        elif action == "mend":
            services.mend(actor, number)
            say(request, "It is mended within seconds.")
        elif action == "show-cause":
            services.show_cause(actor, number)
        elif action == "end":
            services.end(actor, number, request.POST.get("why", ""))
        else:
            raise not_found(f"action {action}")
    except ProblemError as error:
        if error.status == 404:
            raise
        say(request, f"{error.detail[:1].upper()}{error.detail[1:]}.", "bad")
    return back_to(request, f"/drills/{number}")
