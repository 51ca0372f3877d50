"""Template variables of every screen: its frame, the count of what waits, and what was just said."""

from typing import Any

from django.http import HttpRequest

from mainstay.core import clock, feed
from mainstay.core.access import Right
from mainstay.core.models import Person
from mainstay.core.settings import current
from mainstay.faces.web import assets, icon
from mainstay.respond.incidents import services as incidents

MAIN = (
    ("Triage", "/"),
    ("Alerts", "/alerts"),
    ("Services", "/services"),
    ("Logs", "/logs"),
    ("On-call", "/on-call"),
    ("Changes", "/changes"),
    ("Known errors", "/known-errors"),
    ("Runbooks", "/runbooks"),
)
MORE = (
    ("Runs", "/runs"),
    ("Remedies", "/remedies"),
    ("Examine data", "/sql"),
    ("Calendar", "/calendar"),
    ("Releases", "/releases"),
    ("Maintenance", "/maintenance"),
    ("Configuration", "/configurations"),
    ("Supportability", "/supportability"),
    ("Trackers", "/trackers"),
    ("Drills", "/drills"),
    ("Own score", "/diagnosis"),
    ("Problems", "/problems"),
    ("Actions", "/actions"),
    ("Silences", "/silences"),
    ("Checks", "/checks"),
    ("Clean-up jobs", "/jobs"),
    ("Corrections", "/corrections"),
    ("Delivery log", "/deliveries"),
    ("Subscribers", "/subscribers"),
    ("Cases for developers", "/escalations"),
    ("Reports", "/reports"),
    ("Service levels", "/levels"),
    ("Rules", "/rules"),
    ("Priority matrix", "/matrix"),
    ("Audit log", "/audit"),
    ("System health", "/health"),
    ("Intake errors", "/intake-errors"),
)


def shell(request: HttpRequest) -> dict[str, Any]:
    """The frame around every screen. A panel that is loaded alone has no frame and asks for nothing."""
    actor = getattr(request, "actor", None)
    frame: dict[str, Any] = {"built": assets.is_built(), "not_built": assets.HINT, "here": _here(request.path)}
    # The page behind a mail's link stands alone, whoever else is signed in on that phone.
    alone = request.headers.get("HX-Request") or request.path.startswith("/a/")
    if actor is None or actor.right < Right.READ or alone:
        return {**frame, "actor": actor, "favicon": icon.favicon(0)}
    waiting = incidents.count_waiting(actor)
    return {
        **frame,
        "actor": actor,
        "me": request.user if isinstance(request.user, Person) else None,
        "may_respond": actor.right >= Right.RESPOND,
        "may_maintain": actor.right >= Right.MAINTAIN,
        "default_zone": current().default_timezone,
        "main_nav": MAIN,
        "more_nav": MORE,
        "waiting": waiting,
        "favicon": icon.favicon(waiting),
        "feed_from": feed.last_id(),
        "now": clock.now(),
        "said": _said(request),
    }


def _here(path: str) -> str:
    """The entry of the navigation that a path belongs to; an incident belongs to triage."""
    first = "/" + path.strip("/").partition("/")[0]
    return "/" if first == "/i" else first


def _said(request: HttpRequest) -> dict[str, str] | None:
    """What the last action has to say, once."""
    found: dict[str, str] | None = request.session.pop("said", None) if "said" in request.session else None
    return found
