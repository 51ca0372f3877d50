"""What stands behind the first word of a fence: ``shell id=restart timeout=30s expect="is up"``."""

import difflib
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from mainstay.restore.runbooks.book import model
from mainstay.restore.runbooks.book.front import duration

_ID = re.compile(r"[a-z][a-z0-9-]{0,59}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def _ident(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError("small letters, digits and dashes, from a letter on")
    return text


def _names(text: str) -> tuple[str, ...]:
    found = tuple(filter(None, (part.strip() for part in text.split(","))))
    if not found or not all(_NAME.fullmatch(one) for one in found):
        raise ValueError("names with commas between them, such as DB_PASSWORD,API_TOKEN")
    return found


def _one_of(*known: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in known:
            raise ValueError(f"one of {', '.join(known)}")
        return text

    return read


def _codes(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\d{1,3}(,\d{1,3})*", text):
        raise ValueError("exit codes with commas between them, such as 0,1")
    return tuple(map(int, text.split(",")))


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError("a whole number")
    return int(text)


def _duration(text: str) -> float:
    try:
        found = duration(text)
    except ValueError:
        found = 0.0
    if not 0 < found <= 30 * 86_400:
        raise ValueError("a duration such as 30s, 5m or 1h30m")
    return found


def _choices(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in text.split(","))))


# Option: the field of a step, and how its text is read.
_OPTIONS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "id": ("id", _ident),
    "title": ("title", str),
    "target": ("each", lambda text: _one_of("each", "worker")(text) == "each"),
    "timeout": ("timeout", _duration),
    "expect": ("expect", str),
    "exit": ("exits", _codes),
    "on-failure": ("on_failure", _one_of(*model.ON_FAILURE)),
    "undo": ("undo", _ident),
    "check": ("check", _ident),
    "secrets": ("secrets", _names),
    "with": ("program", str),
    "by": ("by", _one_of(*model.BY)),
    "every": ("every", _duration),
    "connection": ("connection", lambda text: _names(text)[0]),
    "write": ("write", lambda text: _one_of("yes", "no")(text) == "yes"),
    "rows": ("rows", _whole),
    "choices": ("choices", _choices),
}
_ALL = frozenset({"id", "title", "target", "timeout", "on-failure"})
_CHANGING = frozenset({"undo", "check"})
_CODE = frozenset({"expect", "exit", "secrets", "with"})
ALLOWED: Mapping[str, frozenset[str]] = {
    model.SHELL: _ALL | _CHANGING | _CODE,
    model.PYTHON: _ALL | _CHANGING | _CODE,
    model.ANSIBLE: (_ALL | _CHANGING | frozenset({"expect", "secrets"})) - {"target"},
    model.HTTP: _ALL | _CHANGING | {"expect"},
    model.SQL: _ALL | _CHANGING | {"expect", "connection", "write", "rows"},
    model.CHECK: _ALL | _CODE | {"by", "every", "connection"},
    model.WAIT: _ALL,
    model.ASK: (_ALL | {"choices"}) - {"target"},
    model.MANUAL: _ALL | {"undo"},
}


def read_options(kind: str, info: str) -> tuple[dict[str, Any], list[str]]:
    """Fields of a step by their names, and what is wrong with the options, each with its remedy."""
    try:
        words = shlex.split(info, posix=True)
    except ValueError:
        return {}, ['a quotation mark is not closed; write name="a value with blanks"']
    fields: dict[str, Any] = {}
    problems: list[str] = []
    for word in words:
        name, equals, text = word.partition("=")
        if name not in ALLOWED[kind]:
            near = difflib.get_close_matches(name, ALLOWED[kind], 1)
            known = f"did you mean {near[0]}?" if near else f"a {kind} step knows {', '.join(sorted(ALLOWED[kind]))}"
            problems.append(f"unknown option {name!r}; {known}")
            continue
        field, read = _OPTIONS[name]
        if not equals or not text:
            problems.append(f"the option {name} needs a value; write {name}=…")
        elif field in fields:
            problems.append(f"the option {name} stands twice; write it once")
        else:
            try:
                fields[field] = read(text)
            except ValueError as error:
                problems.append(f"{name}={text}: write {error}")
    return fields, problems
