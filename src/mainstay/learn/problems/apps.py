"""The room as a Django app."""

from django.apps import AppConfig


class ProblemsConfig(AppConfig):
    """Registered as ``problems``."""

    name = "mainstay.learn.problems"
    label = "problems"
