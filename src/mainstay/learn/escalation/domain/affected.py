"""What was hit, by its id: orders, traces, hosts, as log fields, log texts and rows of evidence name them. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

# Fields and words whose values are the identity of something.
_IDENTITY: Final = re.compile(
    r"(?i)\A(?:\w*[_.\-])?(?:order|customer|payment|invoice|account|cart|batch|job|file|item|sku|shipment|ticket|"
    r"message|record|host|hostname|node|pod|instance|container)s?"
    r"(?:[_.\-]?(?:id|no|nr|num|number|ref|reference|key|name))?\Z|\Atrace[_.]?id\Z|\A\w+[_.\-](?:id|no|number|ref)\Z|\Aid\Z"
)
_SPOKEN: Final = re.compile(
    r"(?i)\b(order|customer|payment|invoice|account|cart|batch|job|shipment|message|record|host|node|pod)"
    r"(?:[_ ]?(?:id|no|nr|number|ref))?[\s=:#]+\"?([A-Za-z0-9][\w.\-]*\d[\w.\-]*)"
)
_LONGEST: Final = 120


@dataclass(frozen=True)
class Affected:
    """One thing that was hit: its kind, its identity, and in how many lines and rows it stands."""

    kind: str
    value: str
    count: int


def names_identity(field: str) -> bool:
    """Whether a field of this name holds the identity of something."""
    return _IDENTITY.match(field) is not None


def of_fields(rows: Iterable[tuple[str, str, int]]) -> Counter[tuple[str, str]]:
    """Counts by (kind, value) of fields of log lines as (name, value, lines)."""
    found: Counter[tuple[str, str]] = Counter()
    for name, value, lines in rows:
        if value and names_identity(name):
            found[_kind(name), value[:_LONGEST]] += lines
    return found


def of_texts(texts: Iterable[str]) -> Counter[tuple[str, str]]:
    """Counts of what texts speak of, such as ``order 77123``; each once a text."""
    found: Counter[tuple[str, str]] = Counter()
    for text in texts:
        found.update({(kind.lower(), value[:_LONGEST].rstrip(".")) for kind, value in _SPOKEN.findall(text)})
    return found


def of_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Counter[tuple[str, str]]:
    """Counts of the identities in the rows of an answer."""
    found: Counter[tuple[str, str]] = Counter()
    for place, column in enumerate(columns):
        if names_identity(column):
            values = (str(row[place]) for row in rows if row[place] not in {None, ""})
            found.update((_kind(column), value[:_LONGEST]) for value in values)
    return found


def kinds(rows: Iterable[tuple[str, int]]) -> dict[str, int]:
    """How many values there are of each kind, of fields as (name, values); not all of them are listed."""
    found: dict[str, int] = {}
    for name, values in rows:
        if names_identity(name):
            found[_kind(name)] = max(found.get(_kind(name), 0), values)
    return found


def _kind(field: str) -> str:
    """``order_id`` is an order."""
    bare = re.sub(r"(?i)[_.\-]?(?:id|no|nr|num|number|ref|reference|key)\Z", "", field)
    return (bare or field).lower()


def ranked(
    counts: Mapping[tuple[str, str], int], each: int, every: Mapping[str, int]
) -> tuple[list[Affected], dict[str, int]]:
    """The ``each`` most frequent of every kind, and how many of a kind are not listed.

    ``every`` says of which kinds there are more than were counted.
    """
    by_kind: dict[str, list[Affected]] = {}
    for (kind, value), count in counts.items():
        by_kind.setdefault(kind, []).append(Affected(kind, value, count))
    found: list[Affected] = []
    left: dict[str, int] = {}
    for kind in sorted(by_kind, key=lambda one: (-len(by_kind[one]), one)):
        ordered = sorted(by_kind[kind], key=lambda one: (-one.count, one.value))
        found += ordered[:each]
        more = max(len(ordered), every.get(kind, 0)) - len(ordered[:each])
        if more:
            left[kind] = more
    return found, left
