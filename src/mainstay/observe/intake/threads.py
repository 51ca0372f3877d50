"""Calls in threads that no request of Django looks after."""

import logging
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, close_old_connections, connection

from mainstay.core.problems import ProblemError
from mainstay.observe.telemetry.services import SpoolFullError

log = logging.getLogger(__name__)


def with_database(call: Callable[..., Any], *args: Any) -> Any:
    """Call with a database connection that works: one that has broken is opened anew. 503 when there is none."""
    close_old_connections()
    try:
        return call(*args)
    except DatabaseError as error:
        connection.close()
        raise ProblemError(503, "Not available", "the database does not answer") from error


def into_spool(call: Callable[..., Any], *args: Any) -> Any:
    """Call what writes to the spool; a full one is a 429, one that cannot be written a 503."""
    try:
        return call(*args)
    except SpoolFullError as error:
        raise ProblemError(429, "Too many requests", str(error)) from error
    except OSError as error:
        log.exception("the spool cannot be written")
        raise ProblemError(503, "Not available", f"the spool cannot be written: {error.strerror}") from error
