"""The room as a Django app."""

from django.apps import AppConfig


class EscalationConfig(AppConfig):
    """Registered as ``escalation``."""

    name = "mainstay.learn.escalation"
    label = "escalation"
