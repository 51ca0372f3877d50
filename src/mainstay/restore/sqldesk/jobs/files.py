"""The files of a job: where they are, what is known of each, and the error when one does not hold what it should."""

from dataclasses import dataclass
from pathlib import Path

from mainstay.core.settings import current


class ArchiveError(Exception):
    """A file does not hold what it should, so nothing is deleted."""


@dataclass(frozen=True)
class Written:
    """A file that was read back: ``checksum`` is over its rows, and does not depend on how they are packed."""

    path: Path
    bytes: int
    checksum: str


def root() -> Path:
    """Where this installation keeps archived rows."""
    return Path(current().sql_archive_dir or Path(current().data_dir) / "archives")


def folder(job: int) -> Path:
    """Where the files of a job are."""
    return root() / f"JOB-{job}"
