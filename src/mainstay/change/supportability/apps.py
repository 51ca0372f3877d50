"""The room as a Django app."""

from django.apps import AppConfig


class SupportabilityConfig(AppConfig):
    """Registered as ``supportability``."""

    name = "mainstay.change.supportability"
    label = "supportability"
