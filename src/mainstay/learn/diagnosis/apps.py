"""The room as a Django app."""

from django.apps import AppConfig


class DiagnosisConfig(AppConfig):
    """Registered as ``diagnosis``."""

    name = "mainstay.learn.diagnosis"
    label = "diagnosis"
