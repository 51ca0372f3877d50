"""Fixtures of changes: the databases of the SQL desk."""

from tests.sqldesk.conftest import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]
