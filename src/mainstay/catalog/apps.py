"""The room as a Django app."""

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """Registered as ``catalog``."""

    name = "mainstay.catalog"
    label = "catalog"
