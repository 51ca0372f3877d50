"""The calendar: what is planned, whether production may be changed, emergencies that owe a review, and new entries."""

import calendar as days
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import available_timezones

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from mainstay.catalog import services as catalog
from mainstay.catalog.calendar import gate, ical, services
from mainstay.catalog.calendar.entries import CHANGES, KINDS, REACHES, CalendarError, Raw
from mainstay.catalog.levels import objectives
from mainstay.core import access, clock
from mainstay.core.access import Actor, Right
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.core.tokens import find_token
from mainstay.faces.web.views import happenings
from mainstay.faces.web.views.base import actor_of, person_of, public, say, show, whole
from mainstay.faces.web.views.happenings import Happening
from mainstay.observe.metrics.rules.files import RuleError, seconds

WEEKS = (2, 4, 8, 12)
REACH_WORDS = {
    "alone": "these alone",
    "dependents": "these and what needs them",
    "dependencies": "these and what they need",
    "both": "these, what needs them and what they need",
}
_FEED_BEFORE, _FEED_AHEAD = timedelta(days=30), timedelta(days=180)


def page(request: HttpRequest) -> HttpResponse:
    """The coming weeks, a month at a glance, and whether a service may be changed now."""
    actor, now = actor_of(request), clock.now()
    weeks = whole(request.GET.get("weeks"), WEEKS[1])
    weeks = weeks if weeks in WEEKS else WEEKS[1]
    coming, broken = happenings.between(actor, now, now + timedelta(weeks=weeks))
    month, week = _month(request.GET.get("month", "")), _week(request.GET.get("week", ""))
    asked = request.GET.get("service", "")
    reviews = gate.emergencies(actor)
    return show(
        request,
        "calendar",
        {
            "coming": _by_day(coming, now),
            "week": week,
            "days": _days(actor, week) if week else [],
            "week_before": f"{(week or timezone.localdate()) - timedelta(days=7):%G-W%V}",
            "week_after": f"{(week or timezone.localdate()) + timedelta(days=7):%G-W%V}",
            "this_week": f"{timezone.localtime(now):%G-W%V}",
            "weeks": weeks,
            "week_choices": WEEKS,
            "broken": broken,
            "month": month,
            "before": (month - timedelta(days=1)).strftime("%Y-%m"),
            "after": (month + timedelta(days=32)).strftime("%Y-%m"),
            "grid": _grid(actor, month),
            "services": catalog.visible_services(actor).order_by("name").values_list("key", "name"),
            "asked": asked,
            "answer": gate.may_change(actor, [asked], now, kind="other") if asked else None,
            "owed": list(reviews.filter(reviewed_at=None)[:50]),
            "reviewed": list(reviews.exclude(reviewed_at=None)[:5]),
            "allowances": objectives.allowances(now),
            "entries": list(services.visible(actor)[:500]),
            "kinds": KINDS,
        },
    )


def _month(text: str) -> date:
    """The first day of the month that the address names, else of this one."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return timezone.localtime(clock.now()).date().replace(day=1)


def _week(text: str) -> date | None:
    """The Monday of the week that the address names, as ``2026-W09``; nothing when it names none."""
    try:
        return datetime.strptime(f"{text}-1", "%G-W%V-%u").replace(tzinfo=timezone.get_current_timezone()).date()
    except ValueError:
        return None


def _by_day(rows: list[Happening], now: datetime) -> list[tuple[date, list[Happening]]]:
    """What happens by the day on which it begins for the person who looks; what runs already stands at today."""
    found: dict[date, list[Happening]] = {}
    for row in rows:
        found.setdefault(timezone.localtime(max(row.start, now)).date(), []).append(row)
    return sorted(found.items())


def _spread(actor: Actor, days_shown: Sequence[date]) -> list[tuple[date, list[Happening]]]:
    """Each of these days, in order, with all that has a part in it."""
    zone = timezone.get_current_timezone()
    edges = [datetime.combine(day, time(), zone) for day in [*days_shown, days_shown[-1] + timedelta(days=1)]]
    rows, _ = happenings.between(actor, edges[0], edges[-1])
    return [
        (day, [one for one in rows if one.start < end and one.end > start])
        for day, start, end in zip(days_shown, edges, edges[1:], strict=False)
    ]


def _days(actor: Actor, monday: date) -> list[tuple[date, list[Happening]]]:
    """The seven days of a week."""
    return _spread(actor, [monday + timedelta(days=count) for count in range(7)])


def _grid(actor: Actor, month: date) -> list[tuple[date, bool, dict[str, list[str]]]]:
    """The weeks of a month: (day, whether it is in the month, kind to names of what has a part in it)."""
    found = []
    for day, rows in _spread(actor, list(days.Calendar().itermonthdates(month.year, month.month))):
        names: dict[str, list[str]] = {}
        for one in rows:
            if one.name not in names.setdefault(one.kind, []):
                names[one.kind].append(one.name)
        found.append((day, day.month == month.month, names))
    return found


@public
def feed(request: HttpRequest) -> HttpResponse:
    """The calendar for other calendars: for who is signed in, or a program with a token in the header."""
    actor = actor_of(request)
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    token = find_token(secret.strip()) if kind.lower() == "bearer" and secret else None
    if token is not None:
        actor = access.of_token(token)
    if actor.right < Right.READ:
        return HttpResponse("Send 'Authorization: Bearer TOKEN' with a token of scope read.\n", status=401)
    now = clock.now()
    rows, _ = happenings.between(actor, now - _FEED_BEFORE, now + _FEED_AHEAD)
    body = ical.render((one.event() for one in rows), now)
    return HttpResponse(body, content_type="text/calendar; charset=utf-8")


def entry(request: HttpRequest, key: str) -> HttpResponse:
    """One entry with its next times."""
    actor = actor_of(request)
    row = services.get(actor, key)
    raw = services.raw_of(row)
    context: dict[str, Any] = {"entry": row, "raw": raw, "kind": KINDS.get(row.kind, row.kind)}
    context["reach"] = REACH_WORDS.get(row.reach, row.reach)
    try:
        context["preview"] = services.preview(actor, raw)
    except CalendarError as error:
        context["error"] = str(error)
    return show(request, "calendar_entry", context)


def _several(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _fields_of(raw: Raw) -> dict[str, Any]:
    """An entry as the form shows it."""
    return {
        **{name: getattr(raw, name) for name in ("key", "kind", "name", "timezone", "start", "to", "rrule", "until")},
        "days_later": raw.days_later or "",
        "lasts": f"{raw.lasts}s" if raw.lasts is not None else "",
        "rdate": ", ".join(raw.rdate),
        "exdate": ", ".join(raw.exdate),
        "services": raw.services,
        "reach": raw.reach,
        "changes": raw.changes,
        "reason": raw.reason,
    }


def _read_form(post: Any) -> Raw:
    """What the form says. Raises ``CalendarError``."""
    texts = {name: post.get(name, "").strip()[:2000] for name in ("key", "name", "start", "to", "rrule", "until")}
    lasts = post.get("lasts", "").strip()
    try:
        length = int(seconds(lasts, "lasts")) if lasts else None
    except RuleError as error:
        raise CalendarError("lasts", str(error).removeprefix("lasts: ")) from error
    if not texts["key"]:
        raise CalendarError("key", "write a short name of letters, digits and dashes, which stays the same")
    return Raw(
        **texts,
        kind=post.get("kind", ""),
        timezone=post.get("timezone", ""),
        lasts=length,
        days_later=whole(post.get("days_later"), 0),
        rdate=_several(post.get("rdate", "")),
        exdate=_several(post.get("exdate", "")),
        services=frozenset(post.getlist("services")),
        reach=post.get("reach", ""),
        changes=frozenset(post.getlist("changes")),
        reason=post.get("reason", "").strip()[:2000],
    )


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest) -> HttpResponse:
    """The form of a new entry, or with ``key`` of one that was made by hand; first a preview, then it is kept."""
    actor = actor_of(request)
    access.require(actor, Right.MAINTAIN)
    if request.method != "POST":
        return _form(request, _start_of(request, actor))
    try:
        raw = _read_form(request.POST)
        if request.POST.get("do") == "save":
            services.save(actor, raw)
            say(request, f"{raw.name or raw.key} stands in the calendar.")
            return HttpResponseRedirect(f"/calendar/entries/{raw.key}")
        return _form(request, _fields_of(raw), preview=services.preview(actor, raw))
    except (CalendarError, ProblemError) as error:
        posted = {name: value for name, value in request.POST.items() if name not in {"services", "changes"}}
        lists = {name: request.POST.getlist(name) for name in ("services", "changes")}
        told = error.detail if isinstance(error, ProblemError) else str(error)
        return _form(request, {**posted, **lists}, 400, error=told)


def _start_of(request: HttpRequest, actor: Actor) -> Mapping[str, Any]:
    """What a fresh form holds."""
    key = request.GET.get("key", "")
    if key:
        return _fields_of(services.raw_of(services.get(actor, key)))
    zone = person_of(request).timezone or current().default_timezone
    tonight = timezone.localtime(clock.now()).date() + timedelta(days=1)
    return {"kind": "window", "timezone": zone, "start": f"{tonight}T02:00", "lasts": "2h", "reach": "alone"}


def _form(request: HttpRequest, fields: Mapping[str, Any], status: int = 200, **more: Any) -> HttpResponse:
    choices = {
        "kinds": KINDS.items(),
        "reaches": [(one, REACH_WORDS[one]) for one in REACHES],
        "change_kinds": CHANGES,
        "zones": sorted(available_timezones()),
        "services": catalog.visible_services(actor_of(request)).order_by("name").values_list("key", "name"),
    }
    answer = show(request, "calendar_edit", {"fields": fields, **choices, **more})
    answer.status_code = status
    return answer


@require_POST
def remove(request: HttpRequest, key: str) -> HttpResponse:
    """Delete an entry that was made by hand."""
    services.remove(actor_of(request), key)
    say(request, f"{key} is out of the calendar.")
    return HttpResponseRedirect("/calendar")


@require_POST
def review(request: HttpRequest, number: int) -> HttpResponse:
    """Say what came of an emergency."""
    gate.review(actor_of(request), number, request.POST.get("review", ""))
    say(request, "The emergency is reviewed.")
    return HttpResponseRedirect("/calendar#emergencies")
