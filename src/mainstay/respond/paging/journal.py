"""A file that says which deliveries a provider has taken, for the moment before the database says so.

A worker that is killed between the provider's "accepted" and its own commit would send the page again. One append to
an open file survives the death of the process and takes microseconds, where a commit takes milliseconds.
"""

import os
import threading
from pathlib import Path

from mainstay.core.settings import current

_KEEP_BYTES = 1_000_000
_lock = threading.Lock()


def _path() -> Path:
    return current().data_dir / "run" / "handed-over.log"


def note(key: str, answer: str) -> None:
    """Write down that a provider has taken the delivery with this key."""
    line = f"{key}\t{' '.join(answer.split())[:300]}\n".encode()
    path = _path()
    with _lock:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.exists() and path.stat().st_size > _KEEP_BYTES:
            path.replace(path.with_suffix(".old"))
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, line)
        finally:
            os.close(handle)


def find(key: str) -> str | None:
    """What the provider answered, when the file has this key."""
    for path in (_path(), _path().with_suffix(".old")):
        if not path.exists():
            continue
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                found, _, answer = line.rstrip("\n").partition("\t")
                if found == key:
                    return answer
    return None
