"""The room as a Django app."""

from django.apps import AppConfig


class CommsConfig(AppConfig):
    """Registered as ``comms``."""

    name = "mainstay.respond.comms"
    label = "comms"
