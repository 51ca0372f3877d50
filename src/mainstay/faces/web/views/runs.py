"""Runs of runbooks: the list, and one with its approval, how far it has come, and what it writes."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from mainstay.core.access import Actor
from mainstay.core.problems import ProblemError
from mainstay.faces.web.views import run_inputs
from mainstay.faces.web.views.base import actor_of, say, sheet_of, show, whole
from mainstay.faces.web.views.deeds import Deeds, do
from mainstay.respond.incidents import services as incidents
from mainstay.restore import approval
from mainstay.restore.runbooks import answering, books, domain, facts, reading, services, trials
from mainstay.restore.runbooks.models import Run
from mainstay.restore.runbooks.remedies import reading as remedies
from mainstay.restore.runbooks.remedies import services as acting

State = Run.State
OFFERED = 8
# Of a long output its end is shown.
PIECES = 400


def every(request: HttpRequest) -> HttpResponse:
    """What waits for this person first, then all runs, or what was found in their output."""
    actor, sought = actor_of(request), request.GET.get("q", "").strip()[:200]
    context: dict[str, Any] = {"q": sought, "hits": [], "for_you": list(services.waiting_for(actor)[:20])}
    try:
        context["hits"] = reading.search(actor, sought) if sought else []
    except ProblemError as error:
        context["error"] = error.detail
    return show(request, "runs", {**context, "sheet": sheet_of(request, services.visible(actor))})


def one(request: HttpRequest, number: int) -> HttpResponse:
    """One run whole; while it is live, the part that says how far it has come is fetched again."""
    if request.headers.get("HX-Request"):
        actor = actor_of(request)
        if "trial" in request.GET:
            return show(request, "parts/run_trial", {**_trial(services.get(actor, number)), "alone": True})
        return show(request, "parts/run", _progress(actor, services.get(actor, number), request))
    return _page(request, number)


def _page(request: HttpRequest, number: int, error: ProblemError | None = None) -> HttpResponse:
    """The whole page; with ``error`` what was typed to correct its inputs stands there still."""
    actor = actor_of(request)
    run = services.get(actor, number)
    context = _progress(actor, run, request)
    book = facts.book_of(run.version.text)
    asked = [(cell, book.step(cell.step)) for cell in reading.asked(actor, number)]
    has_ended = run.state in services.ENDED
    answer = show(
        request,
        "run",
        {
            **context,
            "content": book,
            "error": error,
            "remedy": remedies.key_of_run(actor, number) if run.automatic else "",
            "broke": reading.broke(actor, number) if has_ended else [],
            "inputs": run_inputs.fields(book, run_inputs.typed(book, request.POST, run.inputs)) if has_ended else [],
            "hash": facts.hash_of(run),
            **_trial(run),
            "may_approve": approval.may_approve(run.state, run.requested_by_id, actor.person_id, run.barred()),
            "needs_approval": domain.needs_approval(book),
            "startable": services.startable(run),
            "since": reading.since_last(actor, run),
            "has_ended": has_ended,
            "asked": asked,
        },
    )
    answer.status_code = error.status if error else 200
    return answer


def _trial(run: Run) -> dict[str, Any]:
    """The dry run: what it found, or that it is being made or is of something else."""
    return {
        "run": run,
        "is_open": run.state in services.OPEN,
        "tried": trials.is_asked(run),
        "stale": bool(run.dry_run) and facts.hash_of(run) != run.dry_run_hash,
    }


def _progress(actor: Actor, run: Run, request: HttpRequest) -> dict[str, Any]:
    board, book = reading.board(actor, run.pk), facts.book_of(run.version.text)
    chosen = whole(request.GET.get("step"), 0)
    return {
        "run": run,
        "is_live": run.state in services.LIVE,
        "drawn": request.GET.get("drawn", run.state),
        "board": [(line, book.step(line.step).title or line.step) for line in board],
        "shown": next((cell for line in board for cell in line.cells if cell.pk == chosen), None),
    }


def of_incident(request: HttpRequest, number: int) -> HttpResponse:
    """A panel of an incident: what can be run for its service, and what was run for it."""
    actor = actor_of(request)
    incident = incidents.get(actor, number)
    known = incident.known_error.runbook if incident.known_error else ""
    fitting = list(dict.fromkeys([*([known] if known else []), *acting.fitting(actor, incident)]))
    offered = list(books.offered(actor, incident.service.key if incident.service else "", fitting)[:OFFERED])
    context = {
        "incident": incident,
        "known": known,
        "fitting": [book for book in offered if book.key in fitting],
        "others": [book for book in offered if book.key not in fitting],
        "runs": reading.of_incident(actor, number)[:OFFERED],
        "remedies": remedies.of_incident(actor, number)[:OFFERED],
    }
    return show(request, "parts/incident_runbooks", context)


def output(request: HttpRequest, number: int) -> HttpResponse:
    """What a run or one of its steps has written behind a piece, with the place from which to ask for more."""
    actor, step = actor_of(request), whole(request.GET.get("step"), 0)
    run, after, of = services.get(actor, number), whole(request.GET.get("after"), 0), whole(request.GET.get("of"), 0)
    found = reading.output(actor, number, step or None, after)
    pieces = list(found.order_by("-pk")[: PIECES + 1])[::-1]
    cut, pieces = len(pieces) > PIECES, pieces[-PIECES:]
    shown = []
    for piece in pieces:
        shown.append((piece, not step and piece.step_run_id != of))
        of = piece.step_run_id
    context = {"run": run, "pieces": shown, "cut": cut, "step": step, "of": of, "more": run.state in services.LIVE}
    return show(request, "parts/run_output", {**context, "last": pieces[-1].pk if pieces else after})


def _answer(actor: Actor, number: int, post: Any) -> None:
    del number  # The step knows its run.
    what, text = post.get("what", ""), post.get("text", "")
    answering.answer(actor, whole(post.get("step"), 0), what, text)


_DEEDS: Deeds = {
    "dry-run": (lambda actor, number, _: services.ask_dry_run(actor, number), "The worker makes the dry run."),
    "request": (lambda actor, number, _: services.request(actor, number), "Colleagues are asked to approve it."),
    "approve": (lambda actor, number, post: services.approve(actor, number, post.get("hash", "")), "It is approved."),
    "reject": (lambda actor, number, post: services.reject(actor, number, post.get("reason", "")), "It is rejected."),
    "start": (lambda actor, number, _: services.start(actor, number), "It is handed to the worker."),
    "break-glass": (
        lambda actor, number, post: services.break_glass(actor, number, post.get("reason", "")),
        "The glass is broken: it runs, every maintainer is told, and it owes a review.",
    ),
    "stop": (lambda actor, number, _: services.stop(actor, number), "It is being stopped."),
    "withdraw": (lambda actor, number, _: services.withdraw(actor, number), "It is withdrawn."),
    "answer": (_answer, "It goes on with your answer."),
    "review": (lambda actor, number, post: answering.review(actor, number, post.get("text", "")), "It is reviewed."),
}


@require_POST
def resume(request: HttpRequest, number: int) -> HttpResponse:
    """Go on from the step that failed, with the values as they were or with corrected ones."""
    actor = actor_of(request)
    run = services.get(actor, number)
    book = facts.book_of(run.version.text)
    try:
        run = services.resume(actor, number, run_inputs.given(run_inputs.typed(book, request.POST, run.inputs)))
    except ProblemError as error:
        return _page(request, number, error)
    if run.state == State.DRAFT:
        approval_said = "Ask for approval" if domain.needs_approval(book) else "Start it"
        say(request, f"It has other values now. {approval_said}: then it goes on from the step that failed.")
    else:
        say(request, "It goes on where it ended.")
    return HttpResponseRedirect(f"/runs/{number}")


@require_POST
def act(request: HttpRequest, number: int, action: str) -> HttpResponse:
    """Do something with a run."""
    return do(request, _DEEDS, number, action, f"/runs/{number}")


@require_POST
def stop_all(request: HttpRequest) -> HttpResponse:
    """Panic: stop every run."""
    count = services.stop_all(actor_of(request))
    say(request, f"{count} {'run is' if count == 1 else 'runs are'} being stopped." if count else "Nothing runs.")
    return HttpResponseRedirect("/runs")
