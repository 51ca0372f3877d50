"""The shape of a message: its words, the signs between them, and a gap wherever a value stands."""

import re
from dataclasses import dataclass

from mainstay.observe.logs.patterns import values

GAP = "\x00"
_ENDING = re.compile(r"[.!?]+\Z")
_IN_A_LIST = frozenset({" ", ", ", ","})
# From three values in a row on they are a list, which may be of any length.
LIST_FROM = 3


@dataclass(frozen=True)
class Shape:
    """``words`` (W), with ``GAP`` (and the full stop after it) where a value stands, and ``signs`` (W - 1)."""

    words: tuple[str, ...]
    signs: tuple[str, ...]

    def fits(self, other: "Shape") -> bool:
        """Whether every line of the other shape is one of this."""
        return self.signs == other.signs and all(
            mine == theirs or mine.startswith(GAP) for mine, theirs in zip(self.words, other.words, strict=True)
        )


def shape_of(text: str) -> tuple[Shape, tuple[str, ...]]:
    """The shape of a message, and what stood in the place of each word (W)."""
    words, signs, folded = values.split(text)
    marked = [_marked(words, signs, folded, place) for place in range(len(words))]
    return _lists_folded(marked, words, signs)


def _marked(words: list[str], signs: list[str], folded: list[bool], place: int) -> str:
    word = words[place]
    before = (signs[place - 1], words[place - 1]) if place else ("", "")
    if not word or not (folded[place] or values.is_value(word, *before)):
        return word
    ending = None if folded[place] or word == values.EMPTY else _ENDING.search(word)
    return GAP + (ending.group() if ending else "")


def _lists_folded(marked: list[str], words: list[str], signs: list[str]) -> tuple[Shape, tuple[str, ...]]:
    """Values in a row, with nothing but a space or a comma between them, as one."""
    shape: list[str] = []
    texts: list[str] = []
    kept: list[str] = []
    place = 0
    while place < len(marked):
        last = place
        while last + 1 < len(marked) and marked[last] == marked[last + 1] == GAP and signs[last] in _IN_A_LIST:
            last += 1
        if last - place + 1 < LIST_FROM:
            last = place
        shape.append(marked[last])
        inside = (words[one] + (signs[one] if one < last else "") for one in range(place, last + 1))
        texts.append("".join(inside))
        if last + 1 < len(marked):
            kept.append(signs[last])
        place = last + 1
    return Shape(tuple(shape), tuple(kept)), tuple(texts)
