"""Django's ``migrate``, with a short way for a database in which nothing is yet.

One by one the migrations take some ten seconds of a processor, nearly all of it spent on rendering models as they once
were, which nobody needs where there are no rows to carry over. An empty database gets the tables of the models as they
are, and the migrations are written down as applied. A test holds both ways to the same schema.
"""

from typing import Any

from django.apps import apps
from django.core.management.commands import migrate
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Model

# With one of these something else is asked for than a database that is up to date.
_OTHERS = ("app_label", "check_unapplied", "plan", "fake", "fake_initial", "prune")


class Command(migrate.Command):
    """Found in place of Django's by its name."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Make everything at once if nothing is there; then do what Django does, which finds nothing left to apply."""
        connection = connections[options["database"]]
        if not any(options[name] for name in _OTHERS) and not connection.introspection.table_names():
            _make(connection)
        super().handle(*args, **options)


def _make(connection: BaseDatabaseWrapper) -> None:
    """All tables, and the record that all migrations are applied, in one transaction."""
    recorder = MigrationRecorder(connection)
    with connection.schema_editor() as editor:
        models: list[type[Model]] = [recorder.Migration, *apps.get_models()]
        for model in models:
            if model._meta.can_migrate(connection):
                editor.create_model(model)
        for app, name in MigrationLoader(None).disk_migrations:
            recorder.migration_qs.create(app=app, name=name)
