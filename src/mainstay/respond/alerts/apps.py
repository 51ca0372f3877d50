"""The room as a Django app."""

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    """Registered as ``alerts``."""

    name = "mainstay.respond.alerts"
    label = "alerts"
