"""Hashed terms of many documents, in arrays: which terms a document has, and which documents have a term.

A segment never changes. A new one is put behind the others, and small neighbours become one, as in a log-structured
merge tree (O'Neil et al. 1996), so that adding costs little and there are few of them to ask.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]
Real = NDArray[np.float32]
# BM25, its usual constants (Robertson and Zaragoza 2009).
K1, B = 1.2, 0.75


@dataclass(frozen=True)
class Segment:
    """Terms of D documents: ``starts`` (D+1) into ``terms`` and ``counts``, whose terms differ within a document."""

    starts: Whole
    terms: NDArray[np.uint32]
    counts: NDArray[np.uint8]

    @property
    def size(self) -> int:
        """Documents."""
        return len(self.starts) - 1

    @cached_property
    def lengths(self) -> Real:
        """Terms of each document, repeated ones counted again."""
        return np.bincount(self.owners, self.counts, self.size).astype(np.float32)

    @property
    def owners(self) -> NDArray[np.int32]:
        """The document of each entry."""
        return np.repeat(np.arange(self.size, dtype=np.int32), np.diff(self.starts))

    @property
    def bytes(self) -> int:
        """What the arrays take."""
        return self.starts.nbytes + self.terms.nbytes + self.counts.nbytes


@dataclass(frozen=True)
class Filed:
    """A segment the other way round: for each of its terms, the documents that have it and its BM25 weight there."""

    keys: NDArray[np.uint32]
    starts: Whole
    places: NDArray[np.int32]
    weights: NDArray[np.uint8]

    @property
    def bytes(self) -> int:
        """What the arrays take."""
        return self.keys.nbytes + self.starts.nbytes + self.places.nbytes + self.weights.nbytes


def segment(documents: Sequence[tuple[NDArray[np.uint32], NDArray[np.uint8]]]) -> Segment:
    """Documents, each as its terms with their counts."""
    starts = np.zeros(len(documents) + 1, np.int64)
    np.cumsum([len(terms) for terms, _ in documents], out=starts[1:])
    none = (np.zeros(0, np.uint32), np.zeros(0, np.uint8))
    terms, counts = zip(*documents, strict=True) if documents else ((none[0],), (none[1],))
    return Segment(starts, np.concatenate(terms), np.concatenate(counts))


def joined(one: Segment, other: Segment) -> Segment:
    """Two segments as one, the documents of the other behind."""
    starts = np.concatenate([one.starts, other.starts[1:] + one.starts[-1]])
    return Segment(starts, np.concatenate([one.terms, other.terms]), np.concatenate([one.counts, other.counts]))


def filed(one: Segment, usual_length: float) -> Filed:
    """The segment by terms. The weight is the share of BM25 that depends on the document, in 255ths."""
    order = np.argsort(one.terms, kind="stable")
    keys, firsts = np.unique(one.terms[order], return_index=True)
    starts = np.append(firsts, len(order)).astype(np.int64)
    places = one.owners[order]
    counts = one.counts[order].astype(np.float32)
    long = 1 - B + B * one.lengths[places] / max(usual_length, 1.0)
    weights = np.rint(255 * counts / (counts + K1 * long)).astype(np.uint8)
    return Filed(keys, starts, places, weights)


def rows_of(one: Segment, places: Whole) -> tuple[Whole, Whole]:
    """The entries of some documents: for each its place in the arrays, and which of the documents it belongs to."""
    lengths = one.starts[places + 1] - one.starts[places]
    owners = np.repeat(np.arange(len(places)), lengths)
    before = np.cumsum(lengths) - lengths
    return np.arange(lengths.sum()) - before[owners] + one.starts[places][owners], owners
