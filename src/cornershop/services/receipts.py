"""The receipts directory of payments, which has a quota of its own."""

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

SEGMENT_BYTES = 1_000_000
KEEP_SEGMENTS = 4


class Receipts:
    """Appends receipts to segment files; refuses with ENOSPC what would go over the quota, as a quota'd disk does."""

    def __init__(self, directory: Path, quota: Callable[[], int]) -> None:
        self.quota = quota
        self._directory = directory
        self._lock = threading.Lock()

    def used(self) -> int:
        """Bytes in the directory, whoever wrote them."""
        return sum(entry.stat().st_size for entry in os.scandir(self._directory) if entry.is_file())

    def write(self, receipt: str) -> None:
        """Append one receipt; raises OSError(ENOSPC) when the quota is used up."""
        data = receipt.encode()
        with self._lock:
            if self.used() + len(data) > self.quota():
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._directory))
            with self._segment(len(data)).open("ab") as file:
                file.write(data)

    def _segment(self, more: int) -> Path:
        segments = sorted(self._directory.glob("receipts-*.txt"))
        current = segments[-1] if segments else self._directory / "receipts-000001.txt"
        if current.exists() and current.stat().st_size + more > SEGMENT_BYTES:
            current = self._directory / f"receipts-{int(current.stem.removeprefix('receipts-')) + 1:06d}.txt"
            for old in segments[: 1 - KEEP_SEGMENTS]:
                old.unlink()
        return current
