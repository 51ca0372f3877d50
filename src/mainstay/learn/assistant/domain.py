"""What a language model said, held against what it was shown. Pure.

A statement stands when each of its citations names something that was shown and quotes it to the letter (blanks aside),
and every number of the statement stands in what it cites. What cites nothing is discarded, however true it sounds.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Shorter quotes would be found by chance in anything.
SHORTEST_QUOTE = 6
MOST_STATEMENTS = 20
_FENCE = re.compile(r"\A\s*```(?:json)?\s*\n(.*?)\n?```\s*\Z", re.DOTALL)
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True)
class Exhibit:
    """An answer of a tool that the model was shown: its name ``E1``, the tool, what it was given, what it said."""

    name: str
    tool: str
    given: Mapping[str, Any]
    said: str


@dataclass(frozen=True)
class Citation:
    """Where a statement comes from, to the letter."""

    exhibit: str
    quote: str


@dataclass(frozen=True)
class Statement:
    """A sentence and where it comes from."""

    text: str
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True)
class Discarded:
    """A sentence that does not stand, and why."""

    text: str
    why: str


@dataclass(frozen=True)
class Judged:
    """What is shown to people, and what is not."""

    kept: tuple[Statement, ...]
    discarded: tuple[Discarded, ...]


class AnswerError(ValueError):
    """The model's answer has not the shape that it was asked for; the text says what is wrong."""


def statements_of(answer: str) -> list[Statement]:
    """The statements of an answer: ``{"statements": [{"text": …, "evidence": [{"id": "E1", "quote": …}]}]}``.

    Raises ``AnswerError``.
    """
    fenced = _FENCE.match(answer)
    try:
        found = json.loads(fenced[1] if fenced else answer)
    except (json.JSONDecodeError, RecursionError) as error:
        raise AnswerError(f"it is not JSON: {error}") from error
    rows = found.get("statements") if isinstance(found, dict) else None
    if not isinstance(rows, list):
        raise AnswerError("it has no list of statements")
    return [
        _statement(one) for one in rows[:MOST_STATEMENTS] if isinstance(one, dict) and str(one.get("text", "")).strip()
    ]


def _statement(row: Mapping[str, Any]) -> Statement:
    cited = row.get("evidence")
    rows = [one for one in cited if isinstance(one, dict)] if isinstance(cited, list) else []
    return Statement(
        str(row["text"]).strip(), tuple(Citation(str(one.get("id", "")), str(one.get("quote", ""))) for one in rows)
    )


def judge(statements: Sequence[Statement], exhibits: Sequence[Exhibit]) -> Judged:
    """Keep what stands."""
    shown = {one.name: _plain(one.said) for one in exhibits}
    kept, discarded = [], []
    for one in statements:
        why = _objection(one, shown)
        if why:
            discarded.append(Discarded(one.text, why))
        else:
            kept.append(one)
    return Judged(tuple(kept), tuple(discarded))


def _objection(statement: Statement, shown: Mapping[str, str]) -> str:
    """Why it does not stand; empty when it does."""
    if not statement.citations:
        return "it cites nothing"
    for one in statement.citations:
        if one.exhibit not in shown:
            return f"it cites {one.exhibit or 'nothing'}, which was never shown"
        quote = _plain(one.quote)
        if len(quote) < SHORTEST_QUOTE:
            return f"its quote of {one.exhibit} is too short to be found again"
        if quote not in shown[one.exhibit]:
            return f"{one.exhibit} does not say {one.quote[:80]!r}"
    cited = {number for one in statement.citations for number in _NUMBER.findall(shown[one.exhibit])}
    invented = [number for number in _NUMBER.findall(statement.text) if number not in cited]
    return f"its number {invented[0]} stands in nothing that it cites" if invented else ""


def _plain(text: str) -> str:
    """Without what a model changes when it quotes: blanks, and the escapes of JSON."""
    return _BLANKS.sub(" ", text.replace('\\"', '"').replace("\\n", " ").replace("\\t", " ")).strip()
