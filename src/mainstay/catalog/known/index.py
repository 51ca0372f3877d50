"""Finds the signatures that an alert fits among thousands, by what is rarest in each of them.

Each signature is filed under one of the things that it asks for: a rule, a label with its value, a word, three signs of
a text, a metric, a service. An alert that has none of them cannot fit, so that few are looked at whole.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mainstay.catalog.known.signature import Signature, Symptom, why

_GRAM = 3


@dataclass(frozen=True)
class Recognised:
    """A known error that an alert fits, and why, part by part."""

    signature: Signature
    reasons: tuple[str, ...]

    @property
    def reason(self) -> str:
        """Why, as a sentence has it."""
        return ", ".join(self.reasons)

    @property
    def rank(self) -> tuple[int, str]:
        """Smaller is better: the one with the most fitting parts, then the lower key."""
        return -len(self.reasons), self.signature.key


class Index:
    """Signatures by what is rarest in them. It never changes; a new one is made when they do."""

    def __init__(self, signatures: Iterable[Signature]) -> None:
        self._all = sorted((one for one in signatures if one.tells), key=lambda one: one.key)
        self._filed: dict[str, list[int]] = defaultdict(list)
        self._anywhere: list[int] = []
        asked = [list(_asked_for(one)) for one in self._all]
        common = Counter(token for groups in asked for group in groups for token in group)
        for place, groups in enumerate(asked):
            if not groups:
                self._anywhere.append(place)
                continue
            for token in min(groups, key=lambda group: sum(common[one] for one in group)):
                self._filed[token].append(place)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._all)

    def __iter__(self) -> Iterator[Signature]:
        """All of them, by key."""
        return iter(self._all)

    def candidates(self, symptom: Symptom) -> list[Signature]:
        """Those that are worth a look."""
        places = set(self._anywhere)
        for token in self._filed.keys() & _carried(symptom):
            places.update(self._filed[token])
        return [self._all[place] for place in sorted(places)]

    def match(self, symptom: Symptom) -> list[Recognised]:
        """Those that an alert fits, the best first."""
        found = [Recognised(one, reasons) for one in self.candidates(symptom) if (reasons := why(one, symptom))]
        return sorted(found, key=lambda one: one.rank)


def _asked_for(one: Signature) -> Iterator[frozenset[str]]:
    """What a signature asks for: of each group an alert must have at least one."""
    if one.scoped or one.services:
        yield frozenset(f"s:{service}" for service in one.services)
    if one.rules:
        yield frozenset(f"r:{rule}" for rule in one.rules)
    for word in one.words:
        yield frozenset((f"w:{word}",))
    for matcher in one.matchers:
        if matcher.op == "=" and matcher.value:
            yield frozenset((f"l:{matcher.name}={matcher.value}",))
    if one.condition:
        yield frozenset((f"m:{one.condition.of}",))
    for gram in _grams(one.text.casefold()):
        yield frozenset((f"t:{gram}",))


def _carried(symptom: Symptom) -> set[str]:
    found = {f"r:{symptom.rule}", f"s:{symptom.service}"}
    found.update(f"w:{word}" for word in symptom.words)
    found.update(f"l:{name}={value}" for name, value in symptom.labels.items())
    found.update(f"m:{name}" for name in symptom.subjects)
    found.update(f"t:{gram}" for gram in _grams(symptom.folded))
    return found


def _grams(text: str) -> set[str]:
    return {text[place : place + _GRAM] for place in range(len(text) - _GRAM + 1)}
