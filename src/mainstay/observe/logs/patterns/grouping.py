"""Which words vary although they look like words: evidence from shapes that differ in one place only.

Shapes with the same signs are laid over each other. Where some of them agree in all places but one, that place either
tells kinds of events apart ("opened", "closed") or holds a value ("alice", "bob"). How many different words are needed
to call it a value depends on what the words look like and where they stand.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mainstay.observe.logs.patterns import values
from mainstay.observe.logs.patterns.shapes import GAP


@dataclass(frozen=True)
class Thresholds:
    """How many different words in one place make it a value."""

    enclosed: int = 2  # In quotes or brackets.
    names: int = 3  # They look like identifiers.
    first: int = 8  # Identifiers in the first place, which most often names the event.
    words: int = 8  # They look like words of a sentence.


_OPENING, _CLOSING = frozenset("\"'([<"), frozenset("\"')]>")
Words = tuple[str, ...]


def merged(signs: Sequence[str], shapes: Iterable[Words], thresholds: Thresholds) -> dict[Words, Words]:
    """For each of some shapes with the same signs: the shape that it turns out to be."""
    current = {words: words for words in shapes}
    changed = True
    while changed:
        changed = False
        for place in range(len(signs), -1, -1):
            step = _merged_at(place, signs, set(current.values()), thresholds)
            if step:
                current = {first: step.get(now, now) for first, now in current.items()}
                changed = True
    return current


def _merged_at(place: int, signs: Sequence[str], shapes: set[Words], thresholds: Thresholds) -> dict[Words, Words]:
    alike: dict[tuple[Words, Words], list[Words]] = defaultdict(list)
    for words in shapes:
        alike[words[:place], words[place + 1 :]].append(words)
    step: dict[Words, Words] = {}
    for (before, after), several in alike.items():
        if len(several) > 1:
            seen = {words[place] for words in several}
            if len(seen) >= _needed(place, signs, seen, (*before, *after), thresholds):
                step |= dict.fromkeys(several, (*before, GAP, *after))
    return step


def _needed(place: int, signs: Sequence[str], seen: set[str], rest: Words, thresholds: Thresholds) -> float:
    """How many different words it takes at this place. Without a word that stays there is no evidence at all."""
    staying = sum(1 for word in rest if not word.startswith(GAP) and not values.is_punctuation(word))
    if not staying:
        return float("inf")
    texts = [word for word in seen if not word.startswith(GAP)]
    names = sum(map(values.is_name, texts))
    before = signs[place - 1][-1:] if place else ""
    after = signs[place][:1] if place < len(signs) else ""
    if before in _OPENING and after in _CLOSING:
        return thresholds.enclosed
    if len(texts) < len(seen) and names:
        return thresholds.enclosed  # A value stands there in other lines, and what stands there now is no plain word.
    if names * 2 >= len(texts):
        return thresholds.names if place and staying > 1 else thresholds.first
    return thresholds.words


def forced(shapes: Iterable[Words], limit: int) -> dict[Words, Words]:
    """Fewer shapes, whatever it costs in detail: every place with more than half of ``limit`` different words is a gap.

    For input that is not made of sentences, so that it cannot fill the memory.
    """
    found = list(shapes)
    many = [len(set(column)) > limit // 2 for column in zip(*found, strict=True)]
    return {words: tuple(GAP if gap else word for word, gap in zip(words, many, strict=True)) for words in found}
