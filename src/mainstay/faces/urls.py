"""Every address of the screens and the API."""

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path

from mainstay.faces.web.views.base import public


@public
def healthz(request: HttpRequest) -> HttpResponse:
    """Whether this process answers."""
    del request
    return HttpResponse("ok\n", content_type="text/plain")


urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz),
    path("api/v1/", include("mainstay.faces.api.views")),
    path("", include("mainstay.faces.web.urls")),
]
handler400 = "mainstay.faces.web.errors.bad_request"
handler404 = "mainstay.faces.web.errors.not_found"
handler500 = "mainstay.faces.web.errors.broken"
