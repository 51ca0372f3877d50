"""Configuration that a running service notices when its file changes."""

import json
import threading
import time
from pathlib import Path
from typing import Any

RECHECK_SECONDS = 0.2


class LiveConfig:
    """The values of one JSON file, read again when the file's modification time or size changes."""

    def __init__(self, path: Path, defaults: dict[str, Any]) -> None:
        self._path = path
        self._defaults = defaults
        self._lock = threading.Lock()
        self._values = dict(defaults)
        self._seen: tuple[int, int] | None = None
        self._next_check = 0.0

    def values(self) -> dict[str, Any]:
        """All values, the defaults filled in; costs one stat() in RECHECK_SECONDS."""
        with self._lock:
            now = time.monotonic()
            if now >= self._next_check:
                self._next_check = now + RECHECK_SECONDS
                self._reread()
            return self._values

    def __getitem__(self, key: str) -> Any:
        return self.values()[key]

    def _reread(self) -> None:
        try:
            stat = self._path.stat()
            seen = (stat.st_mtime_ns, stat.st_size)
            if seen != self._seen:
                self._values = {**self._defaults, **json.loads(self._path.read_text())}
                self._seen = seen
        except (OSError, ValueError):
            # A file that is away or half written by an editor keeps the last good values in force.
            return
