"""Runbooks, and the machines that they reach."""

from pathlib import Path
from typing import Any

from mainstay.catalog.models import KnownError, Service
from mainstay.config.kinds.references import several
from mainstay.core.access import Actor
from mainstay.observe.metrics.models import Rule
from mainstay.restore.runbooks import books
from mainstay.restore.runbooks.book import lint
from mainstay.restore.runbooks.books import Source
from mainstay.restore.runbooks.directory import commit_of
from mainstay.restore.runbooks.hosts import parse
from mainstay.restore.runbooks.models import Book, Host, Remedy

Entry = dict[str, Any]
_HOST = ("key", "name", "address", "secret", "host_key", "via", "groups")


_REMEDY = (
    *("key", "name", "known_error", "rule", "runbook", "inputs", "targets", "target_label"),
    *("per_hour", "per_target", "enabled"),
)


class RunbookError(ValueError):
    """A runbook of a file cannot be taken; the text says why."""


def load_hosts() -> dict[str, tuple[Entry, str]]:
    """Hosts as entries."""
    return {
        row.key: (
            {
                **{name: getattr(row, name) for name in _HOST},
                "services": sorted(service.key for service in row.services.all()),
            },
            row.source,
        )
        for row in Host.objects.prefetch_related("services")
    }


def save_host(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change a host."""
    del actor
    parse(entry["address"])
    fields = {name: entry[name] for name in _HOST if name != "key"}
    made, _ = Host.objects.update_or_create(key=entry["key"], defaults={**fields, "source": source})
    made.services.set(several(Service, entry["services"], "services"))


def remove_host(actor: Actor, ident: str) -> None:
    """Delete a host. Runs that wait for it fail, and say so."""
    del actor
    Host.objects.filter(key=ident).delete()


def load_books() -> dict[str, tuple[Entry, str]]:
    """Books as entries, but for those of the directory, which are files already."""
    return {
        row.key: ({"key": row.key, "path": row.path, "text": "" if row.path else _text(row)}, row.source)
        for row in Book.objects.exclude(origin=Book.Origin.DIRECTORY).select_related("current")
    }


def _text(row: Book) -> str:
    return row.current.text.strip() if row.current is not None else ""


def save_book(actor: Actor, entry: Entry, source: str) -> None:
    """Take the text of a book, or that of the file which the entry names; the worker reads that anew."""
    text, path = entry["text"], entry["path"]
    if path:
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RunbookError(f"path: {path} cannot be read: {error}") from None
    read, problems = lint.check(text)
    if read is None:
        raise RunbookError("; ".join(f"line {problem}" for problem in problems if not problem.hint))
    if read.key != entry["key"]:
        raise RunbookError(f"key: the book calls itself {read.key}; write the same key in both places")
    books.save(actor, text, Source(Book.Origin.FILES, source, path, *(commit_of(Path(path)) if path else ())))


def remove_book(actor: Actor, ident: str) -> None:
    """Delete a book that was never run; another is not run any more."""
    books.remove(actor, ident)


def load_remedies() -> dict[str, tuple[Entry, str]]:
    """Remedies as entries."""
    return {row.key: ({name: getattr(row, name) for name in _REMEDY}, row.source) for row in Remedy.objects.all()}


def save_remedy(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change a remedy. Its breaker stays as it is."""
    del actor
    several(Book, [entry["runbook"]], "runbook")
    several(KnownError, [entry["known_error"]] if entry["known_error"] else [], "known_error")
    several(Rule, [entry["rule"]] if entry["rule"] else [], "rule")
    fields = {name: entry[name] for name in _REMEDY if name != "key"}
    Remedy.objects.update_or_create(key=entry["key"], defaults={**fields, "source": source})


def remove_remedy(actor: Actor, ident: str) -> None:
    """Delete a remedy. Runs that it began go on."""
    del actor
    Remedy.objects.filter(key=ident).delete()
