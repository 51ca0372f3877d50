"""The room as a Django app."""

from django.apps import AppConfig


class ConfigsConfig(AppConfig):
    """Registered as ``configs``."""

    name = "mainstay.change.configs"
    label = "configs"
