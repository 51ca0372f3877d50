"""The room as a Django app."""

from django.apps import AppConfig


class ClocksConfig(AppConfig):
    """Registered as ``clocks``."""

    name = "mainstay.respond.clocks"
    label = "clocks"
