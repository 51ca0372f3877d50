"""The last step of every protocol that brings log lines: make them fit to keep, keep them, count them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mainstay.observe.intake import counters
from mainstay.observe.logs import services as logs
from mainstay.observe.logs.lines import Lines

# Microseconds: 1990-01-01 and 2200-01-01. What lies outside is a broken clock or another unit.
EARLIEST, LATEST = 631_152_000_000_000, 7_258_118_400_000_000
SAID = "time.said"


def keep(protocol: str, lines: Lines) -> int:
    """Keep lines. When this returns they are on disk. Raises ``SpoolFullError``."""
    if not lines.bodies:
        return 0
    kept = logs.accept(fit(lines))
    counters.add(protocol, lines=len(lines.bodies))
    return kept


def clean(text: str) -> str:
    """Text without NUL characters, in which what was no UTF-8 is replaced."""
    return text.replace("\x00", "").encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def fit(lines: Lines) -> Lines:
    """The lines with clean text and with times that a clock can have had."""
    changes: dict[str, Sequence[object]] = {}
    if not _is_clean("".join(lines.bodies)):
        changes["bodies"] = [clean(body) for body in lines.bodies]
    if not _is_clean("".join(text for one in lines.origins for text in (one.service, one.stream, *_texts(one)))):
        changes["origins"] = [
            replace(one, service=clean(one.service), stream=clean(one.stream), attributes=_cleaned(one.attributes))
            for one in lines.origins
        ]
    attributes = list(lines.attributes)
    if attributes and not _is_clean("".join(text for one in attributes if one for text in (*one, *one.values()))):
        attributes = [one and _cleaned(one) for one in attributes]
        changes["attributes"] = attributes
    wrong = _impossible(lines.times)
    if wrong:
        times, attributes = list(lines.times), attributes or [None] * len(lines.bodies)
        for place in wrong:
            attributes[place] = {SAID: f"{times[place]} us", **(attributes[place] or {})}
            times[place] = 0
        changes |= {"times": times, "attributes": attributes}
    return replace(lines, **changes) if changes else lines  # type: ignore[arg-type]


def _texts(one: object) -> Sequence[str]:
    about: Mapping[str, str] = getattr(one, "attributes", {})
    return (*about, *about.values())


def _is_clean(text: str) -> bool:
    if "\x00" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _cleaned(attributes: Mapping[str, str]) -> dict[str, str]:
    return {clean(name): clean(value) for name, value in attributes.items()}


def _impossible(times: Sequence[int]) -> list[int]:
    """The places of times that are said and cannot be."""
    if not times:
        return []
    try:
        found = np.asarray(times, dtype=np.int64)
    except OverflowError:
        return [place for place, time in enumerate(times) if time and not EARLIEST <= time <= LATEST]
    return [int(place) for place in np.flatnonzero((found != 0) & ((found < EARLIEST) | (found > LATEST)))]
