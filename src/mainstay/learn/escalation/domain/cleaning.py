"""Secrets and personal data taken out of everything that leaves the house in a case. Pure.

Whatever a case is made of goes through one cleaner before anything is written of it: as columns of text, or as plain
data of any depth. What kinds are looked for, and further expressions and names of fields, are settings.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from mainstay.change.configs import masking
from mainstay.observe.logs import redaction

FIELD_MARK: Final = "[redacted:field]"
_RULE_MARK: Final = "[redacted:rule]"
_ANY_MARK: Final = re.compile(r"\[redacted:([a-z-]+)\]|\[(secret) [0-9a-f]{8}\]")


class CleaningError(ValueError):
    """An expression of the settings cannot be read. Nothing is built without it."""


@dataclass(frozen=True)
class Rules:
    """What is taken out: kinds of the rules for log lines, further expressions (RE2), and names of fields."""

    kinds: tuple[str, ...]
    expressions: tuple[str, ...]
    fields: tuple[str, ...]
    key: bytes


class Cleaner:
    """Cleans texts and remembers how much it took out, by kind."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._fields = tuple(one.lower() for one in rules.fields)
        self.taken: dict[str, int] = {}
        for one in rules.expressions:
            self._replaced(pl.Series([""]), one)

    def texts(self, given: pl.Series) -> pl.Series:
        """A column of texts (N), cleaned."""
        found = redaction.redact(given.cast(pl.String), self._rules.kinds)
        for one in self._rules.expressions:
            found = self._replaced(found, one)
        self._count(given, found)
        return found

    def _replaced(self, texts: pl.Series, expression: str) -> pl.Series:
        try:
            return texts.str.replace_all(expression, _RULE_MARK)
        except pl.exceptions.PolarsError as error:
            raise CleaningError(f"escalation_redact_expressions: {expression!r}: {error}") from None

    def _count(self, before: pl.Series, after: pl.Series) -> None:
        changed = after.filter((before != after).fill_null(value=False))
        for text in changed:
            for name, secret in _ANY_MARK.findall(text):
                kind = name or secret
                self.taken[kind] = self.taken.get(kind, 0) + 1

    def text(self, given: str) -> str:
        """One text, cleaned."""
        return str(self.texts(pl.Series([given], dtype=pl.String))[0])

    def configuration(self, given: Sequence[str]) -> list[str]:
        """Configuration and patches: what a telling name introduces goes whole, then what every text loses."""
        masked = pl.Series(masking.masked(given, self._rules.key), dtype=pl.String)
        self._count(pl.Series(given, dtype=pl.String), masked)
        return list(self.texts(masked))

    def plain(self, given: Any) -> Any:
        """Plain data of any depth with every text in it cleaned, names of keys left as they are."""
        found = list(_texts_in(given))
        cleaned = iter(self.texts(pl.Series(found, dtype=pl.String)) if found else ())
        return _with_texts(given, cleaned)

    def hides(self, field: str) -> bool:
        """Whether all that stands in a field of this name is taken out."""
        bare = field.lower().replace("-", "_")
        return any(one in bare for one in self._fields)

    def rows(self, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
        """Rows of a table, without what stands in telling columns. Their texts are cleaned later, as all are."""
        hidden = [self.hides(one) for one in columns]
        count = sum(hidden) * len(rows)
        if count:
            self.taken["field"] = self.taken.get("field", 0) + count
        return [
            [FIELD_MARK if hide and cell is not None else cell for hide, cell in zip(hidden, row, strict=True)]
            for row in rows
        ]


def _texts_in(given: Any) -> Iterator[str]:
    if isinstance(given, str):
        yield given
    elif isinstance(given, Mapping):
        for one in given.values():
            yield from _texts_in(one)
    elif isinstance(given, (list, tuple)):
        for one in given:
            yield from _texts_in(one)


def _with_texts(given: Any, cleaned: Iterator[str]) -> Any:
    """The same data with the next cleaned text in place of each, in the order of ``_texts_in``."""
    if isinstance(given, str):
        return next(cleaned)
    if isinstance(given, Mapping):
        return {name: _with_texts(one, cleaned) for name, one in given.items()}
    if isinstance(given, (list, tuple)):
        return [_with_texts(one, cleaned) for one in given]
    return given
