"""Rows that many tests begin with: made once in a process, and put back for each later test as if made just then.

Making them goes through every service; putting them back is a few statements. What a person would see is the same:
moments are moved to the present, but for the audit log, whose chain of hashes holds its own.
"""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction

from mainstay.core import clock
from mainstay.core.models import AuditEntry

# Content types and permissions.
_DJANGOS = {"contenttypes", "auth"}
Rows = list[tuple[Any, ...]]
_made: dict[str, tuple[datetime, dict[str, Rows]]] = {}


def put(name: str, make: Callable[[], None]) -> None:
    """Have the rows that ``make`` makes in the database of this test."""
    if name in _made:
        at, tables = _made[name]
        _put_back(tables, clock.now() - at)
        return
    before = _every_row()
    make()
    # Nothing may lie in the future of a later test, so that its present is the moment after the last row.
    _made[name] = clock.now(), {table: rows for table, rows in _every_row().items() if rows != before[table]}


def empty() -> None:
    """Take away every row that a test has committed, but for what Django notes of the models themselves.

    In place of emptying all tables, which takes PostgreSQL half a second, those that hold something are.
    """
    names = [connection.ops.quote_name(one._meta.db_table) for one in _tables() if one._meta.app_label not in _DJANGOS]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(f"SELECT {at} WHERE EXISTS (SELECT 1 FROM {name})" for at, name in enumerate(names))
        )
        # Rows name each other; that is judged at the end of the transaction.
        for (at,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {names[at]}")


def _tables() -> list[type[models.Model]]:
    return [one for one in apps.get_models(include_auto_created=True) if one._meta.managed and not one._meta.proxy]


def _columns(model: type[models.Model]) -> str:
    return ", ".join(connection.ops.quote_name(str(one.column)) for one in model._meta.concrete_fields)


def _every_row() -> dict[str, Rows]:
    found = {}
    with connection.cursor() as cursor:
        for model in _tables():
            cursor.execute(f"SELECT {_columns(model)} FROM {connection.ops.quote_name(model._meta.db_table)}")
            found[model._meta.db_table] = cursor.fetchall()
    return found


def _put_back(tables: dict[str, Rows], later: timedelta) -> None:
    # Rows name each other; that is judged at the end of a transaction.
    with transaction.atomic(), connection.cursor() as cursor:
        for model in _tables():
            rows = tables.get(model._meta.db_table)
            if rows is None:
                continue
            name, holes = (
                connection.ops.quote_name(model._meta.db_table),
                ", ".join(["%s"] * len(rows[0])) if rows else "",
            )
            cursor.execute(f"DELETE FROM {name}")
            if rows:
                moved = _moved(model, rows, timedelta() if model is AuditEntry else later)
                cursor.executemany(f"INSERT INTO {name} ({_columns(model)}) VALUES ({holes})", moved)


def _moved(model: type[models.Model], rows: Rows, later: timedelta) -> Rows:
    moments = [isinstance(one, models.DateTimeField) for one in model._meta.concrete_fields]
    return [
        tuple(
            _written(value + later if moment and value else value) for value, moment in zip(row, moments, strict=True)
        )
        for row in rows
    ]


def _written(value: Any) -> Any:
    """SQLite reads moments, days and times out of text, and takes them as text alone."""
    return str(value) if connection.vendor == "sqlite" and isinstance(value, date | time) else value
