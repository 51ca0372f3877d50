"""The room as a Django app."""

from django.apps import AppConfig


class RunbooksConfig(AppConfig):
    """Registered as ``runbooks``."""

    name = "mainstay.restore.runbooks"
    label = "runbooks"
