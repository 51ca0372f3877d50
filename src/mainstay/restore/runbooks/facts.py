"""The content of a run that an approval binds, and the book that it is of."""

from functools import lru_cache
from typing import Any

from mainstay.restore.approval import content_hash
from mainstay.restore.runbooks.book import lint
from mainstay.restore.runbooks.book.model import Book
from mainstay.restore.runbooks.hosts import Machine, machines
from mainstay.restore.runbooks.models import Run


@lru_cache(maxsize=512)
def book_of(text: str) -> Book:
    """What a text means. It was checked when it became a version."""
    book, problems = lint.check(text)
    if book is None:
        raise ValueError(f"the book cannot be used any more: {problems[0]}")
    return book


def content(run: Run) -> dict[str, Any]:
    """Everything that an approval binds: the very text, the values, and the machines with how they are reached."""
    known = machines(run.targets)
    return {
        "book": run.version.book.key,
        "version": run.version.hash,
        "inputs": run.inputs,
        "targets": [[key, *_reached(known.get(key))] for key in run.targets],
        "reason": run.reason,
        "incident": run.incident_id,
    }


def _reached(host: Machine | None) -> list[str]:
    """How a machine is reached, so that a name which points elsewhere since is not what was approved."""
    if host is None:
        return []
    return [host.address, host.secret, host.host_key, *(_reached(host.via) if host.via else [])]


def hash_of(run: Run) -> str:
    """SHA-256 over the content."""
    return content_hash(content(run))
