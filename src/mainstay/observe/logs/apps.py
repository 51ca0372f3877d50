"""The room as a Django app."""

from django.apps import AppConfig


class LogsConfig(AppConfig):
    """Registered as ``logs``."""

    name = "mainstay.observe.logs"
    label = "logs"
