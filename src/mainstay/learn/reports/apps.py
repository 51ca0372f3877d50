"""The room as a Django app."""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """Registered as ``reports``."""

    name = "mainstay.learn.reports"
    label = "reports"
