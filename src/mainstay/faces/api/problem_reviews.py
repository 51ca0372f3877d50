"""Reviews of problems as plain data and as files."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from mainstay.core import clock, documents
from mainstay.core.access import Actor
from mainstay.core.problems import ProblemError, bad_request
from mainstay.faces.api.endpoint import endpoint, fields_of
from mainstay.faces.web import assets
from mainstay.learn.problems import reviews, services

Row = dict[str, Any]


def shown(actor: Actor, pk: int) -> Row:
    """A review with its hints and what a signature would bind."""
    row = reviews.get(actor, pk)
    return {
        "problem": f"PRB-{pk}",
        "version": row.version,
        "state": row.state,
        "sections": row.sections,
        "tree": row.tree,
        "whys": reviews.whys(row),
        "hash": reviews.hash_of(row),
        "edited_at": row.edited_at,
        "edited_by": row.edited_name,
        "signed_at": row.signed_at,
        "signed_by": row.signed_name or None,
        "hints": [
            {"section": title, "sentence": one.words, "says": one.says} for title, one in reviews.hints(actor, row)
        ],
    }


def as_file(actor: Actor, pk: int, form: str) -> bytes:
    """The document in one of the formats of documents."""
    if form not in documents.FORMATS:
        raise bad_request(f"write one of {', '.join(documents.FORMATS)}", "format")
    blocks = reviews.blocks(actor, services.get(actor, pk), reviews.get(actor, pk))
    return documents.as_file(blocks, form, assets.DIST / "fonts", clock.now())


def file_answer(actor: Actor, pk: int, form: str) -> HttpResponse:
    """The document as an answer that is kept as a file."""
    body = as_file(actor, pk, form)
    name = f'attachment; filename="PRB-{pk}.{form}"'
    return HttpResponse(body, content_type=documents.FORMATS[form], headers={"Content-Disposition": name})


@endpoint("GET")
def _one(actor: Actor, request: HttpRequest, pk: int) -> Any:
    del request
    return shown(actor, pk)


@endpoint("GET")
def _file(actor: Actor, request: HttpRequest, pk: int) -> Any:
    return file_answer(actor, pk, request.GET.get("format", "html"))


@endpoint("POST")
def _draft(actor: Actor, request: HttpRequest, pk: int) -> Any:
    fields_of(request, {})
    reviews.draft(actor, pk)
    return shown(actor, pk)


@endpoint("POST")
def _save(actor: Actor, request: HttpRequest, pk: int) -> Any:
    given = fields_of(request, {"version": int, "sections": dict, "tree": str})
    row = reviews.get(actor, pk)
    sections = {name: str(text) for name, text in given.get("sections", {}).items()}
    reviews.save(actor, pk, given.get("version", 0), sections, given.get("tree", row.tree))
    return shown(actor, pk)


@endpoint("POST")
def _request(actor: Actor, request: HttpRequest, pk: int) -> Any:
    fields_of(request, {})
    reviews.request(actor, pk)
    return shown(actor, pk)


def acted(actor: Actor, pk: int, action: str, given: Row) -> str:
    """Take a step with a review; what it came to in a sentence."""
    if action == "draft":
        reviews.draft(actor, pk)
        return "It is drafted from the trail: read it, and say what only people know."
    if action == "request":
        reviews.request(actor, pk)
        return "It waits for a second person."
    if action == "sign":
        reviews.sign(actor, pk, str(given.get("hash", "")))
        return "It is signed off."
    if action == "back":
        reviews.send_back(actor, pk, str(given.get("text", "")))
        return "It is a draft again."
    raise ProblemError(404, "Not found", f"A review cannot {action}.")


urlpatterns: list[URLPattern] = [
    path("problems/<int:pk>/review", _one),
    path("problems/<int:pk>/review/file", _file),
    path("problems/<int:pk>/review/draft", _draft),
    path("problems/<int:pk>/review/save", _save),
    path("problems/<int:pk>/review/request", _request),
]
