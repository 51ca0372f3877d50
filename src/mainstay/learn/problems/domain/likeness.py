"""Which earlier incidents are like this one, among a hundred thousand, in milliseconds.

1. Words (the title counts twice, Runeson et al. 2007), parts of names, and what the alerts were (signs) are hashed
   terms. The rarest terms of the one that is asked about are looked up first, until enough documents were touched:
   what is left is so common that it can hardly lift one that none of the others found.
2. The best sixty or so are looked at whole. The likeness of texts is the plain mean of four measures: the cosines, by
   TF-IDF, of the titles (Sun et al. 2010 find them to tell most), of all words, and of pieces of words (four signs,
   McNamee and Mayfield 2004); and BM25 as a share of what the text would get against itself. All four count the same.
3. Signs and services that both have lift a likeness towards 1, and never lower it: the same fault may show elsewhere.
   So does closeness in time, a little: what comes again comes again soon.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mainstay.catalog.known.similar import words
from mainstay.learn.problems.domain.postings import K1, B, Filed, Real, Segment, Whole, filed, joined, rows_of, segment

# Terms are hashed into so many buckets: two rare words that share one are a rare accident.
_WORDS, _GRAMS = 1 << 20, 1 << 16
# Of a text so many signs are read.
LONGEST = 4000
# A title counts so often.
_TITLE = 2
# So many terms of a text are looked up, and so many documents touched for them, before the best are looked at whole.
_TERMS, _TOUCHED, _CANDIDATES = 96, 25_000, 64
# Kinds of terms with so few buckets keep the rarity of all of them.
_TABLED = 1 << 16
# How far the same text, signs, service (a neighbour counts half) and time lift a likeness towards 1.
_TEXT, _SIGNS, _SERVICE, _RECENT = 0.9, 0.3, 0.2, 0.1
# Days after which what time adds is halved: nearly all duplicates are made within these (Runeson et al. 2007).
_HALVED = 60.0


@dataclass(frozen=True)
class Entry:
    """An incident as it is compared. ``signs`` are what its alerts were: ``rule=…``, ``alert=…``, ``label=value``.

    ``day`` is when it began, in days since whenever; 0 is not known.
    """

    number: int
    title: str
    text: str = ""
    service: str = ""
    signs: frozenset[str] = frozenset()
    day: float = 0.0


@dataclass(frozen=True)
class Like:
    """An earlier incident and how much it is like this one (0 to 1): of all, by its text, by its signs."""

    number: int
    score: float
    text: float
    signs: float
    service: float


@dataclass(frozen=True)
class _Entries:
    """Terms of several documents, with their counts, and whose they are."""

    terms: NDArray[np.uint32]
    counts: NDArray[np.uint8]
    owners: Whole


@dataclass
class _Kind:
    """One kind of terms over all documents."""

    buckets: int
    looked_up: bool
    segments: list[Segment] = field(default_factory=list)
    lists: list[Filed] = field(default_factory=list)
    having: NDArray[np.uint32] = field(init=False)
    _table: Real | None = None

    def __post_init__(self) -> None:
        self.having = np.zeros(self.buckets, np.uint32)

    def add(self, new: Segment) -> None:
        np.add.at(self.having, new.terms, 1)
        self._table = None
        self.segments.append(new)
        while len(self.segments) > 1 and self.segments[-2].size <= 2 * self.segments[-1].size:
            self.segments[-2:] = [joined(*self.segments[-2:])]
            del self.lists[len(self.segments) - 1 :]
        if self.looked_up:
            self.lists.append(filed(self.segments[-1], self.usual_length))

    @property
    def usual_length(self) -> float:
        return sum(float(one.lengths.sum()) for one in self.segments) / max(sum(one.size for one in self.segments), 1)

    def rarity(self, terms: NDArray[np.uint32], size: int) -> Real:
        if self.buckets > _TABLED:
            return _rarity(self.having[terms], size)
        if self._table is None:
            self._table = _rarity(self.having, size)
        return self._table[terms]

    @property
    def bytes(self) -> int:
        return self.having.nbytes + sum(one.bytes for one in self.segments) + sum(one.bytes for one in self.lists)


class Index:
    """Incidents that can be asked for those like another one. They are added; one that is added again is replaced."""

    def __init__(self) -> None:
        self._words, self._titles = _Kind(_WORDS, True), _Kind(_WORDS, False)
        self._grams, self._signs = _Kind(_GRAMS, False), _Kind(_WORDS, True)
        self._numbers: Whole = np.zeros(0, np.int64)
        self._services: NDArray[np.int32] = np.zeros(0, np.int32)
        self._days: Real = np.zeros(0, np.float32)
        self._live: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._place: dict[int, int] = {}
        self._service_numbers: dict[str, int] = {}
        self._asked = np.zeros(_WORDS, np.float32)

    def __len__(self) -> int:
        """Incidents in it."""
        return len(self._place)

    @property
    def replaced(self) -> int:
        """Documents that another one has replaced, and that take room still."""
        return len(self._numbers) - len(self._place)

    @property
    def bytes(self) -> int:
        """What the arrays take, about."""
        rest = self._numbers.nbytes + self._services.nbytes + self._live.nbytes + self._asked.nbytes
        kinds = (self._words, self._titles, self._grams, self._signs)
        return sum(one.bytes for one in kinds) + rest + 100 * len(self._place)

    def add(self, entries: Sequence[Entry]) -> None:
        """Add incidents, of which none stands twice."""
        if not entries:
            return
        self._words.add(segment([_counted(_terms(one)) for one in entries]))
        self._titles.add(segment([_counted(words(one.title)) for one in entries]))
        self._grams.add(segment([_grams(one) for one in entries]))
        self._signs.add(segment([_counted(one.signs) for one in entries]))
        base = len(self._numbers)
        numbers = np.array([one.number for one in entries], np.int64)
        services = [self._service_numbers.setdefault(one.service, len(self._service_numbers)) for one in entries]
        self._numbers = np.concatenate([self._numbers, numbers])
        self._services = np.concatenate([self._services, np.array(services, np.int32)])
        self._days = np.concatenate([self._days, np.array([one.day for one in entries], np.float32)])
        self._live = np.concatenate([self._live, np.ones(len(entries), np.bool_)])
        for place, one in enumerate(entries, base):
            old = self._place.get(one.number)
            if old is not None:
                self._live[old] = False
            self._place[one.number] = place

    def nearest(
        self, asked: Entry, limit: int, near: Iterable[str] = (), before: int | None = None, least: float = 0.0
    ) -> list[Like]:
        """Those most like one, at least so much; ``near`` are services beside its own.

        ``before`` leaves out incidents with this number and later ones.
        """
        read = _Read(_counted(_terms(asked)), _counted(words(asked.title)), _grams(asked), _counted(asked.signs))
        rough = np.zeros(len(self._numbers), np.float32)
        self._touch(self._words, read.words[0], rough, _TERMS, _TOUCHED)
        self._touch(self._signs, read.signs[0], rough, _TERMS, _TOUCHED)
        self._leave_out(rough, asked.number, before)
        places = _best(rough, _CANDIDATES)
        if not len(places):
            return []
        by_text = self._by_text(read, places)
        by_signs = self._cosine(self._signs, read.signs, self._entries(self._signs, places), len(places))
        by_service = self._by_service(asked, near, places)
        recent = np.exp2(-np.abs(asked.day - self._days[places]) / _HALVED) if asked.day else 0.0
        apart = (1 - _TEXT * by_text) * (1 - _SIGNS * by_signs) * (1 - _SERVICE * by_service) * (1 - _RECENT * recent)
        score = np.where(by_text > 0, 1 - apart, 0)
        # Of those that are like it as much, the latest first.
        order = np.lexsort((-self._numbers[places], -np.round(score, 6)))[:limit]
        found = (self._numbers[places], score, by_text, by_signs, by_service)
        return [
            Like(int(number), float(whole), float(text), float(signs), float(service))
            for number, whole, text, signs, service in zip(*(one[order] for one in found), strict=True)
            if whole >= least and whole > 0
        ]

    def plain(self, asked: Entry, limit: int, before: int | None = None) -> list[int]:
        """The numbers of the best by BM25 of the words alone, to compare with."""
        terms, _ = _counted(_terms(asked))
        found = np.zeros(len(self._numbers), np.float32)
        self._touch(self._words, terms, found, len(terms), 1 << 60)
        self._leave_out(found, asked.number, before)
        return [int(self._numbers[place]) for place in _best(found, limit)]

    def _leave_out(self, found: Real, number: int, before: int | None) -> None:
        if self.replaced:
            found[~self._live] = 0
        if number in self._place:
            found[self._place[number]] = 0
        if before is not None:
            found[self._numbers >= before] = 0

    def _touch(self, kind: _Kind, terms: NDArray[np.uint32], found: Real, most: int, touched: int) -> None:
        """Add the BM25 of the terms, the rarest first, until so many documents were touched."""
        having = kind.having[terms].astype(np.int64)
        order = np.argsort(having, kind="stable")[:most]
        order = order[having[order] > 0]
        kept = np.cumsum(having[order]) <= touched
        # The rarest is looked up in any case.
        kept[:1] = True
        terms, having = terms[order][kept], having[order][kept]
        weights = _bm25_rarity(having, len(self._numbers)) / np.float32(255)
        base = 0
        for one, lists in zip(kind.segments, kind.lists, strict=True):
            here = found[base : base + one.size]
            ats = np.searchsorted(lists.keys, terms)
            for at, term, weight in zip(ats.tolist(), terms.tolist(), weights, strict=True):
                if at < len(lists.keys) and lists.keys[at] == term:
                    part = slice(lists.starts[at], lists.starts[at + 1])
                    here[lists.places[part]] += weight * lists.weights[part]
            base += one.size

    def _by_text(self, read: "_Read", places: Whole) -> Real:
        if not len(read.words[0]):
            return np.zeros(len(places), np.float32)
        theirs, size = self._entries(self._words, places), len(places)
        titles = self._cosine(self._titles, read.title, self._entries(self._titles, places), size)
        grams = self._cosine(self._grams, read.grams, self._entries(self._grams, places), size)
        whole = self._cosine(self._words, read.words, theirs, size)
        return (titles + grams + whole + self._bm25(read.words, theirs, size)) / np.float32(4)

    def _by_service(self, asked: Entry, near: Iterable[str], places: Whole) -> Real:
        beside = [self._service_numbers[one] for one in near if one in self._service_numbers]
        found = np.where(np.isin(self._services[places], beside), np.float32(0.5), np.float32(0))
        if asked.service:
            found[self._services[places] == self._service_numbers.get(asked.service, -1)] = 1
        return found.astype(np.float32)

    def _entries(self, kind: _Kind, places: Whole) -> _Entries:
        """What some documents have of one kind of terms; owners are 0 to len(places)."""
        found, base = [], 0
        for one in kind.segments:
            (mine,) = np.nonzero((places >= base) & (places < base + one.size))
            if len(mine):
                rows, owners = rows_of(one, places[mine] - base)
                found.append((one.terms[rows], one.counts[rows], mine[owners]))
            base += one.size
        return _Entries(*(np.concatenate(parts) for parts in zip(*found, strict=True)))

    def _cosine(self, kind: _Kind, asked: "_Counted", theirs: _Entries, size: int) -> Real:
        """The cosine of TF-IDF with each of the documents."""
        terms, counts = asked
        weights = _LOGS[counts] * kind.rarity(terms, len(self._numbers))
        length = float(np.sqrt((weights**2).sum()))
        if not length:
            return np.zeros(size, np.float32)
        their_weights = _LOGS[theirs.counts] * kind.rarity(theirs.terms, len(self._numbers))
        both = np.bincount(theirs.owners, their_weights * self._weighed(theirs, terms, weights), size)
        lengths = np.sqrt(np.bincount(theirs.owners, their_weights**2, size))
        return (both / (length * np.maximum(lengths, 1e-9))).astype(np.float32)

    def _bm25(self, asked: "_Counted", theirs: _Entries, size: int) -> Real:
        """BM25 of each of the documents as a share of what the text gets against itself."""
        terms, counts = asked
        rare = _bm25_rarity(self._words.having[terms].astype(np.int64), len(self._numbers))
        usual = max(self._words.usual_length, 1.0)
        lengths = np.bincount(theirs.owners, theirs.counts, size)
        shares = theirs.counts / (theirs.counts + K1 * _long(lengths[theirs.owners].astype(np.float64), usual))
        found = np.bincount(theirs.owners, shares * self._weighed(theirs, terms, rare), size)
        own = counts / (counts + K1 * _long(float(counts.sum()), usual))
        return (found / max(float((rare * own).sum()), 1e-9)).clip(0, 1).astype(np.float32)

    def _weighed(self, theirs: _Entries, terms: NDArray[np.uint32], weights: Real) -> Real:
        """The weight that the text which is asked about gives to each of their terms."""
        self._asked[terms] = weights
        found = self._asked[theirs.terms]
        self._asked[terms] = 0
        return found


_Counted = tuple[NDArray[np.uint32], NDArray[np.uint8]]


@dataclass(frozen=True)
class _Read:
    """The text that is asked about, as terms with their counts."""

    words: _Counted
    title: _Counted
    grams: _Counted
    signs: _Counted


_LOGS = np.concatenate([[0.0], 1 + np.log(np.arange(1, 256))]).astype(np.float32)


def _long(length: float | NDArray[np.float64], usual: float) -> float | NDArray[np.float64]:
    return 1 - B + B * length / usual


def _rarity(having: NDArray[np.uint32], size: int) -> Real:
    """The inverse document frequency of TF-IDF, smoothed."""
    return np.asarray(np.log((1 + size) / (1 + having)) + 1, np.float32)


def _bm25_rarity(having: Whole, size: int) -> Real:
    return np.asarray(np.log(1 + (size - having + 0.5) / (having + 0.5)), np.float32)


def _best(scores: Real, limit: int) -> Whole:
    """The places of the highest, those of 0 left out."""
    (some,) = np.nonzero(scores)
    if len(some) > limit:
        some = some[np.argpartition(-scores[some], limit)[:limit]]
    return some[np.argsort(-scores[some], kind="stable")].astype(np.int64)


def _terms(entry: Entry) -> list[str]:
    return words(entry.title) * _TITLE + words(entry.text[:LONGEST])


@lru_cache(maxsize=1 << 15)
def _bucket(term: str) -> int:
    return zlib.crc32(term.encode("utf-8", "surrogatepass")) & (_WORDS - 1)


def _counted(terms: Iterable[str]) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    counts: Mapping[int, int] = Counter(map(_bucket, terms))
    found = np.fromiter(counts, np.uint32, len(counts))
    return found, np.fromiter((min(one, 255) for one in counts.values()), np.uint8, len(counts))


def _grams(entry: Entry) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """The pieces of words, four bytes with their edges marked, hashed (Fibonacci) and counted."""
    text = f" {' '.join(_terms(entry))} ".encode("utf-8", "surrogatepass")
    signs = np.frombuffer(text, np.uint8).astype(np.uint32)
    if len(signs) < 4:
        return np.zeros(0, np.uint32), np.zeros(0, np.uint8)
    one, two, three, four = signs[:-3], signs[1:-2], signs[2:-1], signs[3:]
    within = (two != 32) & (three != 32)
    whole = (one | two << 8 | three << 16 | four << 24)[within]
    hashed = (whole * np.uint32(2654435769)) >> np.uint32(16)
    found, counts = np.unique(hashed, return_counts=True)
    return found.astype(np.uint32), np.minimum(counts, 255).astype(np.uint8)
