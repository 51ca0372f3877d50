"""A book as it was read: what it asks for, where it goes, and its steps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SHELL, PYTHON, HTTP, SQL = "shell", "python", "http", "sql"
WAIT, CHECK, ASK, MANUAL, ANSIBLE = "wait", "check", "ask", "manual", "ansible"
KINDS = (SHELL, PYTHON, HTTP, SQL, WAIT, CHECK, ASK, MANUAL, ANSIBLE)
# What a check looks with.
BY = (SHELL, PYTHON, HTTP, SQL, "promql")
PROGRAMS: Mapping[str, tuple[str, ...]] = {
    SHELL: ("bash", "sh", "dash", "zsh", "ksh"),
    PYTHON: ("python3", "python"),
}
INPUT_TYPES = ("text", "whole", "number", "date", "moment", "yes_no", "secret")
ON_FAILURE = ("stop", "continue", "undo", "ask")
NOBODY, SECOND_PERSON = "none", "second person"


@dataclass(frozen=True)
class Problem:
    """Something about a book. A hint does not keep it from being used; the text says what to do."""

    line: int
    text: str
    hint: bool = False

    def __str__(self) -> str:
        """As a line of a report, without the file."""
        return f"{self.line}: {'hint: ' if self.hint else ''}{self.text}"


@dataclass(frozen=True)
class Input:
    """A value that is given when the book is run. That of a secret is the name under which it is kept."""

    name: str
    type: str = "text"
    label: str = ""
    default: str = ""
    choices: tuple[str, ...] = ()
    pattern: str = ""
    required: bool = True


@dataclass(frozen=True)
class Targets:
    """Hosts by key, or by the groups that they are in, and how many a run may take. ``most`` 0: as the settings say."""

    hosts: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    most: int = 0

    def __bool__(self) -> bool:
        """Whether the book goes anywhere but to the worker."""
        return bool(self.hosts or self.groups)


@dataclass(frozen=True)
class Call:
    """An HTTP request. Values are nodes: ``{"input": NAME}``, ``{"secret": NAME}`` or ``{"target": true}``."""

    url: str
    method: str = "GET"
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    status: tuple[int, ...] = ()


@dataclass(frozen=True)
class Step:
    """One step. ``text`` is its code, or what a person reads; ``each`` says on every target instead of once."""

    id: str
    kind: str
    text: str
    line: int
    title: str = ""
    named: bool = True
    each: bool = False
    timeout: float = 0.0
    expect: str = ""
    exits: tuple[int, ...] = (0,)
    on_failure: str = "stop"
    undo: str = ""
    check: str = ""
    secrets: tuple[str, ...] = ()
    program: str = ""
    by: str = ""
    every: float = 5.0
    connection: str = ""
    write: bool = False
    rows: int | None = None
    seconds: float = 0.0
    choices: tuple[str, ...] = ()
    call: Call | None = None

    @property
    def means(self) -> str:
        """What it works with: that of a check is what it looks with."""
        return self.by if self.kind == CHECK else self.kind

    @property
    def harmless(self) -> bool:
        """Whether it only looks, waits or asks, so that doing it twice changes nothing."""
        if self.kind == HTTP:
            return self.call is not None and self.call.method in {"GET", "HEAD"}
        return self.kind in {WAIT, CHECK, ASK, MANUAL} or (self.kind == SQL and not self.write)


@dataclass(frozen=True)
class Book:
    """A whole book. ``steps`` are in the order in which they stand."""

    key: str
    title: str
    description: str = ""
    services: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()
    targets: Targets = Targets()
    approval: str = SECOND_PERSON
    timeout: float = 3600.0
    verify: str = ""
    parallel: int = 10
    ramp: bool = True
    max_errors: int = 0
    in_windows: bool = False
    steps: tuple[Step, ...] = ()

    def step(self, ident: str) -> Step:
        """The step with this id. Raises ``KeyError``."""
        return next((one for one in self.steps if one.id == ident), None) or _missing(ident)

    @property
    def undoing(self) -> frozenset[str]:
        """Steps that run only to undo others."""
        return frozenset(one.undo for one in self.steps if one.undo)

    @property
    def main(self) -> tuple[Step, ...]:
        """Steps that run in order: all but those that undo."""
        return tuple(one for one in self.steps if one.id not in self.undoing)

    @property
    def changes(self) -> bool:
        """Whether it changes anything, so that the calendar and a second person are asked."""
        return any(not one.harmless or one.kind == MANUAL for one in self.steps)

    @property
    def secret_inputs(self) -> frozenset[str]:
        """Inputs whose values are names of secrets."""
        return frozenset(one.name for one in self.inputs if one.type == "secret")


def _missing(ident: str) -> Step:
    raise KeyError(ident)
