"""Finds the pattern of each line as lines arrive, and gives every pattern a number that it keeps.

Work is done once for what is alike. A single vectorised replacement turns every word with a digit into ``0``; lines
that are then equal share a key, and what is known of a key costs one join. Only keys never seen before are taken apart,
word by word; and only shapes with the same signs as a new one are compared with it.
"""

import hashlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from mainstay.observe.logs.kinds import kinds_of
from mainstay.observe.logs.patterns import grouping, templates, values
from mainstay.observe.logs.patterns.shapes import GAP, Shape, shape_of

_WORD = rf"[^{values.SIGNS}]"
_WORD_WITH_DIGIT = rf"{_WORD}*[0-9]{_WORD}*"
_FIRST_LINE = r"\A([^\n]*)"
# Of a longer line the beginning names the event.
_READ_CHARACTERS = 2000
_EXAMPLES, _SAMPLES = 16, 8
_EXAMPLE_CHARACTERS = 2000
# An unsettled pattern is looked at again in this many batches.
_LOOKS = 50
UNTAGGED = 0


@dataclass(frozen=True)
class Limits:
    """``patterns`` in memory, new keys taken apart in one batch, and shapes that may share their signs."""

    patterns: int = 100_000
    learned: int = 5000
    alike: int = 400
    thresholds: grouping.Thresholds = field(default_factory=grouping.Thresholds)


@dataclass
class Pattern:
    """A pattern as the miner knows it. ``number`` is 0 until it is first told; ``samples`` are lists, one a word."""

    shape: Shape
    samples: list[list[str]]
    example: str
    number: int = 0
    template: str = ""
    merged_into: "Pattern | None" = None
    looks: int = _LOOKS

    def now(self) -> "Pattern":
        """The pattern that this one has become."""
        found = self
        while found.merged_into is not None:
            found = found.merged_into
        return found

    def take(self, texts: Sequence[str]) -> None:
        """Keep what stood in the gaps of one more line, as far as it tells anything new."""
        for place, text in enumerate(texts):
            kept = self.samples[place]
            if len(kept) < _SAMPLES and text not in kept and self.shape.words[place].startswith(GAP):
                kept.append(text)

    def widen(self, words: tuple[str, ...]) -> None:
        """Become a shape with more gaps; what stood in a new gap is the first sample of it."""
        for place, (old, new) in enumerate(zip(self.shape.words, words, strict=True)):
            if old != new and not old.startswith(GAP):
                self.samples[place] = [old]
        self.shape = Shape(words, self.shape.signs)

    def absorb(self, other: "Pattern") -> None:
        """Take over another pattern of the same shape."""
        for kept, theirs in zip(self.samples, other.samples, strict=True):
            kept.extend([one for one in theirs if one not in kept][: _SAMPLES - len(kept)])
        other.merged_into = self

    @property
    def settled(self) -> bool:
        """Whether a further line cannot change the template."""
        gaps = (place for place, word in enumerate(self.shape.words) if word.startswith(GAP))
        return self.looks <= 0 or all(templates.is_settled(self.samples[place]) for place in gaps)


def number_of(template: str) -> int:
    """The number of a pattern that begins its life with this template: 63 bits, never 0."""
    digest = hashlib.blake2b(template.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 1) or 1


def keys_of(bodies: pl.Series) -> pl.Series:
    """The key of each text: its first line with every word that has a digit as ``0``."""
    heads = bodies.str.slice(0, _READ_CHARACTERS)
    several = heads.str.contains("\n", literal=True).arg_true()
    if several.len():
        heads = heads.scatter(several, heads.gather(several).str.extract(_FIRST_LINE))
    return heads.str.replace_all(_WORD_WITH_DIGIT, "0")


class Miner:
    """All patterns of one process. Its methods may be called from several threads."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._lock = threading.Lock()
        self._by_key: dict[str, Pattern] = {}
        self._alike: dict[tuple[str, ...], dict[tuple[str, ...], Pattern]] = {}
        self._by_number: dict[int, Pattern] = {}
        self._count = 0
        self._changed: dict[int, Pattern] = {}

    def __len__(self) -> int:
        return self._count

    def restore(self, patterns: Iterable[Pattern], merged: Mapping[int, int]) -> None:
        """Know patterns again that were told before, and for a number that was merged the number it was merged into."""
        with self._lock:
            for pattern in patterns:
                self._by_number[pattern.number] = pattern
                if pattern.number not in merged:
                    self._alike.setdefault(pattern.shape.signs, {})[pattern.shape.words] = pattern
                    self._count += 1
            for old, new in merged.items():
                if old in self._by_number and new in self._by_number:
                    self._by_number[old].merged_into = self._by_number[new]

    def tag(self, bodies: pl.Series) -> pl.Series:
        """The number of the pattern of each text (N, UInt64). What is over the limits has number 0."""
        found = keys_of(bodies)
        kinds, first = kinds_of(found)
        keys = found.gather(first).to_list()
        with self._lock:
            self._learn(pl.DataFrame({"kind": kinds, "body": bodies}), keys)
            numbers = [self._by_key[key].now().number if key in self._by_key else UNTAGGED for key in keys]
        return pl.Series(numbers, dtype=pl.UInt64).gather(kinds)

    def take_changes(self) -> list[Pattern]:
        """Patterns that are new, read differently, or were merged since this was last asked."""
        with self._lock:
            changed, self._changed = list(self._changed.values()), {}
            return changed

    def put_back(self, changed: Iterable[Pattern]) -> None:
        """Tell of these changes again: they could not be kept."""
        with self._lock:
            self._changed = {one.number: one for one in changed} | self._changed

    def pattern(self, number: int) -> Pattern | None:
        """The pattern with a number, or what it has become."""
        found = self._by_number.get(number)
        return found.now() if found else None

    def _learn(self, frame: pl.DataFrame, keys: Sequence[str]) -> None:
        fresh = [place for place, key in enumerate(keys) if key not in self._by_key][: self._limits.learned]
        again = [place for place, key in enumerate(keys) if key in self._by_key and not self._by_key[key].now().settled]
        if not fresh and not again:
            return
        self._make_room(len(fresh))
        wanted = pl.Series("kind", [*fresh, *again], dtype=pl.UInt32)
        examples = {
            keys[kind]: bodies
            for kind, bodies in frame.join(wanted.to_frame(), on="kind", how="semi", maintain_order="left")
            .group_by("kind", maintain_order=True)
            .agg(pl.col("body").unique(maintain_order=True).head(_EXAMPLES))
            .iter_rows()
        }
        again_set = {keys[place] for place in again}
        touched = {
            pattern.shape.signs: None
            for key, bodies in examples.items()
            if (pattern := self._look(key, bodies, known=key in again_set))
        }
        for signs in touched:
            self._merge(signs)
        self._tell(examples)

    def _look(self, key: str, bodies: Sequence[str], *, known: bool) -> Pattern | None:
        """Take examples of a key apart. The pattern, when its shape was not known before."""
        looks = [shape_of(body[:_READ_CHARACTERS]) for body in bodies]
        shape = looks[0][0]
        made = None
        if known:
            pattern = self._by_key[key].now()
            pattern.looks -= 1
        else:
            found = self._find(shape)
            if found is None:
                if self._count >= self._limits.patterns:
                    return None
                samples: list[list[str]] = [[] for _ in shape.words]
                found = made = Pattern(shape, samples, bodies[0][:_EXAMPLE_CHARACTERS])
                self._alike.setdefault(shape.signs, {})[shape.words] = made
                self._count += 1
            self._by_key[key] = pattern = found
        for one, texts in looks:
            if one.signs == pattern.shape.signs:
                pattern.take(texts)
        return made

    def _find(self, shape: Shape) -> Pattern | None:
        alike = self._alike.get(shape.signs, {})
        exact = alike.get(shape.words)
        return exact or next((one for one in alike.values() if one.shape.fits(shape)), None)

    def _merge(self, signs: tuple[str, ...]) -> None:
        """Compare the shapes with these signs, and make one pattern of those that are one."""
        alike = self._alike[signs]
        become = grouping.merged(signs, alike, self._limits.thresholds)
        if len(set(become.values())) > self._limits.alike:
            forced = grouping.forced(become.values(), self._limits.alike)
            become = {first: forced[now] for first, now in become.items()}
        for first, now in become.items():
            if first != now:
                self._become(alike, first, now)

    def _become(self, alike: dict[tuple[str, ...], Pattern], first: tuple[str, ...], now: tuple[str, ...]) -> None:
        pattern = alike.pop(first)
        pattern.widen(now)
        other = alike.get(now)
        if other is None:
            alike[now] = pattern
            return
        # Who was told already keeps its number.
        elder, younger = (pattern, other) if pattern.number and not other.number else (other, pattern)
        elder.absorb(younger)
        alike[now] = elder
        self._count -= 1
        if younger.number:
            self._changed[younger.number] = younger

    def _tell(self, keys: Iterable[str]) -> None:
        """Write the templates anew, and give a number to what has none."""
        for pattern in {id(one): one for key in keys if (one := self._by_key.get(key))}.values():
            now = pattern.now()
            text = templates.template(now.shape.words, now.shape.signs, now.samples)
            if text == now.template and now.number:
                continue
            now.template = text
            now.number = now.number or number_of(text)
            self._by_number.setdefault(now.number, now)
            self._changed[now.number] = now

    def _make_room(self, count: int) -> None:
        """Forget what keys stand for when there are too many: patterns stay, and a key is found again by its shape."""
        if len(self._by_key) + count > 4 * self._limits.patterns:
            self._by_key.clear()


def tag_all(bodies: pl.Series, limits: Limits | None = None) -> tuple[pl.Series, Miner]:
    """Pattern numbers of a whole file (N, UInt64), all patterns known before a line is tagged; and who knows them."""
    miner = Miner(limits)
    miner.tag(bodies)
    return miner.tag(bodies), miner
