"""The room as a Django app."""

from django.apps import AppConfig


class SqlDeskConfig(AppConfig):
    """Registered as ``sqldesk``."""

    name = "mainstay.restore.sqldesk"
    label = "sqldesk"
