"""The three databases that the desk is tested on, each as a session and as a way to look at everything."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import make_url

from mainstay.restore.sqldesk.engines import ENGINES
from mainstay.restore.sqldesk.engines.base import Target
from mainstay.restore.sqldesk.engines.session import Session


@dataclass(frozen=True)
class Database:
    """A fresh database."""

    target: Target

    @property
    def dialect(self) -> str:
        """postgres, mysql or sqlite."""
        return self.target.dialect

    def open(self) -> Session:
        """A session with lossless values."""
        return Session(ENGINES[self.target.dialect], self.target, raw=True)

    def run(self, *statements: str) -> None:
        """Run statements one by one, each committed."""
        with self.open() as session:
            for statement in statements:
                session.run(statement)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self.open() as session:
            return session.run(sql).rows

    def everything(self, tables: Sequence[str]) -> dict[str, list[str]]:
        """All rows of some tables, in an order of their own, with the types of their values."""
        with self.open() as session:
            return {table: sorted(map(repr, session.run(f"SELECT * FROM {table}").rows)) for table in tables}


def of_url(url: str) -> Database:
    """From an address as the fixtures give it."""
    parts = make_url(url)
    dialect = {"postgresql": "postgres", "mysql": "mysql", "sqlite": "sqlite"}[parts.get_backend_name()]
    return Database(
        Target(
            dialect,
            parts.username or "",
            parts.password or "",
            parts.host or "",
            parts.port,
            parts.database or "",
            statement_timeout=20,
            lock_timeout=3,
        )
    )
