"""The room as a Django app."""

from django.apps import AppConfig


class MetricsConfig(AppConfig):
    """Registered as ``metrics``."""

    name = "mainstay.observe.metrics"
    label = "metrics"
