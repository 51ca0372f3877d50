"""Addresses of databases as configuration writes them."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

_ADDRESS = re.compile(
    r"(?:(?P<user>[^@:/]+)@)?(?P<host>\[[^\]]+\]|[^:/@]+)(?::(?P<port>\d{1,5}))?/(?P<database>[^/?#]+)\Z"
)


@dataclass(frozen=True)
class Address:
    """Where a database is, without its password. For SQLite, ``database`` is the path of the file."""

    database: str
    user: str = ""
    host: str = ""
    port: int | None = None


def parse_address(dialect: str, text: str) -> Address:
    """``USER@HOST:PORT/DATABASE``, or the path of a file. Raises ``ValueError`` that says what to write."""
    if dialect == "sqlite":
        if not text.startswith("/"):
            raise ValueError("write the whole path of the database file, beginning with /")
        return Address(text)
    found = _ADDRESS.match(text)
    if found is None:
        raise ValueError("write USER@HOST:PORT/DATABASE, without the password: that is a secret of its own")
    return Address(
        unquote(found["database"]),
        unquote(found["user"] or ""),
        found["host"].strip("[]"),
        int(found["port"]) if found["port"] else None,
    )
