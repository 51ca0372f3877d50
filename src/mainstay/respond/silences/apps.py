"""The room as a Django app."""

from django.apps import AppConfig


class SilencesConfig(AppConfig):
    """Registered as ``silences``."""

    name = "mainstay.respond.silences"
    label = "silences"
