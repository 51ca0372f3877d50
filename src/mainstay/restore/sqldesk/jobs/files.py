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


def folder(job: int) -> Path:
    """Where the files of a job are."""
    root = current().sql_archive_dir or str(Path(current().data_dir) / "archives")
    return Path(root) / f"JOB-{job}"
