"""The ground floor as a Django app."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Registered as ``core``."""

    name = "mainstay.core"
    label = "core"
