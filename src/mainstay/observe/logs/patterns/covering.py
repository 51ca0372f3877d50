"""Whether a template as a person keeps it is in what a pattern reads as: patterns go on learning what varies."""

import re

from mainstay.observe.logs.patterns.templates import VARIABLE

_WORD = re.compile(r"[^\W\d_]{3,}")
# Of the words of a kept template, a pattern must have so many for its lines to be worth a look.
_HALF = 0.5


def pieces(template: str) -> list[str]:
    """What stays of a template, blanks evened out."""
    return [" ".join(piece.split()) for piece in template.split(VARIABLE)]


def is_in(kept: str, template: str) -> bool:
    """Whether a kept template stands somewhere in a pattern's: its pieces in order, anything between them."""
    text, place = " ".join(template.split()), 0
    for piece in filter(None, pieces(kept)):
        found = text.find(piece, place)
        if found < 0:
            return False
        place = found + len(piece)
    return any(pieces(kept))


def may_be_in_lines(kept: str, template: str) -> bool:
    """Whether lines of a pattern may hold a kept template that says more than the pattern does."""
    wanted = set(_WORD.findall(kept))
    return VARIABLE in template and bool(wanted) and len(wanted & set(_WORD.findall(template))) >= _HALF * len(wanted)


def as_like(kept: str) -> str:
    """A kept template for LIKE: anywhere in a line."""
    escaped = (re.sub(r"([\\%_])", r"\\\1", piece) for piece in kept.split(VARIABLE))
    return f"%{'%'.join(escaped)}%"
