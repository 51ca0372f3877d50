"""The room as a Django app."""

from django.apps import AppConfig


class PagingConfig(AppConfig):
    """Registered as ``paging``."""

    name = "mainstay.respond.paging"
    label = "paging"
