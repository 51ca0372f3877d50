"""The room as a Django app."""

from django.apps import AppConfig


class DrillsConfig(AppConfig):
    """Registered as ``drills``."""

    name = "mainstay.learn.drills"
    label = "drills"
