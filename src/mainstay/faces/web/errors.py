"""Answers for requests that cannot be served."""

from django.http import HttpRequest, HttpResponse


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form whose protection token is missing or old."""
    return HttpResponse("The form was open too long. Go back, reload the page and send it again.", status=403)
