"""Locks between workers, for the length of a transaction."""

import zlib

from django.db import connection


def one_at_a_time(name: str) -> None:
    """Wait until no other transaction holds this name, and hold it to the end of the caller's transaction.

    SQLite has one writer at a time, who holds the lock from ``BEGIN IMMEDIATE`` on; PostgreSQL gets an advisory lock.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [zlib.crc32(name.encode())])
