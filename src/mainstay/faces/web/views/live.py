"""The stream of live updates, and the count in the browser's tab."""

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user
from django.contrib.sessions.backends.base import SessionBase
from django.db import connections
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse

from mainstay.faces.web import icon, stream
from mainstay.faces.web.views.base import actor_of, whole
from mainstay.respond.incidents import services as incidents


async def events(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """Server-sent events. Resumes after ``Last-Event-ID``, else after the event that the page was drawn at."""
    person_id = actor_of(request).person_id
    after = whole(request.headers.get("Last-Event-ID") or request.GET.get("after"), -1)
    if stream.hub.closed:
        return HttpResponse(status=503, headers={"Retry-After": "2"})
    listener = await stream.hub.join(person_id)
    kind, key = type(request.session), request.session.session_key
    # The connection that found the session would stay open as long as the stream does.
    await sync_to_async(connections.close_all)()

    def still_allowed() -> bool:
        return _stands(kind(key))

    body = stream.follow(listener, after if after >= 0 else stream.hub.last, still_allowed)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(body, content_type="text/event-stream", headers=headers)


def _stands(session: SessionBase) -> bool:
    """Whether the session was not ended, its person not switched off and the password not changed elsewhere."""
    probe = HttpRequest()
    probe.session = session
    return bool(get_user(probe).is_authenticated)


def attention(request: HttpRequest) -> JsonResponse:
    """How many incidents nobody has taken, with the icon that says so."""
    count = incidents.count_waiting(actor_of(request))
    return JsonResponse({"count": count, "icon": icon.favicon(count)})
