"""The room as a Django app."""

from django.apps import AppConfig


class IncidentsConfig(AppConfig):
    """Registered as ``incidents``."""

    name = "mainstay.respond.incidents"
    label = "incidents"
