"""Connections: the one door to them, and sessions that are opened through it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import QuerySet

from mainstay.core import secrets
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import ProblemError, not_found
from mainstay.restore import review
from mainstay.restore.sqldesk.domain.address import parse_address
from mainstay.restore.sqldesk.domain.masking import masks_of, shown
from mainstay.restore.sqldesk.engines import ENGINES
from mainstay.restore.sqldesk.engines.base import Target, UnreachableError
from mainstay.restore.sqldesk.engines.session import Session
from mainstay.restore.sqldesk.models import Connection


def visible(actor: Actor) -> QuerySet[Connection]:
    """The one door to connections. Only responders see production data, so only they see where it is."""
    require(actor, Right.RESPOND)
    return Connection.objects.prefetch_related("services").order_by("environment", "key")


def get(actor: Actor, key: str) -> Connection:
    """One connection."""
    found = visible(actor).filter(key=key).first()
    if found is None:
        raise not_found(f"connection {key}")
    return found


def begin(actor: Actor, key: str, incident: int | None) -> dict[str, Any]:
    """What every draft begins with. Raises ``ProblemError`` for a database that takes no changes, or no incident."""
    connection = get(actor, key)
    if not connection.corrections:
        raise ProblemError(403, "Not allowed", f"{connection} takes no changes: it is for reading only.")
    return {"connection": connection, **review.begin(actor, incident)}


def target_of(connection: Connection, *, reading: bool) -> Target:
    """Where a session goes: reads to the replica, or the user for reads, where there is one."""
    apart = reading and bool(connection.read_address)
    plain = parse_address(connection.dialect, connection.read_address if apart else connection.address)
    secret = (connection.read_secret if apart else "") or connection.secret
    try:
        password = secrets.get(secret) if secret else ""
    except secrets.SecretError as error:
        raise UnreachableError(str(error)) from None
    return Target(
        connection.dialect,
        plain.user,
        password,
        plain.host,
        plain.port,
        plain.database,
        connection.read_role if reading else "",
        connection.statement_timeout,
        connection.lock_timeout,
    )


def open_session(connection: Connection, *, reading: bool, raw: bool = False) -> Session:
    """A session that has not begun a transaction. Raises ``UnreachableError``."""
    return Session(ENGINES[connection.dialect], target_of(connection, reading=reading), raw=raw)


@contextmanager
def reading(connection: Connection) -> Iterator[Session]:
    """A session in a transaction in which nothing can be written. It ends with the block."""
    with open_session(connection, reading=True) as session:
        session.engine.begin_read(session)
        yield session


def hider(connection: Connection) -> Callable[[str, str, Any], Any]:
    """What gets (table, column, value) and gives the value as people may see it, by the connection's rules."""
    rules = masks_of(connection.masks)

    def hide(table: str, column: str, value: Any) -> Any:
        for rule in rules:
            if rule.column == column.lower() and rule.table in {"", table.lower()}:
                return shown(rule, value)
        return value

    return hide


def describe_problem(error: Exception) -> ProblemError:
    """What a failing database means to whoever asked through a screen or the API."""
    status = 503 if isinstance(error, UnreachableError) else 422
    title = "The database does not answer" if status == 503 else "The database refused"
    return ProblemError(status, title, str(error))
