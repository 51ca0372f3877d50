"""What came in by each protocol since this process started, for the operator to see."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, fields

_lock = threading.Lock()


@dataclass
class Counts:
    """Counts of one protocol.

    ``refused`` are requests, connections and parts that were answered with an error, ``unreadable`` lines that are kept
    as they came because they could not be parsed, ``dropped`` datagrams that could not be kept.
    """

    lines: int = 0
    bytes: int = 0
    refused: int = 0
    unreadable: int = 0
    dropped: int = 0

    def text(self) -> str:
        """What is not 0, by name."""
        shown = [f"{one.name} {value}" for one in fields(self) if (value := getattr(self, one.name))]
        return ", ".join(shown) or "nothing yet"


_counts: dict[str, Counts] = {}


def add(protocol: str, **more: int) -> None:
    """Add to the counts of a protocol, by the names of ``Counts``."""
    with _lock:
        mine = _counts.setdefault(protocol, Counts())
        for name, value in more.items():
            setattr(mine, name, getattr(mine, name) + value)


def all_counts() -> Mapping[str, Counts]:
    """A copy of all counts by protocol."""
    with _lock:
        return {name: Counts(**vars(one)) for name, one in _counts.items()}
