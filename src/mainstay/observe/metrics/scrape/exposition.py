"""Prometheus's text exposition format, read in bulk.

One regular expression finds all samples of the whole text at C speed. A label set is parsed once in the life of a
target: scrape after scrape it is the same text, which a dictionary turns into its series.
Source: Prometheus documentation, "Exposition formats"; OpenMetrics 1.0 for ``# EOF``; exemplars are passed over.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SAMPLE = re.compile(
    r"^[ \t]*(?P<series>[A-Za-z_:][A-Za-z0-9_:]*(?:\{(?:[^\"}]|\"(?:[^\"\\]|\\.)*\")*\})?)"
    r"[ \t]+(?P<value>[^ \t\n#]+)(?:[ \t]+(?P<time>-?[0-9.]+))?[ \t]*(?:#.*)?$",
    re.MULTILINE,
)
_LABEL = re.compile(r'[ \t]*(?P<name>[A-Za-z_][A-Za-z0-9_.]*)[ \t]*=[ \t]*"(?P<value>(?:[^"\\]|\\.)*)"[ \t]*(?:,|\Z)')
_ESCAPES = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}
_ESCAPE = re.compile(r'\\[n"\\]')


class ExpositionError(ValueError):
    """The text is not an exposition. The message names the line."""


@dataclass(frozen=True)
class Scraped:
    """N samples: the text of each one's series, its value, and its time in ms or -1 where the target names none."""

    series: list[str]
    values: NDArray[np.float64]
    times: NDArray[np.int64]


def parse(text: str) -> Scraped:
    """All samples of an exposition. A line that is neither sample, comment nor empty is an error."""
    found = _SAMPLE.findall(text)
    lines = sum(1 for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#"))
    if lines != len(found):
        raise ExpositionError(_first_bad(text))
    series = [one[0] for one in found]
    try:
        values = np.array([one[1] for one in found], dtype=np.float64)
        times = np.array([one[2] or "-1" for one in found], dtype=np.float64)
    except ValueError as error:
        raise ExpositionError(f"a value is not a number: {error}") from error
    if "# EOF" in text[-16:]:
        # OpenMetrics writes times in seconds, the older format in milliseconds.
        times = np.where(times >= 0, times * 1000, times)
    return Scraped(series, values, times.astype(np.int64))


def _first_bad(text: str) -> str:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not line.lstrip().startswith("#") and not _SAMPLE.match(line):
            return f"line {number}: not a sample: {line[:120]!r}"
    return "some lines are not samples"


def parse_series(text: str) -> tuple[str, dict[str, str]]:
    """Name and labels of a series such as ``up{job="a"}``."""
    name, brace, rest = text.partition("{")
    labels: dict[str, str] = {}
    if brace:
        inner, place = rest.rstrip()[:-1], 0
        while inner[place:].strip():
            found = _LABEL.match(inner, place)
            if not found:
                raise ExpositionError(f"cannot read the labels of {text[:120]!r}")
            labels[found["name"]] = _ESCAPE.sub(lambda one: _ESCAPES[one.group()], found["value"])
            place = found.end()
    return name.strip(), labels
