"""Alerts: the list, and one alert whole."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from mainstay.faces.web.views.base import actor_of, is_panel, sheet_of, show
from mainstay.observe.metrics import services as metrics
from mainstay.respond.alerts import services as alerts
from mainstay.respond.alerts.models import Alert


def every(request: HttpRequest) -> HttpResponse:
    """All alerts, those that fire first."""
    found = alerts.visible(actor_of(request)).order_by("state", "-starts_at", "-pk")
    state, text = request.GET.get("state", ""), request.GET.get("q", "")[:100]
    if state in Alert.State.values:
        found = found.filter(state=state)
    if text:
        found = found.filter(name__icontains=text)
    context: dict[str, Any] = {"sheet": sheet_of(request, found), "state": state, "q": text}
    context["states"] = Alert.State.choices
    if not is_panel(request):
        context["firing"] = alerts.visible(actor_of(request)).filter(state=Alert.State.FIRING).count()
    return show(request, "alerts", context, "parts/alerts")


def one(request: HttpRequest, number: int) -> HttpResponse:
    """One alert with everything that is known of it."""
    actor = actor_of(request)
    alert = alerts.get(actor, number)
    context: dict[str, Any] = {"alert": alert, "threshold": metrics.threshold_of(alert.rule) if alert.rule else None}
    return show(request, "alert", context)
