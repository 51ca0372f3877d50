"""The inputs of a run on a form: as fields, and as they were typed."""

from collections.abc import Mapping

from django.http import QueryDict

from mainstay.restore.runbooks.book.model import Book, Input

_PREFIX = "input-"


def typed(book: Book, source: QueryDict, before: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a form holds for each input, else the value ``before``, else its default."""
    begins = before or {}
    return {one.name: source.get(_PREFIX + one.name, begins.get(one.name, one.default)) for one in book.inputs}


def given(values: Mapping[str, str]) -> dict[str, str]:
    """Those that were filled in."""
    return {name: value for name, value in values.items() if value}


def fields(book: Book, values: Mapping[str, str]) -> list[tuple[Input, str, str]]:
    """Each input with its value and the kind of field that it is typed into."""
    return [(one, values[one.name], _kind(one)) for one in book.inputs]


def _kind(one: Input) -> str:
    return {"date": "date", "whole": "number"}.get(one.type, "text")
