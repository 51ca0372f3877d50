"""Signing in and out, and one's own profile."""

from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib.auth import login, logout, update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from mainstay.core import audit, clock, people, tokens
from mainstay.core.models import Person
from mainstay.core.people import PersonError
from mainstay.core.problems import not_found
from mainstay.core.settings import current
from mainstay.faces.web.views.base import actor_of, is_own, person_of, public, say, show
from mainstay.respond.paging import services as paging

_BACKEND = settings.AUTHENTICATION_BACKENDS[0]


@public
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The form, and what it sends."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    context: dict[str, Any] = {"next": wanted if is_own(request, wanted) else ""}
    if request.method != "POST":
        return render(request, "web/sign_in.html", context)
    email = request.POST.get("email", "")
    try:
        # The address is the connection's own; behind a trusted proxy the server has put in the one that it names.
        person = people.sign_in(email, request.POST.get("password", ""), request.META.get("REMOTE_ADDR", ""))
    except PersonError as error:
        return render(request, "web/sign_in.html", {**context, "error": str(error), "email": email}, status=400)
    login(request, person, _BACKEND)
    return HttpResponseRedirect(context["next"] or "/")


@public
@require_http_methods(["GET", "HEAD", "POST"])
def welcome(request: HttpRequest) -> HttpResponse:
    """A one-time link. A script posts its secret from behind '#'; without scripts it is pasted into the form."""
    if request.method != "POST":
        return render(request, "web/welcome.html")
    # Who pastes may paste the whole link.
    secret = request.POST.get("secret", "").strip().rpartition("#")[2]
    person = tokens.use_sign_in_link(secret, clock.now())
    if person is None:
        error = "This link was used before or is too old. Ask an admin for a new one: mainstay person link ADDRESS"
        return render(request, "web/welcome.html", {"error": error}, status=400)
    login(request, person, _BACKEND)
    return HttpResponseRedirect("/me?welcome=1")


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    audit.record(actor_of(request), "person.sign_out", f"person {person_of(request).email}")
    logout(request)
    return HttpResponseRedirect("/sign-in")


def _myself(request: HttpRequest) -> Person:
    """The person as it stands in the table now, not as it was when the request began."""
    found = people.find(person_of(request).email)
    if found is None:
        raise not_found("account any more")
    return found


def _me(request: HttpRequest, status: int = 200, **more: Any) -> HttpResponse:
    person = person_of(request)
    context = {
        "person": person,
        "contacts": paging.contacts_of(actor_of(request), [person])[person.pk],
        "zones": sorted(available_timezones()),
        "default_zone": current().default_timezone,
        "is_new": request.GET.get("welcome") == "1",
        "has_password": person.has_usable_password(),
        **more,
    }
    answer = show(request, "me", context)
    answer.status_code = status
    return answer


def me(request: HttpRequest) -> HttpResponse:
    """One's own profile."""
    return _me(request)


@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Set the time zone."""
    person = _myself(request)
    try:
        people.set_preferences(actor_of(request), person, request.POST.get("timezone", "").strip())
    except PersonError as error:
        return _me(request, 400, zone_error=str(error))
    say(request, "Times are shown in this zone from now on.")
    return HttpResponseRedirect("/me")


@sensitive_post_parameters("password", "again", "old")
@require_POST
def password(request: HttpRequest) -> HttpResponse:
    """Set a password. Whoever has one must know it, so that a screen left open gives nobody the account."""
    person = _myself(request)
    new = request.POST.get("password", "")
    try:
        if person.has_usable_password() and not person.check_password(request.POST.get("old", "")):
            raise PersonError("The old password is not right.")
        if new != request.POST.get("again", ""):
            raise PersonError("The two new passwords are not the same.")
        people.set_password(actor_of(request), person, new)
    except PersonError as error:
        return _me(request, 400, password_error=str(error))
    # Other sessions of this person end with the old password; this one goes on.
    update_session_auth_hash(request, person)
    say(request, "Your password is set.")
    return HttpResponseRedirect("/me")
