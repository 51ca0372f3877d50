"""The review of a problem: drafted, edited, signed by a second person, and given away as a file."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from mainstay.core.drawing import svg
from mainstay.core.problems import ProblemError
from mainstay.faces.api.problem_reviews import acted, file_answer
from mainstay.faces.web.views.base import actor_of, say, show, whole
from mainstay.learn.problems import reviews, services
from mainstay.learn.problems.domain.review import SECTIONS
from mainstay.learn.problems.models import Review


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, number: int) -> HttpResponse:
    """The document with its form. A form that cannot be kept comes back as it was written, beside what is kept."""
    if request.method != "POST":
        return _page(request, number)
    posted = {name: request.POST.get(name, "")[: reviews.LONGEST + 1] for name in (*SECTIONS, "tree")}
    try:
        row = reviews.save(actor_of(request), number, whole(request.POST.get("version"), 0), posted, posted.pop("tree"))
    except ProblemError as error:
        if error.status == 404:
            raise
        return _page(request, number, error)
    say(request, f"Version {row.version} is kept.")
    return HttpResponseRedirect(f"/problems/{number}/review")


def _page(request: HttpRequest, number: int, error: ProblemError | None = None) -> HttpResponse:
    actor = actor_of(request)
    problem = services.get(actor, number)
    row = reviews.visible(actor).filter(problem=number).first()
    typed = request.POST if request.method == "POST" and "version" in request.POST else {}
    context: dict[str, Any] = {"problem": problem, "review": row, "error": error}
    if row is not None:
        drawn = reviews.picture(row)
        context |= {
            "parts": [_part(row, name, title, typed) for name, title in SECTIONS.items()],
            "tree": typed.get("tree", row.tree),
            "tree_kept": row.tree if typed and typed.get("tree", "").replace("\r\n", "\n") != row.tree else "",
            # Made of our own words alone, each of them escaped.
            "picture": mark_safe(svg(drawn)) if drawn else "",  # noqa: S308
            "outline": drawn.alternative if drawn else "",
            "whys": reviews.whys(row),
            "hints": reviews.hints(actor, row),
            "hash": reviews.hash_of(row),
            "versions": list(row.versions.all()[:20]),
            "typed": bool(typed),
        }
    answer = show(request, "problem_review", context)
    answer.status_code = error.status if error else 200
    return answer


def _part(row: Review, name: str, title: str, typed: Any) -> dict[str, str]:
    kept = row.sections.get(name, "")
    text = typed.get(name, kept).replace("\r\n", "\n")
    return {"name": name, "title": title, "text": text, "kept": kept if text != kept else "", "shown": kept}


@require_POST
def act(request: HttpRequest, number: int, action: str) -> HttpResponse:
    """Draft it, ask for a second person, sign it, send it back."""
    try:
        said = acted(actor_of(request), number, action, request.POST.dict())
    except ProblemError as error:
        if error.status == 404:
            raise
        return _page(request, number, error)
    say(request, said)
    return HttpResponseRedirect(f"/problems/{number}/review")


@require_GET
def export(request: HttpRequest, number: int, form: str) -> HttpResponse:
    """The document as a file."""
    return file_answer(actor_of(request), number, form)
