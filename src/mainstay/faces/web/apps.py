"""The screens as a Django app."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Registered as ``web``."""

    name = "mainstay.faces.web"
    label = "web"
