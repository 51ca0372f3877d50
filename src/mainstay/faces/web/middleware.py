"""What every request of a screen passes through."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

Handler = Callable[[HttpRequest], HttpResponse]


def SecurityHeaders(get_response: Handler) -> Handler:  # noqa: N802
    def handle(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    return handle


def PersonContext(get_response: Handler) -> Handler:  # noqa: N802
    def handle(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    return handle
