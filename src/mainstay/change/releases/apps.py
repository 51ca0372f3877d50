"""The room as a Django app."""

from django.apps import AppConfig


class ReleasesConfig(AppConfig):
    """Registered as ``releases``."""

    name = "mainstay.change.releases"
    label = "releases"
