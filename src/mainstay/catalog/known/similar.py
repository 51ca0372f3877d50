"""How much texts resemble each other: the cosine of their words and of parts of their words, weighted by rarity.

Words tell what a text is about; parts of words (``NGRAM`` signs of one word) join what is written a little differently:
class names, paths, plurals. Both are TF-IDF with the logarithm of counts, and the score is their plain mean, 0 to 1: no
weight is fitted to any texts.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

LONGEST_TEXT = 4000
NGRAM = (3, 4, 5)
_WORD = re.compile(r"[A-Za-z_]{2,}|\d{3,}")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_\W]+")
# Words that say nothing.
_COMMON = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be by can do does for from had has have if in into is it its no not of on or so such that "
        "the their then there these this to was we when which will with would",
    )
)


def words(text: str) -> list[str]:
    """The words of a text in lower case, and the parts of names put together (``DataNode``: datanode, data, node)."""
    return [part for one in _WORD.findall(text[:LONGEST_TEXT]) for part in _parts(one)]


@lru_cache(maxsize=1 << 15)
def _parts(word: str) -> tuple[str, ...]:
    parts = [part.casefold() for part in _CAMEL.split(word) if len(part) > 1]
    whole = word.casefold()
    found = parts if [whole] == parts else [whole, *parts]
    return tuple(one for one in found if one not in _COMMON)


def grams(text: str) -> list[str]:
    """The pieces of a text's words, with their edges marked."""
    found = []
    for word in words(text):
        edged = f" {word} "
        for size in NGRAM:
            found += [edged[place : place + size] for place in range(len(edged) - size + 1)]
    return found


class Side:
    """One kind of terms over N texts: which texts have a term, and how much it weighs there."""

    def __init__(self, texts: Sequence[Sequence[str]]) -> None:
        filed: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for place, terms in enumerate(texts):
            for term, count in Counter(terms).items():
                filed[term].append((place, 1.0 + float(np.log(count))))
        self._size = len(texts)
        self._rarity = {term: self._rare(len(found)) for term, found in filed.items()}
        length = np.zeros(self._size)
        for term, found in filed.items():
            for place, weight in found:
                length[place] += (weight * self._rarity[term]) ** 2
        length = np.sqrt(np.where(length > 0, length, 1.0))
        self._filed = {
            term: (
                places := np.array([one for one, _ in found], np.int32),
                _weights(found, self._rarity[term], length[places]),
            )
            for term, found in filed.items()
        }

    def _rare(self, texts: int) -> float:
        return float(np.log((1 + self._size) / (1 + texts))) + 1.0

    def scores(self, terms: Iterable[str]) -> NDArray[np.float32]:
        """The cosine with each text (N)."""
        found = np.zeros(self._size, np.float32)
        length = 0.0
        for term, count in Counter(terms).items():
            weight = (1.0 + float(np.log(count))) * self._rarity.get(term, self._rare(0))
            length += weight**2
            if term in self._filed:
                places, weights = self._filed[term]
                found[places] += np.float32(weight) * weights
        return found / np.float32(max(length, 1e-9) ** 0.5)

    def rarity(self, term: str) -> float:
        """How rare a term is; 0 for one that no text has."""
        return self._rarity.get(term, 0.0)

    def has(self, place: int, term: str) -> bool:
        """Whether a text has a term."""
        return term in self._filed and place in self._filed[term][0]


def _weights(found: Sequence[tuple[int, float]], rarity: float, length: NDArray[np.float64]) -> NDArray[np.float32]:
    return (np.array([weight for _, weight in found]) * rarity / length).astype(np.float32)


@dataclass(frozen=True)
class Likeness:
    """A text that resembles another: its place, how much (0 to 1), and the rarest words that both have."""

    place: int
    score: float
    shared: tuple[str, ...]


class Similar:
    """Texts that can be asked for those that resemble another one."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._words = Side([words(text) for text in texts])
        self._grams = Side([grams(text) for text in texts])

    def scores(self, text: str) -> NDArray[np.float32]:
        """How much each text resembles this one (N), 0 to 1."""
        by_word, by_gram = self._words.scores(words(text)), self._grams.scores(grams(text))
        return (by_word + by_gram) / np.float32(2)

    def nearest(self, text: str, limit: int, least: float = 0.0) -> list[Likeness]:
        """Those that resemble a text most, at least so much."""
        scores = self.scores(text)
        order = np.argsort(-scores, kind="stable")[:limit]
        return [
            Likeness(int(place), float(scores[place]), self._shared(int(place), text))
            for place in order
            if scores[place] >= least and scores[place] > 0
        ]

    def _shared(self, place: int, text: str) -> tuple[str, ...]:
        both = {term for term in words(text) if self._words.has(place, term)}
        return tuple(sorted(both, key=lambda term: (-self._words.rarity(term), term))[:5])
