"""What views share: who asks, whether a panel or a page is wanted, pages of a list, and what to say after a deed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from mainstay.core.access import Actor
from mainstay.core.models import Person

View = TypeVar("View", bound=Callable[..., Any])
Row = TypeVar("Row", bound=Model)
PER_PAGE = 50


def public(view: View) -> View:
    """Open a view to those who have not signed in."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def actor_of(request: HttpRequest) -> Actor:
    """Who asks."""
    return cast("Actor", request.actor)  # type: ignore[attr-defined]


def person_of(request: HttpRequest) -> Person:
    """The signed-in person. Only for screens that are not public."""
    return cast("Person", request.user)


def is_panel(request: HttpRequest) -> bool:
    """Whether the browser wants a part of a page, to put into the one that is open."""
    return bool(request.headers.get("HX-Request"))


def show(request: HttpRequest, page: str, context: dict[str, Any], panel: str = "") -> HttpResponse:
    """Answer with the whole page, or with its panel alone when that is what was asked for."""
    template = panel if panel and is_panel(request) else page
    return render(request, f"web/{template}.html", context)


def say(request: HttpRequest, text: str, kind: str = "good") -> None:
    """Tell the person on the next page what came of it. Kinds: good, bad."""
    request.session["said"] = {"text": text, "kind": kind}


def back_to(request: HttpRequest, fallback: str) -> HttpResponse:
    """Go where the form says, if that is in this house."""
    wanted = request.POST.get("next", "")
    return HttpResponseRedirect(wanted if is_own(request, wanted) else fallback)


def is_own(request: HttpRequest, address: str) -> bool:
    """Whether an address stays on this installation. Guards against open redirects."""
    allowed = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return bool(address) and allowed and not urlsplit(address).netloc and address.startswith("/")


@dataclass(frozen=True)
class Sheet:
    """One page of a long list. ``more`` says whether another follows."""

    rows: list[Any]
    number: int
    more: bool


def sheet_of(request: HttpRequest, found: QuerySet[Row]) -> Sheet:
    """The page of a list that the address asks for. It counts nothing, so that a long log stays quick."""
    number = max(whole(request.GET.get("page"), 1), 1)
    start = (min(number, 10_000) - 1) * PER_PAGE
    rows = list(found[start : start + PER_PAGE + 1])
    return Sheet(rows[:PER_PAGE], number, len(rows) > PER_PAGE)


def whole(text: str | None, fallback: int) -> int:
    """The whole number that a part of an address or a form holds."""
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else fallback
