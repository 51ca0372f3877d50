"""Which screens somebody opens during a drill: kept for the debrief, and for nobody who is in none."""

from django.http import HttpRequest

from mainstay.learn.drills import services
from mainstay.learn.drills.models import Drill
from mainstay.respond.incidents.models import Incident

_KEY = "drill"


def take_part(request: HttpRequest, drill: int) -> None:
    """From now on what this browser opens belongs to a drill, until it has ended."""
    request.session[_KEY] = drill


def hiding(request: HttpRequest, incident: Incident) -> Drill | None:
    """The drill of this browser that hides the likely cause of an incident. Without a drill nothing is asked."""
    return services.hides(request.session[_KEY], incident) if _KEY in request.session else None


def remember(request: HttpRequest, status: int) -> None:
    """Keep a screen that was opened. Without a drill this asks nothing of the database."""
    actor = getattr(request, "actor", None)
    if actor is None or actor.person_id is None or _KEY not in request.session:
        return
    if request.method != "GET" or status != 200 or request.headers.get("HX-Request"):
        return
    if not request.path.startswith("/drills") and not services.looked(request.session[_KEY], request.get_full_path()):
        del request.session[_KEY]
