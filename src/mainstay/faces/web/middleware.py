"""What every request of a screen passes through: headers that protect it, and the person who asks."""

import logging
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin

from mainstay.core.access import AccessError, Actor, Right, of_person
from mainstay.core.models import Person
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.faces.web import drills, errors

log = logging.getLogger(__name__)
NOBODY = Actor("nobody", Right.NONE)
_API = "/api/"

CSP = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "font-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def policy(**changed: str) -> str:
    """The Content Security Policy, with directives replaced: ``policy(style_src="'self' 'sha256-…'")``."""
    directives = {**CSP, **{name.replace("_", "-"): value for name, value in changed.items()}}
    return "; ".join(f"{name} {value}" for name, value in directives.items())


class SecurityHeaders(MiddlewareMixin):
    """Sets the protecting headers on every answer; a view may have set a stricter one of its own."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Add what is missing."""
        response.headers.setdefault("Content-Security-Policy", policy())
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if settings.SECURE_HSTS_SECONDS:
            response.headers.setdefault("Strict-Transport-Security", f"max-age={settings.SECURE_HSTS_SECONDS}")
        if not request.path.startswith(_API):
            # A screen shows what is true now and to this person; neither a proxy nor the back button may keep it.
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class PersonContext(MiddlewareMixin):
    """Gives each request its actor and time zone, asks for sign-in, and makes pages of refusals.

    A screen is closed unless its view says otherwise with ``@public``, so that a new one cannot be open by oversight.
    """

    def process_request(self, request: HttpRequest) -> None:
        """Find out who asks."""
        if request.path.startswith(_API):
            return
        person = request.user if isinstance(request.user, Person) and request.user.is_active else None
        # `request.user` is lazy and stands for the person; the class above sees through it.
        request.actor = of_person(person) if person else NOBODY  # type: ignore[attr-defined]
        name = person.timezone if person else ""
        timezone.activate(ZoneInfo(name or current().default_timezone))

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """Ask for sign-in where it is needed."""
        del args, kwargs
        if request.path.startswith(_API) or getattr(view, "is_public", False):
            return None
        if request.actor.right >= Right.READ:  # type: ignore[attr-defined]
            return None
        if request.headers.get("HX-Request"):
            return HttpResponse(status=401, headers={"HX-Redirect": settings.LOGIN_URL})
        back = request.get_full_path() if request.method == "GET" else "/"
        return redirect_to_login(back, settings.LOGIN_URL, "next")

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Show a refusal as a page that says what to do."""
        if request.path.startswith(_API):
            return None
        if isinstance(error, AccessError):
            return errors.refuse(request, 403, "Not allowed", str(error))
        if isinstance(error, ProblemError):
            return errors.refuse(request, error.status, error.title, error.detail)
        return None

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Write down what somebody opens in a drill, and leave the thread as it was found."""
        drills.remember(request, response.status_code)
        timezone.deactivate()
        return response
