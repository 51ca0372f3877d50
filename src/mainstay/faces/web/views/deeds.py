"""What a person does with one thing by a button on its page."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from mainstay.core.access import Actor
from mainstay.core.problems import ProblemError, bad_request
from mainstay.faces.web.views.base import actor_of, say

# What is called with who asks, the number and the form, and what the page says then.
Deeds = Mapping[str, tuple[Callable[[Actor, int, Any], Any], str]]


def do(request: HttpRequest, deeds: Deeds, number: int, action: str, page: str) -> HttpResponse:
    """Do it, and say on ``page`` what came of it, also where it is refused."""
    if action not in deeds:
        raise bad_request(f"write one of {', '.join(deeds)}", "action")
    deed, said = deeds[action]
    try:
        deed(actor_of(request), number, request.POST)
        say(request, said)
    except ProblemError as error:
        if error.status == 404:
            raise
        say(request, error.detail, "bad")
    return HttpResponseRedirect(page)
