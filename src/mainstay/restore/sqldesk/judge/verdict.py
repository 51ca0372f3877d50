"""What the judge says, and what it can be told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Dialect(StrEnum):
    """Whose SQL it is. MariaDB is judged as ``mysql``. Oracle and SQL Server have no corpus and no tokens of their own
    here, and are not judged."""

    POSTGRES = "postgres"
    MYSQL = "mysql"
    SQLITE = "sqlite"


class Rule(StrEnum):
    """Why a statement is refused, by name."""

    TOO_LONG = "too_long"
    TOO_DEEP = "too_deep"
    UNREADABLE = "unreadable"
    AMBIGUOUS = "ambiguous"
    EMPTY = "empty"
    SEVERAL = "several_statements"
    NOT_A_READ = "not_a_read"
    LOCKS = "locks"
    SETS = "sets"
    COMMENT_THAT_RUNS = "comment_that_runs"
    FUNCTION = "function"
    TYPE = "type"
    OPERATOR = "operator"
    UNKNOWN = "unknown"


class RefusedError(Exception):
    """The walk ends here. ``at`` is the character (from 0) of the statement, or -1 for all of it."""

    def __init__(self, rule: Rule, what: str, remedy: str = "", at: int = -1) -> None:
        super().__init__(what)
        self.rule, self.what, self.remedy, self.at = rule, what, remedy, at

    def reason(self, sql: str) -> str:
        """What is wrong, where, and what to do."""
        place = ""
        if self.at >= 0:
            line = sql.count("\n", 0, self.at) + 1
            place = f" (line {line}, column {self.at - (sql.rfind(chr(10), 0, self.at) + 1) + 1})"
        return f"{self.what}{place}" + (f". {self.remedy}" if self.remedy else "")


@dataclass(frozen=True)
class Verdict:
    """Whether a statement only reads.

    ``rule`` names the reason of a refusal and ``reason`` says it to a person. ``kind`` is the sort of statement
    (``select``, ``explain``, ``show``, …). ``sql`` is the text to run: as written, with comments blanked out, because
    comments are what a server and the judge could read differently; it is empty when refused.
    """

    allowed: bool
    reason: str
    rule: Rule | None = None
    kind: str = ""
    sql: str = ""
    tables: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Functions:
    """What a server's own catalog says: ``schema.name`` to whether a call may change something, and the types that are
    no built-in ones and whose input runs no code (enums, for example).

    One name with several signatures is as bad as the worst of them, and so is a name without its schema: which one a
    call means depends on the search path and on the types of its arguments.
    """

    volatile: Mapping[str, bool]
    types: frozenset[str] = frozenset()
    _by_name: Mapping[str, bool] = field(init=False, repr=False, compare=False)
    _writing: Mapping[str, frozenset[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names: dict[str, bool] = {}
        writing: dict[str, frozenset[str]] = {}
        for full, volatile in self.volatile.items():
            schema, _, name = full.rpartition(".")
            names[name] = names.get(name, False) or volatile
            if volatile:
                writing[name] = writing.get(name, frozenset()) | {schema}
        object.__setattr__(self, "_by_name", names)
        object.__setattr__(self, "_writing", writing)

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str, bool]], types: Iterable[str] = ()) -> "Functions":
        """From rows of (schema, name, volatile)."""
        found: dict[str, bool] = {}
        for schema, name, volatile in rows:
            full = f"{schema}.{name}"
            found[full] = found.get(full, False) or volatile
        return cls(found, frozenset(types))

    def may_write(self, schema: str, name: str) -> bool | None:
        """Whether a call may change something; nothing when the catalog does not know the name."""
        return self.volatile.get(f"{schema}.{name}") if schema else self._by_name.get(name)

    def shadowed(self, name: str, *, built_in: str) -> bool:
        """Whether a schema other than the built-in one has a function of this name that may change something."""
        return bool(self._writing.get(name, frozenset()) - {built_in})
