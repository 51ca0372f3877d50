"""The record of a correction, for an auditor: who asked, who approved, exactly what changed, before and after."""

from typing import Any

from mainstay.core.documents import Block, Code, Heading, Table, Text, moment
from mainstay.restore.sqldesk.correct.carrying import shown
from mainstay.restore.sqldesk.domain.images import name_of, unpack
from mainstay.restore.sqldesk.models import Batch, Correction, TableImage

ROWS = 2000


def blocks(correction: Correction, hide: Any) -> list[Block]:
    """The document. ``hide`` gets a table and column and says how a value of it is shown."""
    found: list[Block] = [
        Heading(f"{correction}: {correction.title}", 1),
        Text(f"{correction.get_state_display()}. {correction.state_reason}".strip()),
        Table(("Fact", "Value"), _facts(correction)),
        Heading("What was to be done"),
    ]
    if correction.undoes:
        found.append(Text(f"Takes back {correction.undoes} ({correction.undoes.title}), row by row."))
    found += [Code(text) for text in correction.statements]
    if correction.parameters:
        found.append(Table(("Parameter", "Value"), sorted(correction.parameters.items())))
    batches = list(correction.batches.prefetch_related("images"))
    checks = [one for batch in batches for one in batch.session.get("checks", [])]
    if checks:
        found.append(Heading("Checks"))
        found.append(Table(("Query", "Held"), [(one["sql"], "yes" if one["held"] else "no") for one in checks]))
    found += [Heading("What was carried out"), *_carried(batches)]
    left = ROWS
    for batch in batches:
        for image in batch.images.all() if batch.state == Batch.State.DONE else ():
            part, left = _rows(image, left, hide)
            found += part
    return found


def _facts(correction: Correction) -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = [
        ("Database", f"{correction.connection} ({correction.connection.get_environment_display()})"),
        ("Reason", correction.reason),
        ("Incident", correction.incident or "none"),
        ("Asked for by", f"{correction.requested_name}, {moment(correction.requested_at)}"),
        ("Approved by", f"{correction.approved_name or 'nobody'}, {moment(correction.approved_at)}"),
        ("Approved content (SHA-256)", correction.approved_hash or "none"),
        ("Started by", correction.started_name or "nobody"),
        ("Calendar", correction.gate.get("reason", "not asked")),
        ("Rows expected", correction.expected_rows if correction.expected_rows is not None else "not said"),
        ("Finished", moment(correction.finished_at)),
    ]
    if correction.emergency:
        facts.append(("Emergency", correction.emergency))
    return facts


def _carried(batches: list[Batch]) -> list[Block]:
    if not batches:
        return [Text("Nothing was carried out.")]
    rows = [
        (
            batch.number,
            batch.get_state_display(),
            batch.rows if batch.rows is not None else "",
            moment(batch.started_at),
            moment(batch.finished_at),
            batch.session.get("xid", ""),
            batch.error,
        )
        for batch in batches
    ]
    found: list[Block] = [Table(("Batch", "State", "Rows", "Began", "Ended", "Transaction", "Error"), rows)]
    strays = [one for batch in batches for one in batch.session.get("strays", [])]
    if strays:
        found.append(Text(f"Also written by triggers, and not taken back by an undo: {'; '.join(strays)}."))
    return found


def _rows(image: TableImage, left: int, hide: Any) -> tuple[list[Block], int]:
    name = name_of(image.table)
    heading = Heading(f"{name}, {image.count:,} rows (SHA-256 of the rows: {image.hash})", 3)
    lines = []
    for key, before, after in unpack(bytes(image.rows), image.hash)[: max(left, 0)]:
        was, became = _hidden(name.name, image.columns, before, hide), _hidden(name.name, image.columns, after, hide)
        lines.append((", ".join(map(str, shown(key) or ())), *_difference(image.columns, was, became)))
    found: list[Block] = [heading, Table(("Key", "Before", "After"), lines)]
    if image.count > len(lines):
        found.append(Text(f"{image.count - len(lines):,} more rows stand in the database of Mainstay under this hash."))
    return found, left - len(lines)


def _hidden(table: str, columns: list[str], row: Any, hide: Any) -> list[Any] | None:
    values = shown(row)
    if values is None:
        return None
    return [hide(table, name, value) for name, value in zip(columns, values, strict=True)]


def _difference(columns: list[str], before: list[Any] | None, after: list[Any] | None) -> tuple[str, str]:
    """Both sides: whole where a row came or went, else the columns that differ."""
    if before is None or after is None:
        return _said(columns, before), _said(columns, after)
    places = [place for place, _ in enumerate(columns) if before[place] != after[place]]
    names = [columns[place] for place in places]
    return _said(names, [before[place] for place in places]), _said(names, [after[place] for place in places])


def _said(columns: list[str], values: list[Any] | None) -> str:
    if values is None:
        return "no row"
    pairs = zip(columns, values, strict=True)
    return ", ".join(f"{name} = {'NULL' if value is None else value}" for name, value in pairs)
