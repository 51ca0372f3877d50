"""The room as a Django app."""

from django.apps import AppConfig


class TimelineConfig(AppConfig):
    """Registered as ``timeline``."""

    name = "mainstay.respond.timeline"
    label = "timeline"
