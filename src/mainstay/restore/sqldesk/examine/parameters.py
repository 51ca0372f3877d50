"""Parameters of a read: ``:name`` in the text, typed by the form, bound by the driver and never spliced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from mainstay.restore.sqldesk.domain.statement import bind as splice
from mainstay.restore.sqldesk.judge import Dialect
from mainstay.restore.sqldesk.judge.lexer import Token, tokens
from mainstay.restore.sqldesk.judge.verdict import RefusedError

TYPES = ("text", "whole", "number", "date", "moment", "yes_no")
SOURCES = (
    "incident.id",
    "incident.service",
    "incident.title",
    "incident.opened_at",
    "incident.started_at",
    "label.NAME",
)


class ParameterError(ValueError):
    """A parameter is missing or has no value of its type. ``name`` says which."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


@dataclass(frozen=True)
class Parameter:
    """One parameter of a saved query. ``source`` is the identifier of an incident that fills it in."""

    name: str
    type: str = "text"
    source: str = ""

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> "Parameter":
        """From a row of JSON. Raises ``ParameterError``."""
        name, kind, source = (str(spec.get(key) or "") for key in ("name", "type", "source"))
        kind = kind or "text"
        if not name.isidentifier():
            raise ParameterError(name, f"{name!r} is no name; write letters, digits and underscores")
        if kind not in TYPES:
            raise ParameterError(name, f"the type of {name} is one of {', '.join(TYPES)}")
        if source and source not in SOURCES and not source.startswith("label."):
            raise ParameterError(name, f"{name} can be filled from {', '.join(SOURCES)}")
        return cls(name, kind, source)

    def plain(self) -> dict[str, str]:
        """As JSON keeps it."""
        return {"name": self.name, "type": self.type, "source": self.source}


def named(sql: str, dialect: str) -> tuple[str, ...]:
    """The parameters that a text names, in their order."""
    return tuple(dict.fromkeys(token.value for token in _parameters(sql, dialect)))


def _parameters(sql: str, dialect: str) -> list[Token]:
    try:
        found = [token for token in tokens(sql, Dialect(dialect)) if token.kind == "parameter"]
    except RefusedError as refused:
        raise ParameterError("", refused.reason(sql)) from None
    return [token for token in found if not token.value.startswith("@") and _is_named(sql, token)]


def _is_named(sql: str, token: Token) -> bool:
    if sql[token.start] == ":":
        return True
    raise ParameterError(token.value, f"write :name instead of {sql[token.start : token.end]}")


def bind(sql: str, dialect: str, specs: Sequence[Parameter], values: Mapping[str, Any]) -> tuple[str, Any]:
    """The text with the markers of the driver, and what it binds; nothing to bind is ``None``."""
    found = _parameters(sql, dialect)
    if not found:
        return sql, None
    kinds = {one.name: one for one in specs}
    bound = {token.value: _value(kinds.get(token.value, Parameter(token.value)), values) for token in found}
    if dialect == "sqlite":
        return splice(sql, dialect, {name: _for_sqlite(value) for name, value in bound.items()}, "?")
    return splice(sql, dialect, bound, "%s")


def _for_sqlite(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal | date | datetime) else value


def _value(parameter: Parameter, values: Mapping[str, Any]) -> Any:
    if parameter.name not in values or values[parameter.name] is None:
        raise ParameterError(parameter.name, f"give a value for :{parameter.name}")
    text = str(values[parameter.name]).strip()
    try:
        return read_value(parameter.type, text)
    except ValueError as error:
        raise ParameterError(parameter.name, f":{parameter.name} takes {error}") from None


def read_value(kind: str, text: str) -> Any:
    """A value of one of ``TYPES`` from text. Raises ``ValueError`` that says what such a value looks like."""
    try:
        return _READ[kind](text)
    except (ValueError, InvalidOperation):
        raise ValueError(_HELP[kind]) from None


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _yes_no(text: str) -> bool:
    known = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}
    if text.lower() not in known:
        raise ValueError(text)
    return known[text.lower()]


_READ: Mapping[str, Any] = {
    "text": str,
    "whole": int,
    "number": Decimal,
    "date": date.fromisoformat,
    "moment": _moment,
    "yes_no": _yes_no,
}
_HELP = {
    "text": "text",
    "whole": "a whole number",
    "number": "a number",
    "date": "a date such as 2024-01-31",
    "moment": "a moment such as 2024-01-31T12:00:00Z",
    "yes_no": "yes or no",
}
