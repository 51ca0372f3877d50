"""The room as a Django app."""

from django.apps import AppConfig


class AssistantConfig(AppConfig):
    """Registered as ``assistant``."""

    name = "mainstay.learn.assistant"
    label = "assistant"
