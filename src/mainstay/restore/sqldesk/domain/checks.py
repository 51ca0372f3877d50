"""Queries that say whether something is as it should be."""

from typing import Any


def holds(rows: list[tuple[Any, ...]]) -> bool:
    """Whether a check holds: one row with one value that is true."""
    if len(rows) != 1 or len(rows[0]) != 1:
        return False
    value = rows[0][0]
    if isinstance(value, str):
        return value.strip().lower() in {"t", "true", "1", "yes", "y"}
    return bool(value)
