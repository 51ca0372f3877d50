"""The room as a Django app."""

from django.apps import AppConfig


class ChecksConfig(AppConfig):
    """Registered as ``checks``."""

    name = "mainstay.observe.checks"
    label = "checks"
