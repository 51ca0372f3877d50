"""Filters and tags that show times, priorities and states. Colour is never alone: each has its shape and its word."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson
from django import template
from django.template import Context
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from mainstay.core import clock
from mainstay.core.settings import current
from mainstay.faces.web import assets, words
from mainstay.faces.web import markdown as texts

register = template.Library()

_PRIORITY = {
    1: "M4 0h4l4 4v4l-4 4H4L0 8V4z",
    2: "M6 0l6 6-6 6-6-6z",
    3: "M6 .5l6 11H0z",
    4: "M6 1a5 5 0 1 0 0 10A5 5 0 0 0 6 1zm0 2.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6z",
}
_STATE = {
    # A filled bar for what demands somebody, a half disc for what is taken, a ring for calm, a tick for done.
    "bad": "M1 1h10v10H1z",
    "taken": "M6 1a5 5 0 1 0 0 10A5 5 0 0 0 6 1zm0 1.6v6.8a3.4 3.4 0 0 1 0-6.8z",
    "calm": "M6 1a5 5 0 1 0 0 10A5 5 0 0 0 6 1zm0 1.6a3.4 3.4 0 1 1 0 6.8 3.4 3.4 0 0 1 0-6.8z",
    "good": "M4.6 10.2L.8 6.4l1.4-1.4 2.4 2.4 5.2-5.2 1.4 1.4z",
    "off": "M2.1.7L6 4.6 9.9.7l1.4 1.4L7.4 6l3.9 3.9-1.4 1.4L6 7.4l-3.9 3.9L.7 9.9 4.6 6 .7 2.1z",
}
_KINDS = {
    "open": "bad",
    "firing": "bad",
    "failed": "bad",
    "exhausted": "bad",
    "error": "bad",
    "fatal": "bad",
    "stale": "bad",
    "critical": "bad",
    "acknowledged": "taken",
    "pending": "taken",
    "claimed": "taken",
    "running": "taken",
    "warning": "taken",
    "waiting": "calm",
    "held": "calm",
    "met": "good",
    "breached": "bad",
    "kept": "good",
    "burning": "taken",
    "partly": "taken",
    "missing": "bad",
    "checking": "taken",
    "lapsed": "off",
    "cancelled": "off",
    "restored": "good",
    "resolved": "good",
    "sent": "good",
    "ok": "good",
    "dropped": "off",
    "stopped": "off",
    "disabled": "off",
    "window": "good",
    "freeze": "off",
    "event": "calm",
    "work": "taken",
    "release": "taken",
    "allowed": "good",
    "refused": "bad",
    "partial": "bad",
    "unknown": "bad",
    "rejected": "off",
    "withdrawn": "off",
    "requested": "taken",
    "paused": "taken",
    "committing": "taken",
    "done": "good",
    "draft": "calm",
    "approved": "good",
    "queued": "taken",
    "planned": "calm",
    "started": "taken",
    "watched": "taken",
    "passed": "good",
    "inconclusive": "calm",
    "overdue": "bad",
    "proposed": "taken",
    "dismissed": "off",
    "cause known": "taken",
    "fix planned": "taken",
    "verifying": "calm",
    "solved": "good",
    "working": "taken",
    "broken off": "off",
    "rolled back": "off",
    "building": "taken",
    "broken": "bad",
    "ready": "calm",
    "accepted": "taken",
    "asked": "bad",
    "fixed": "good",
    "declined": "off",
}


@register.simple_tag
def asset(name: str) -> str:
    """The address of a built file."""
    return assets.url(name)


@register.filter
def when(moment: datetime | None, style: str = "") -> str | SafeString:
    """A ``<time>`` in the person's zone with its offset. Style ``s`` adds seconds, ``short`` leaves out the rest."""
    if moment is None:
        return "not yet"
    now = clock.now()
    whole = words.clock_time(moment, now, seconds=True)
    shown = words.short_time(moment) if style == "short" else words.clock_time(moment, now, seconds=style == "s")
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), whole, shown)


@register.filter
def ago(moment: datetime | None) -> str:
    """How long ago, or how long until."""
    if moment is None:
        return "never"
    length = clock.now() - moment
    return f"in {words.duration(-length)}" if length < timedelta(0) else f"{words.duration(length)} ago"


@register.filter
def lasted(moment: datetime | None, until: datetime | None = None) -> str:
    """The time from one moment to another, or to now."""
    return words.duration((until or clock.now()) - moment) if moment else ""


@register.filter
def seconds(count: float | None) -> str:
    """A number of seconds as a length of time."""
    if count is None:
        return "not yet"
    return f"{count * 1000:.0f} ms" if count < 1 else words.duration(timedelta(seconds=count))


def _shape(path: str, css: str, text: str) -> SafeString:
    return format_html(
        '<span class="{}"><svg viewBox="0 0 12 12" aria-hidden="true"><path d="{}"/></svg>{}</span>', css, path, text
    )


@register.filter
def priority(value: int) -> SafeString:
    """A priority: shape, letter and colour."""
    return _shape(_PRIORITY.get(value, _PRIORITY[4]), f"p p{value}", f"P{value}")


@register.filter
def state(value: str, text: str = "") -> SafeString:
    """A state: shape, word and colour."""
    kind = _KINDS.get(str(value), "calm")
    return _shape(_STATE[kind], f"state {kind}", text or str(value))


@register.filter
def number(value: float | None) -> str:
    """A measured value."""
    return words.value(value)


@register.filter
def measured(value: float, unit: str) -> str:
    """A value of a check with its unit."""
    return words.measured(value, unit)


@register.filter
def impact(incident: Any) -> str:
    """Whom an incident hurts, in one line."""
    return words.impact(incident.reason, str(current().currency))


@register.filter
def markdown(text: str) -> SafeString:
    """A text that a person wrote in Markdown."""
    return texts.render(text)


@register.filter
def percent(share: float | None) -> str:
    """A share in percent, as exact as it matters."""
    return "not known" if share is None else f"{share * 100:.4g} %"


@register.filter
def whole_minutes(count: float) -> str:
    """A number of minutes as a length of time, below none too."""
    length = words.duration(timedelta(minutes=abs(count)))
    return length if count >= 0 else f"{length} too much"


@register.filter
def burn(rate: float | None) -> str:
    """A burn rate; in words where it is not known."""
    return "not known" if rate is None else f"{rate:.1f} x"


@register.filter
def time_left(clock_of: Any) -> str:
    """What is left of an agreed time."""
    return words.time_left(clock_of.left, over=not clock_of.goes_on)


@register.filter
def money(amount: object) -> str:
    """An amount in the installation's currency."""
    return words.money(amount, str(current().currency))


@register.filter
def safe_link(address: str) -> str:
    """The address if it leads to the web, else nothing: a link from outside may hold a script."""
    try:
        parts = urlsplit(str(address))
    except ValueError:
        return ""
    return str(address) if parts.scheme in {"http", "https"} and parts.netloc else ""


@register.filter
def applied_from(source: str) -> str | SafeString:
    """A mark on what comes from a file and is edited there."""
    if not source:
        return ""
    return format_html('<span class="from">from <code>{}</code>, edit it there</span>', source)


@register.filter
def items_of(found: Any) -> list[tuple[Any, Any]]:
    """The pairs of a mapping in order of their names."""
    return sorted(found.items()) if isinstance(found, dict) else []


@register.filter
def named(email: str, names: dict[str, str]) -> str:
    """The name of whoever has this address, else the address."""
    return names.get(email) or email


@register.filter
def first_of(people: Sequence[str]) -> str:
    """The first name and how many others there are: ``Ben Okafor and 1 more``."""
    if not people:
        return "nobody"
    return people[0] + (f" and {len(people) - 1} more" if len(people) > 1 else "")


@register.filter
def plain(found: Any) -> str:
    """A list or mapping of a record as people write it."""
    if isinstance(found, dict):
        return ", ".join(f"{name} {value}" for name, value in found.items())
    return ", ".join(map(str, found)) if isinstance(found, list) else str(found)


@register.filter
def breakable(text: str) -> SafeString:
    """Lets a long name with dots, dashes, slashes or underscores break after these."""
    parts = re.split(r"(?<=[._/:@-])", str(text))
    return format_html_join(mark_safe("<wbr>"), "{}", ((part,) for part in parts))


@register.filter
def grouped(value: int) -> str:
    """A count with a comma between thousands."""
    return f"{value:,}"


@register.filter
def length_of(length: timedelta) -> str:
    """A length of time."""
    return f"{length.total_seconds() * 1000:.0f} ms" if length < timedelta(seconds=1) else words.duration(length)


@register.filter
def plain_when(moment: datetime) -> str:
    """A time as text alone, where no element may stand."""
    return words.clock_time(moment, clock.now(), seconds=True)


@register.simple_tag
def querystring_of(**parts: str) -> str:
    """Parts of an address, escaped."""
    return urlencode(parts)


@register.filter
def as_json(found: Any) -> str:
    """Data for a script, as the text of an attribute; the template escapes it."""
    return orjson.dumps(found).decode()


@register.simple_tag(takes_context=True)
def query(context: Context, **changed: Any) -> str:
    """The address' query with some parts changed; an empty value takes a part away."""
    found = context["request"].GET.copy()
    for name, value in changed.items():
        if value in (None, ""):
            found.pop(name, None)
        else:
            found[name] = str(value)
    return f"?{found.urlencode()}" if found else "?"
