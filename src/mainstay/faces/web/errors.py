"""Answers for requests that cannot be served, in the design of the screens."""

import logging

from django.http import HttpRequest, HttpResponse, HttpResponseServerError, JsonResponse
from django.shortcuts import render

from mainstay.core.problems import ProblemError

log = logging.getLogger(__name__)

_PLAIN_500 = (
    "<!doctype html><html lang=en><title>Something broke · Mainstay</title><h1>Something broke</h1>"
    "<p>This screen failed and the failure is in the log of the web process. Paging does not depend on it. "
    '<a href="/">Back to triage</a>'
)


def refuse(request: HttpRequest, status: int, title: str, detail: str) -> HttpResponse:
    """A page, or for a panel one paragraph, for a program problem details, that says what is wrong and what to do."""
    if request.path.startswith("/api/"):
        problem = ProblemError(status, title, detail)
        return JsonResponse(problem.body(), status=status, content_type="application/problem+json")
    template = "web/parts/refused.html" if request.headers.get("HX-Request") else "web/refused.html"
    return render(request, template, {"status": status, "title": title, "detail": detail}, status=status)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form whose protection token is missing or old."""
    log.info("a form was refused: %s", reason)
    detail = "The form was open too long, or you signed in elsewhere. Go back, reload the page and send it again."
    return refuse(request, 403, "Form too old", detail)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A request that makes no sense."""
    del exception
    return refuse(request, 400, "Not understood", "Mainstay cannot make sense of this request.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """An address that leads nowhere."""
    del exception
    return refuse(request, 404, "Nothing here", f"There is no screen at {request.path[:200]}.")


def broken(request: HttpRequest) -> HttpResponse:
    """A screen that failed. If even this page fails, a plain one still answers."""
    detail = "This screen failed; the failure is in the log of the web process. Paging does not depend on it."
    try:
        return refuse(request, 500, "Something broke", detail)
    except Exception:
        log.exception("the page for a failure failed as well")
        return HttpResponseServerError(_PLAIN_500)
