"""What differs between two looks at configuration. Pure."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CONTEXT = 3
_SHOWN = 3


@dataclass(frozen=True)
class Difference:
    """Paths that came, went and changed, each in order."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.added or self.removed or self.changed)

    @property
    def summary(self) -> str:
        """In a line: ``2 changed (a.conf, b.conf), 1 gone (c.conf)``."""
        parts = (("changed", self.changed), ("new", self.added), ("gone", self.removed))
        return (
            ", ".join(f"{len(paths)} {word} ({_named(paths)})" for word, paths in parts if paths) or "nothing changed"
        )


def _named(paths: Sequence[str]) -> str:
    shown = ", ".join(path.rpartition("/")[2] or path for path in paths[:_SHOWN])
    return shown + (", …" if len(paths) > _SHOWN else "")


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> Difference:
    """Of two looks, each path -> digest of its text."""
    return Difference(
        tuple(sorted(after.keys() - before.keys())),
        tuple(sorted(before.keys() - after.keys())),
        tuple(sorted(path for path in before.keys() & after.keys() if before[path] != after[path])),
    )


def unified(path: str, before: str, after: str) -> str:
    """The lines that differ, as ``diff -u`` writes them."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"a/{path}", f"b/{path}", n=CONTEXT, lineterm=""
    )
    return "\n".join(lines)
