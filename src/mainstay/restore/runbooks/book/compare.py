"""What differs between two texts of a book, for whoever approves."""

import difflib
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """A line of a comparison: ``same``, ``added``, ``removed`` or ``gap``, where equal lines are left out."""

    kind: str
    text: str


_KINDS = {" ": "same", "+": "added", "-": "removed", "@": "gap"}


def lines(before: str, after: str, around: int = 3) -> list[Line]:
    """The differences with some lines around each; nothing when the texts are equal."""
    found = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=around))[2:]
    return [Line(_KINDS[one[0]], "…" if one[0] == "@" else one[1:]) for one in found]
