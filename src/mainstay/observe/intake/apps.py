"""The room as a Django app."""

from django.apps import AppConfig


class IntakeConfig(AppConfig):
    """Registered as ``intake``."""

    name = "mainstay.observe.intake"
    label = "intake"
