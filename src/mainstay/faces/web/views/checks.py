"""Health checks: how they stand, and one with what its runs said."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from mainstay.core.access import Right
from mainstay.core.problems import ProblemError
from mainstay.faces.web.views.base import actor_of, say, sheet_of, show
from mainstay.observe.checks import services
from mainstay.observe.checks.domain import NUMBERS, State

_ORDER = (State.CRITICAL, State.UNKNOWN, State.WARNING, State.OK)


@require_GET
def every(request: HttpRequest) -> HttpResponse:
    """All checks, those in trouble first."""
    found = list(services.visible(actor_of(request)))
    found.sort(key=lambda check: (not check.enabled, _ORDER.index(State(check.state)), check.key))
    return show(request, "checks", {"rows": [(check, services.interval_of(check)) for check in found]})


@require_GET
def one(request: HttpRequest, key: str) -> HttpResponse:
    """One check: what is run, how it stands and why, and its runs."""
    actor = actor_of(request)
    check = services.get(actor, key)
    sheet = sheet_of(request, services.runs(actor, check))
    context = {
        "check": check,
        "interval": services.interval_of(check),
        "timeout": services.timeout_of(check),
        "sheet": sheet,
        "newest": sheet.rows[0] if sheet.rows and sheet.number == 1 else None,
        "numbers": {str(state): number for number, state in enumerate(NUMBERS)},
        "may_respond": actor.right >= Right.RESPOND,
    }
    return show(request, "check", context)


@require_POST
def run(request: HttpRequest, key: str) -> HttpResponse:
    """Have it run at once."""
    try:
        services.run_now(actor_of(request), key)
        say(request, f"The worker runs {key} now. Look again in a moment.")
    except ProblemError as error:
        if error.status != 409:
            raise
        say(request, error.detail, "bad")
    return HttpResponseRedirect(f"/checks/{key}")
