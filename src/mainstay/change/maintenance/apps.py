"""The room as a Django app."""

from django.apps import AppConfig


class MaintenanceConfig(AppConfig):
    """Registered as ``maintenance``."""

    name = "mainstay.change.maintenance"
    label = "maintenance"
