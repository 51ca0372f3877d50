"""Books that lie in files: those of the directory and those that configuration names, read anew by the worker."""

import logging
import subprocess
import time
from datetime import timedelta
from pathlib import Path

from django.db import transaction

from mainstay.core import clock
from mainstay.core.access import SYSTEM
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.restore.runbooks import books
from mainstay.restore.runbooks.book import lint
from mainstay.restore.runbooks.books import Source
from mainstay.restore.runbooks.models import Book, Chunk

log = logging.getLogger(__name__)
_GIT_SECONDS = 10


class Directory:
    """What the worker calls again and again: takes new texts, and says of bad ones why they are not taken."""

    def __init__(self) -> None:
        self._next = 0.0
        # file -> (when it was changed, how long it is): files that need no look.
        self._seen: dict[Path, tuple[int, int]] = {}

    def read_due(self) -> int:
        """One round, when it is time. Returns how many files had changed."""
        if time.monotonic() < self._next:
            return 0
        self._next = time.monotonic() + current().runbook_dir_seconds
        return self.read()

    def read(self) -> int:
        """Take every file that has changed. A bad one never stops the good ones."""
        root = Path(current().runbook_dir) if current().runbook_dir else None
        files = sorted(root.rglob("*.md")) if root is not None and root.is_dir() else []
        changed = 0
        for file in files:
            changed += self._take(file, Book.Origin.DIRECTORY, "")
        for book in Book.objects.filter(origin=Book.Origin.FILES, enabled=True).exclude(path=""):
            changed += self._take(Path(book.path), Book.Origin.FILES, book.source)
        if root is not None and root.is_dir():
            self._gone({str(one) for one in files})
        return changed

    def _take(self, file: Path, origin: str, source: str) -> int:
        try:
            stat = file.stat()
            mark = (stat.st_mtime_ns, stat.st_size)
            if self._seen.get(file) == mark:
                return 0
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            _problem(file, "", f"it cannot be read: {error}")
            return 0
        self._seen[file] = mark
        if not text.startswith("---"):
            # Directories of books hold other pages as well.
            return 0
        try:
            books.save(SYSTEM, text, Source(origin, source, str(file), *commit_of(file)))
        except ProblemError as error:
            _problem(file, text, error.detail)
        return 1

    def _gone(self, files: set[str]) -> None:
        """Books whose file is gone are not run any more."""
        for book in Book.objects.filter(origin=Book.Origin.DIRECTORY, enabled=True).exclude(path__in=files):
            log.warning("runbook %s: its file %s is gone; it is switched off", book.key, book.path)
            books.remove(SYSTEM, book.key)


def _problem(file: Path, text: str, problem: str) -> None:
    """Keep what is wrong with a file beside the book, whose last good version stays."""
    log.warning("runbook %s: %s", file, problem)
    read, _ = lint.check(text) if text else (None, [])
    found = Book.objects.filter(path=str(file))
    if read is not None and not found.exists():
        found = Book.objects.filter(key=read.key)
    found.update(problem=f"{file}: {problem}"[:2000])


def commit_of(file: Path) -> tuple[str, str]:
    """The commit that a file stands in and the address of its author; with ``+`` and no author when edited since."""

    def git(*words: str) -> str:
        # Whoever owns the directory must not run programs of theirs as the worker, by a hook or a setting.
        command = [
            "git",
            "-c",
            "core.fsmonitor=false",
            "-c",
            "core.hooksPath=/dev/null",
            "-C",
            str(file.parent),
            *words,
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_GIT_SECONDS, check=True)
        return done.stdout.strip()

    try:
        commit, _, author = git("log", "-1", "--format=%H %ae", "--", file.name).partition(" ")
        edited = commit and git("status", "--porcelain", "--", file.name)
    except (OSError, subprocess.SubprocessError):
        return "", ""
    return (f"{commit}+", "") if edited else (commit, author)


def prune() -> int:
    """Forget the output of runs that are older than the settings keep it."""
    before = clock.now() - timedelta(days=current().retention_run_output_days)
    with transaction.atomic():
        return Chunk.objects.filter(at__lt=before).delete()[0]
