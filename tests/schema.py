"""The schema of a database as plain values: of this process's, or printed of one that is migrated step by step."""

import json
from typing import Any

from tests import environment

# Its key is of 32 bits by the model and of 64 by the migration, in Django itself; nothing here has groups.
_DJANGOS = "auth_group_permissions"


def described() -> dict[str, Any]:
    """Each table with its columns and constraints, whatever order they were made in."""
    from django.db import connection

    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table == _DJANGOS:
                continue
            columns = [list(one) for one in connection.introspection.get_table_description(cursor, table)]
            # SQLite numbers foreign keys that have no name.
            constraints = [
                ("" if name.startswith("__") or one["foreign_key"] else name, one)
                for name, one in connection.introspection.get_constraints(cursor, table).items()
            ]
            found[table] = {
                "columns": sorted(json.dumps(one, default=str) for one in columns),
                "constraints": sorted(json.dumps(one, default=str, sort_keys=True) for one in constraints),
            }
    return found


if __name__ == "__main__":
    import django
    from django.core.management import call_command

    assert environment
    django.setup()
    # Once one app's tables are there, the rest takes its migrations one by one.
    call_command("migrate", "core", verbosity=0)
    call_command("migrate", verbosity=0)
    print(json.dumps(described()))
