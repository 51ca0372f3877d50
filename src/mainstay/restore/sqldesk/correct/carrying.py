"""One transaction of a correction or of an undo, up to the moment before its commit. A preview ends here as well."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mainstay.restore.sqldesk.correct import rows
from mainstay.restore.sqldesk.correct.apply import Effects, MismatchError, Transaction
from mainstay.restore.sqldesk.correct.restoring import Judged, Kept, restored, undo
from mainstay.restore.sqldesk.domain.checks import holds
from mainstay.restore.sqldesk.domain.images import Key
from mainstay.restore.sqldesk.domain.statement import Statement, StatementError, bind, parse
from mainstay.restore.sqldesk.engines.session import Session

SHOWN = 200


@dataclass(frozen=True)
class Work:
    """What a correction does, as its transaction needs it."""

    statements: tuple[Statement, ...]
    params: Mapping[str, Any]
    before: tuple[str, ...]
    after: tuple[str, ...]
    kept: tuple[Kept, ...] = ()
    accepted: tuple[str, ...] = ()
    is_undo: bool = False


@dataclass
class Carried:
    """What was done and seen, before the commit. ``checks`` are (query, held)."""

    effects: Effects
    fingerprint: str
    checks: list[tuple[str, bool]] = field(default_factory=list)
    judged: tuple[Judged, ...] = ()
    digest: str = ""

    @property
    def rows(self) -> int:
        """Rows that the statements matched, or that an undo took back. Cascades are not among them."""
        return sum(self.effects.counts)

    @property
    def verdicts(self) -> dict[str, int]:
        """Of an undo: how many rows got each."""
        return restored(self.judged)


def work_of(
    dialect: str,
    statements: Sequence[str],
    params: Mapping[str, Any],
    before: Sequence[str] = (),
    after: Sequence[str] = (),
) -> Work:
    """Read the texts of a correction. Raises ``StatementError`` that names which one."""
    read = []
    for place, text in enumerate(statements, 1):
        try:
            read.append(parse(text, dialect))
        except StatementError as error:
            raise StatementError(f"statement {place}: {error}") from None
    return Work(tuple(read), params, tuple(before), tuple(after))


def carry_out(
    session: Session, work: Work, keys: Sequence[Key] | None = None, *, first: bool = True, last: bool = True
) -> Carried:
    """Do it in the open transaction of the session, and prove it. Nothing is committed here.

    ``keys`` narrows the one statement to the rows of a batch. Checks before stand in front of the first batch, checks
    after behind the last. Raises ``MismatchError`` when a check does not hold.
    """
    checks = _checks(session, work, work.before) if first else []
    if work.is_undo:
        done = undo(session, work.kept, work.accepted)
        carried = Carried(done.effects, done.fingerprint, checks, done.judged, done.digest)
    else:
        transaction = Transaction(session, work.statements)
        for statement in work.statements:
            transaction.run(statement, work.params, keys)
        carried = Carried(transaction.settle(), transaction.tables.fingerprint(), checks)
    carried.checks += _checks(session, work, work.after) if last else []
    return carried


def failed_checks(carried: Carried) -> list[str]:
    """The checks that did not hold."""
    return [sql for sql, held in carried.checks if not held]


def require_checks(carried: Carried) -> None:
    """Raise ``MismatchError`` unless every check holds."""
    failed = failed_checks(carried)
    if failed:
        raise MismatchError(f"this check does not hold: {failed[0]}")


def _checks(session: Session, work: Work, texts: Sequence[str]) -> list[tuple[str, bool]]:
    found = []
    for text in texts:
        sql, values = bind(text, session.engine.name, work.params, session.engine.marker)
        found.append((text, holds(session.run(sql, values).rows)))
    return found


def keys_of(session: Session, work: Work) -> list[Key]:
    """The keys of all rows that the one statement of a batched correction touches now. Raises ``StatementError``."""
    if len(work.statements) != 1 or work.statements[0].kind == "INSERT":
        raise StatementError("batches take one UPDATE or one DELETE; carry several statements out at once")
    transaction = Transaction(session, work.statements)
    statement = work.statements[0]
    table = transaction.tables.target(statement)
    image = transaction.image(table)
    if not image.key:
        raise StatementError(transaction.effects.warnings[-1].replace("undone here", "carried out in batches"))
    statement.narrowed("1 = 1")
    wanted = rows.wanted(session, table, image.key, statement.alias, [name for name in image.key if not table.row_id])
    sql, values = bind(statement.looking(wanted.sql, ""), session.engine.name, work.params, session.engine.marker)
    return sorted(wanted.keyed(session.run(sql, values).rows), key=_sortable)


def _sortable(key: Key) -> tuple[Any, ...]:
    """Numbers by their size even where they come as text, so that a batch is a range of the table."""
    return tuple((0, int(one), "") if str(one).lstrip("-").isdigit() else (1, 0, str(one)) for one in key)


def summary(carried: Carried) -> dict[str, Any]:
    """What a preview shows and an approval is given on, as JSON. Values as people read them."""
    return {
        "rows": carried.rows,
        "counts": carried.effects.counts,
        "tables": [
            {
                "table": str(image.table.name),
                "columns": list(image.columns),
                "key": list(image.key),
                "generated": [column.name for column in image.table.columns if column.generated],
                "count": len(image),
                "rows": [
                    {"key": shown(key), "before": shown(before), "after": shown(after)}
                    for (key, before, after), _ in zip(image.pairs(), range(SHOWN), strict=False)
                ],
            }
            for image in carried.effects.images.values()
            if len(image)
        ],
        "cascades": carried.effects.cascades,
        "triggers": sorted(carried.effects.triggers),
        "strays": carried.effects.strays,
        "warnings": list(dict.fromkeys(carried.effects.warnings)),
        "checks": [{"sql": sql, "held": held} for sql, held in carried.checks],
        "undoable": all(image.key or not len(image) for image in carried.effects.images.values()),
        "verdicts": carried.verdicts,
        "digest": carried.digest,
        "judged": [
            {
                "table": str(row.table),
                "ident": row.ident,
                "key": shown(row.key),
                "verdict": str(row.decision.verdict),
                "reason": row.decision.reason,
                "goes_back": row.goes_back,
            }
            for row in sorted(carried.judged, key=lambda one: one.goes_back)[:SHOWN]
        ],
    }


def shown(row: Sequence[Any] | None) -> list[Any] | None:
    """A row as JSON for people: bytes as hexadecimal digits, long values cut."""
    return None if row is None else [_shown(value) for value in row]


def _shown(value: Any) -> Any:
    if value is None or isinstance(value, (int, float)):
        return value
    text = f"0x{bytes(value).hex()}" if isinstance(value, (bytes, bytearray)) else str(value)
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= 300 else f"{text[:299]}…"
