"""The text of a pattern: its words, and for each gap what samples of its values have in common."""

import re
from collections.abc import Iterable, Sequence

from mainstay.observe.logs.patterns import values
from mainstay.observe.logs.patterns.shapes import GAP

VARIABLE = "<*>"
_ENDING = re.compile(r"[.!?]*\Z")
_PREFIXED = re.compile(r"([A-Za-z$][\w$]*[#/.@-])[\d*]+(?:[^\w].*)?")
_WITH_UNIT = re.compile(rf".*\d ({values.UNIT})")


def template(words: Sequence[str], signs: Sequence[str], samples: Sequence[Sequence[str]]) -> str:
    """The template of W words, W - 1 signs and, for each word, samples of what stood there."""
    parts = []
    for place, word in enumerate(words):
        parts.append(slot(samples[place]) if word.startswith(GAP) else word)
        if place < len(signs):
            parts.append(signs[place])
    return "".join(parts)


def slot(samples: Iterable[str]) -> str:
    """What a gap reads as: the value itself when it never varies, else ``<*>`` with the prefix or unit that stays."""
    seen = set(samples)
    if len(seen) == 1:
        only = next(iter(seen))
        if only == values.EMPTY:
            return ""
        if not values.is_certain(_ENDING.sub("", only)):
            return only
    seen.discard(values.EMPTY)
    unit = _common(_WITH_UNIT.fullmatch(one) for one in seen)
    if unit:
        return f"{VARIABLE} {unit}"
    endings = {found.group() for one in seen if (found := _ENDING.search(one))}
    ending = endings.pop() if len(endings) == 1 else ""
    return f"{_common(_PREFIXED.fullmatch(one) for one in seen)}{VARIABLE}{ending}"


def is_settled(samples: Iterable[str]) -> bool:
    """Whether more samples cannot change what a gap reads as, but for a prefix or unit."""
    seen = set(samples)
    return len(seen) > 1 or any(values.is_certain(_ENDING.sub("", one)) for one in seen)


def _common(found: Iterable[re.Match[str] | None]) -> str:
    """The first group of all matches when all match and agree, else nothing."""
    texts = {one.group(1) if one else "" for one in found}
    return texts.pop() if len(texts) == 1 else ""
