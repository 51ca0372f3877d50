"""Inputs: values as they were given become values of their types, and reach steps as data alone."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from mainstay.restore.runbooks.book.model import Book, Input
from mainstay.restore.sqldesk.examine.parameters import ParameterError, named, read_value

# One string of an environment is at most 128 KB on Linux; an input is a word or a sentence.
LONGEST = 4096


class InputError(ValueError):
    """A value cannot be taken. ``name`` says of which input, the text what to write."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


def checked(book: Book, given: Mapping[str, Any]) -> dict[str, str]:
    """A value for each input, as text. Raises ``InputError``."""
    known = {one.name for one in book.inputs}
    for name in given:
        if name not in known:
            raise InputError(name, f"the book has no such input; it has {', '.join(sorted(known)) or 'none'}")
    return {one.name: _checked(one, given.get(one.name)) for one in book.inputs}


def _checked(one: Input, value: Any) -> str:
    if isinstance(value, bool):
        value = "yes" if value else "no"
    text = one.default if value is None or value == "" else str(value)
    if not text:
        if one.required:
            raise InputError(one.name, f"give {one.label or 'a value'}")
        return ""
    fitting(one.name, text)
    if one.choices and text not in one.choices:
        raise InputError(one.name, f"write one of {', '.join(one.choices)}")
    if one.type == "secret":
        return text
    try:
        read_value(one.type, text)
    except ValueError as error:
        raise InputError(one.name, f"write {error}") from None
    if one.pattern and not re.fullmatch(one.pattern, text):
        raise InputError(one.name, f"write something that matches {one.pattern}")
    return text


def fitting(name: str, text: str) -> str:
    """Text that can be a value in an environment. Raises ``InputError``."""
    if len(text) > LONGEST or "\0" in text:
        raise InputError(name, f"write at most {LONGEST} characters, none of them zero")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(name, "write text; half a character stands in it") from None
    return text


def in_statement(sql: str) -> tuple[str, ...]:
    """The inputs that a statement of whichever dialect names as ``:name``. Raises ``ParameterError``."""
    refused = ParameterError("", "")
    for dialect in ("postgres", "mysql", "sqlite"):
        try:
            return named(sql, dialect)
        except ParameterError as error:
            refused = error
    raise refused


def variables(values: Mapping[str, str]) -> dict[str, str]:
    """What shell and Python steps find in their environment."""
    return {f"INPUT_{name}": value for name, value in values.items()}


def typed(book: Book, values: Mapping[str, str]) -> dict[str, Any]:
    """Values as JSON knows them: whole numbers, numbers, and yes or no as such, everything else as text."""
    kinds = {one.name: one.type for one in book.inputs}
    return {name: _as_json(kinds.get(name, "text"), value) for name, value in values.items()}


def _as_json(kind: str, value: str) -> Any:
    if not value or kind not in {"whole", "number", "yes_no"}:
        return value
    found = read_value(kind, value)
    return float(found) if isinstance(found, Decimal) else found
