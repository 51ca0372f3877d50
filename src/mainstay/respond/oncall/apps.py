"""The room as a Django app."""

from django.apps import AppConfig


class OncallConfig(AppConfig):
    """Registered as ``oncall``."""

    name = "mainstay.respond.oncall"
    label = "oncall"
