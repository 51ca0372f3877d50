"""Carrying out statements in an open transaction, with the rows that they change before and after.

The order for each statement is: look at its rows and lock them, with all that foreign keys will change; run it; hold
the number that it matched against the number that was seen; look at the rows again. Nothing is committed here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mainstay.restore.sqldesk.correct import rows
from mainstay.restore.sqldesk.correct.tables import FOLLOWS, Tables, key_for
from mainstay.restore.sqldesk.domain.images import Image, Key, Row
from mainstay.restore.sqldesk.domain.statement import Statement, StatementError, bind
from mainstay.restore.sqldesk.engines.base import Name, Reference, Table
from mainstay.restore.sqldesk.engines.session import Session

DEEPEST = 20
# Rows that one statement can be held to by their keys.
MOST_HELD = 10_000


class MismatchError(Exception):
    """What happened is not what was expected, so the transaction must be taken back. The text says what differed."""


@dataclass
class Effects:
    """What a transaction changed so far. ``counts`` are the rows that each statement matched."""

    counts: list[int] = field(default_factory=list)
    images: dict[Name, Image] = field(default_factory=dict)
    accounted: dict[Name, list[int]] = field(default_factory=dict)
    cascades: dict[str, int] = field(default_factory=dict)
    triggers: set[str] = field(default_factory=set)
    strays: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def note(self, table: Table, kind: str, number: int) -> None:
        """Account for rows that a statement or a foreign key wrote, and for the triggers that this wakes."""
        place = ("INSERT", "UPDATE", "DELETE").index(kind)
        self.accounted.setdefault(table.name, [0, 0, 0])[place] += number
        if number:
            self.triggers |= {f"{table.name}: {one.name}" for one in table.triggers if kind in one.events}


class Transaction:
    """A transaction that is being carried out. ``keys`` are the columns by which rows of a table are known."""

    def __init__(self, session: Session, statements: Sequence[Statement] = ()) -> None:
        self.session, self.effects = session, Effects()
        self.tables = Tables(session)
        self._begun = session.engine.written(session)
        self._assigned: dict[Name, set[str]] = {}
        for one in statements:
            table = self.tables.target(one)
            self.tables.follow(table)
            if one.kind == "UPDATE":
                self._assigned.setdefault(table.name, set()).update(one.assigned)

    def image(self, table: Table) -> Image:
        """The image of a table, made when it is first needed."""
        if table.name not in self.effects.images:
            key = key_for(table, self._assigned.get(table.name, ()))
            self.effects.images[table.name] = Image(table, key)
            if not key:
                self.effects.warnings.append(self._keyless(table))
        return self.effects.images[table.name]

    def _keyless(self, table: Table) -> str:
        if table.key:
            return f"{table.name}: this changes the key ({', '.join(table.key)}), so it cannot be undone here"
        return f"{table.name} has no key that identifies its rows, so this cannot be undone here"

    def run(self, statement: Statement, params: Mapping[str, Any], keys: Sequence[Key] | None = None) -> None:
        """Carry out one statement, narrowed to the rows with ``keys`` where it is a batch."""
        table = self.tables.target(statement)
        image = self.image(table)
        if statement.kind == "INSERT":
            self._insert(statement, table, image, params)
            return
        also, bound = self._narrowing(table, image, keys)
        params = {**params, **bound}
        seen = self._look(statement, table, image, params, also)
        image.saw(seen)
        followers = self._followers(table, seen, statement, {})
        if not statement.steady and not also:
            # A condition that may pick other rows the next time is held to those that were seen.
            also, bound = self._held(table, image, seen)
            params = {**params, **bound}
        text = statement.narrowed(also) if also else statement.text
        quiet = self._is_quiet(statement, table, image, followers)
        changing = self._changing(statement, table) if quiet else None
        matched, after = self._run(statement, table, image, text, params, changing)
        if matched != len(seen) or (after and after.keys() != seen.keys()):
            raise MismatchError(
                f"{statement.kind} matched {matched:,} rows of {table.name}, the look before it {len(seen):,}: "
                "its condition is not the same twice, or a trigger stands in between"
            )
        self.effects.counts.append(matched)
        self.effects.note(table, statement.kind, matched)
        self._look_again(table, image, seen, after, changing)
        for follower, before in followers:
            self._look_again(follower, self.image(follower), before)

    def _narrowing(self, table: Table, image: Image, keys: Sequence[Key] | None) -> tuple[str, dict[str, Any]]:
        """The condition for these rows alone, and its values under names that a person does not use."""
        if keys is None:
            return "", {}
        engine = self.session.engine
        condition, values = engine.matching(table, image.key, keys)
        names = [f"mainstay_key_{place}" for place in range(len(values))]
        waiting = iter(names)
        text = re.sub(re.escape(engine.marker), lambda _: f":{next(waiting)}", condition)
        return text, dict(zip(names, values, strict=True))

    def _held(self, table: Table, image: Image, seen: Mapping[Key, Row]) -> tuple[str, dict[str, Any]]:
        if not image.key or len(seen) > MOST_HELD:
            raise StatementError(
                f"{table.name}: its condition may pick other rows the next time (chance, a clock, LIMIT, a "
                "function that is not known): name the rows in it, or carry it out in batches"
            )
        return self._narrowing(table, image, list(seen)) if seen else ("1 = 0", {})

    def _is_quiet(
        self, statement: Statement, table: Table, image: Image, followers: Sequence[tuple[Table, dict[Key, Row]]]
    ) -> bool:
        """Whether nothing but the statement itself can change its rows."""
        woken = any(statement.kind in one.events for one in table.triggers)
        return bool(image.key) and not woken and all(follower.name != table.name for follower, _ in followers)

    def _changing(self, statement: Statement, table: Table) -> tuple[str, ...]:
        """The columns that the statement can change: those it sets, and those that the database sets with them."""
        return tuple(
            column.name
            for column in table.columns
            if column.generated or column.refreshed or column.name.lower() in statement.assigned
        )

    def _run(
        self,
        statement: Statement,
        table: Table,
        image: Image,
        text: str,
        params: Mapping[str, Any],
        changing: Sequence[str] | None,
    ) -> tuple[int, dict[Key, Row] | None]:
        """Run it. Gives how many rows it matched, and what they became where the database says so by itself."""
        if changing is not None and statement.kind == "DELETE":
            return self._bound(text, params).count, {}
        # SQLite gives rows back under the name of the table alone.
        named = self.session.engine.name != "sqlite" or statement.alias.lower() == table.name.name.lower()
        if changing is None or not named or not self.session.engine.returning("UPDATE", self.session):
            return self._bound(text, params).count, None
        wanted = rows.wanted(self.session, table, image.key, statement.alias, changing)
        found = self._bound(f"{text} RETURNING {wanted.sql}", params).rows
        return len(found), wanted.keyed(found)

    def _bound(self, text: str, params: Mapping[str, Any]) -> Any:
        sql, values = bind(text, self.session.engine.name, params, self.session.engine.marker)
        return self.session.run(sql, values)

    def _look(
        self, statement: Statement, table: Table, image: Image, params: Mapping[str, Any], also: str
    ) -> dict[Key, Row]:
        wanted = rows.wanted(self.session, table, image.key, statement.alias)
        found = self._bound(statement.looking(wanted.sql, self.session.engine.lock, also), params).rows
        seen = wanted.keyed(found)
        if len(seen) != len(found):
            raise MismatchError(f"{table.name}: the key {', '.join(image.key)} does not tell its rows apart")
        return seen

    def _look_again(
        self,
        table: Table,
        image: Image,
        seen: Mapping[Key, Row],
        after: Mapping[Key, Row] | None = None,
        changing: Sequence[str] | None = None,
    ) -> None:
        """What became of the rows. ``changing`` are the only columns that can be other than they were."""
        if not image.key:
            image.became(seen, {})
            return
        if after is None:
            after = rows.by_keys(self.session, table, image.key, seen, lock=False, columns=changing)
        image.became(seen, after if changing is None else rows.overlaid(table, seen, after, changing))

    def _insert(self, statement: Statement, table: Table, image: Image, params: Mapping[str, Any]) -> None:
        if self.session.engine.returning("INSERT", self.session):
            wanted = rows.wanted(self.session, table, image.key, table.name.name)
            found = self._bound(f"{statement.text} RETURNING {wanted.sql}", params).rows
            made = wanted.keyed(found)
            number = len(found)
            if any(one.timing == "AFTER" and "INSERT" in one.events for one in table.triggers) and image.key:
                made = rows.by_keys(self.session, table, image.key, made, lock=False)
        else:
            number, made = self._bound(statement.text, params).count, {}
            self.effects.warnings.append(
                f"{table.name}: this database does not give back what INSERT made, so it cannot be undone here"
            )
            image.key = ()
        image.became(made, made)
        self.effects.counts.append(number)
        self.effects.note(table, "INSERT", number)
        automatic = [column.name for column in table.columns if _numbers(column.default)]
        if automatic:
            self.effects.warnings.append(
                f"{table.name}.{automatic[0]} is numbered by the database: a preview uses numbers up"
            )

    def _followers(
        self, table: Table, seen: Mapping[Key, Row], statement: Statement, visited: dict[Name, set[Key]]
    ) -> list[tuple[Table, dict[Key, Row]]]:
        """Rows that foreign keys will change with these, locked and noted, parents first."""
        visited.setdefault(table.name, set()).update(seen)
        if len(visited) > DEEPEST:
            raise StatementError(f"foreign keys reach more than {DEEPEST} tables from {table.name}")
        found: list[tuple[Table, dict[Key, Row]]] = []
        for reference in table.referenced_by:
            deletes = statement.kind == "DELETE"
            action = reference.on_delete if deletes else reference.on_update
            moved = {name.lower() for name in reference.to_columns} & statement.assigned
            if action in FOLLOWS and seen and (deletes or moved):
                kind = "DELETE" if deletes and action == "CASCADE" else "UPDATE"
                child, hit = self._follow(table, reference, kind, seen, visited)
                if hit:
                    found.append((child, hit))
                    # Where a foreign key only moved a value, what points at the row itself stays.
                    found += self._followers(child, hit, statement, visited) if kind == "DELETE" else []
        return found

    def _follow(
        self, table: Table, reference: Reference, kind: str, seen: Mapping[Key, Row], visited: Mapping[Name, set[Key]]
    ) -> tuple[Table, dict[Key, Row]]:
        child = self.tables.get(reference.table)
        if kind == "UPDATE":
            self._assigned.setdefault(child.name, set()).update(one.lower() for one in reference.columns)
        image = self.image(child)
        if kind == "UPDATE" and {one.lower() for one in reference.columns} & {one.lower() for one in image.key}:
            raise StatementError(f"{child.name}: its key moves with {table.name}; correct the two on their own")
        targets = rows.values_of(table, seen.values(), reference.to_columns)
        hit = rows.pointing_at(self.session, child, image.key, reference.columns, targets)
        hit = {key: row for key, row in hit.items() if key not in visited.get(child.name, ())}
        image.saw(hit)
        self.effects.note(child, kind, len(hit))
        if hit:
            said = f"{child.name} ({reference.name}, {'deleted' if kind == 'DELETE' else 'changed'} with {table.name})"
            self.effects.cascades[said] = self.effects.cascades.get(said, 0) + len(hit)
        return child, hit

    def settle(self) -> Effects:
        """After the last statement: what else was written, by triggers that nobody accounted for."""
        now = self.session.engine.written(self.session)
        sums = [sum(one[place] for one in self.effects.accounted.values()) for place in range(3)]
        for name, written in now.items():
            begun = self._begun.get(name, (0, 0, 0))
            made = [after - before for after, before in zip(written, begun, strict=True)]
            if name == "*":
                extra = (
                    sum(made) - sum(sums)
                    if made[0] == made[2] == 0
                    else sum(max(one - known, 0) for one, known in zip(made, sums, strict=True))
                )
                if extra > 0:
                    self.effects.strays.append(f"{extra:,} more rows were written{self._by()}")
                continue
            known = next((one for table, one in self.effects.accounted.items() if str(table) == name), [0, 0, 0])
            extras = [
                f"{one - told:,} {verb}"
                for one, told, verb in zip(made, known, ("inserted", "updated", "deleted"), strict=True)
                if one > told
            ]
            if extras:
                self.effects.strays.append(f"{name}: {', '.join(extras)}{self._by()}")
        return self.effects

    def _by(self) -> str:
        return f", by {', '.join(sorted(self.effects.triggers))}" if self.effects.triggers else ""


def _numbers(default: str) -> bool:
    said = default.lower()
    return "nextval(" in said or said in {"identity", "auto_increment"} or said.endswith("auto_increment")
