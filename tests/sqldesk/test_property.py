"""Random corrections among other people's work: the state is before, after or undone, and no later work is lost."""

import os
import random
import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from mainstay.restore.sqldesk.correct.apply import MismatchError
from mainstay.restore.sqldesk.correct.carrying import Carried, Work, carry_out, summary, work_of
from mainstay.restore.sqldesk.domain.statement import StatementError
from mainstay.restore.sqldesk.engines.base import RefusedError
from tests.sqldesk.databases import Database
from tests.sqldesk.test_correct import kept

pytestmark = pytest.mark.once
SEEDS = range(int(os.environ.get("MAINSTAY_TEST_SQL_SEEDS", "3")))
TABLES = ("parent", "child", "grand", "loose", "noted")
SCHEMA = {
    "postgres": """
CREATE TABLE parent (a integer, b varchar(9), note text, mark integer, n numeric(9,3),
  up text GENERATED ALWAYS AS (upper(note)) STORED, PRIMARY KEY (a, b));;
CREATE TABLE child (id integer PRIMARY KEY, pa integer, pb varchar(9), note text, mark integer,
  FOREIGN KEY (pa, pb) REFERENCES parent (a, b) ON DELETE CASCADE);;
CREATE TABLE grand (id integer PRIMARY KEY, child integer REFERENCES child (id) ON DELETE SET NULL,
  note text, mark integer);;
CREATE TABLE loose (note text, mark integer);;
CREATE TABLE noted (id integer PRIMARY KEY, note text, mark integer, seen integer DEFAULT 0);;
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN NEW.seen := length(coalesce(NEW.note, '')); RETURN NEW; END $$;;
CREATE TRIGGER see BEFORE INSERT OR UPDATE ON noted FOR EACH ROW EXECUTE FUNCTION see()""",
    "mysql": """
CREATE TABLE parent (a integer, b varchar(9), note varchar(50), mark integer, n decimal(9,3),
  up varchar(50) GENERATED ALWAYS AS (upper(note)) STORED, PRIMARY KEY (a, b));;
CREATE TABLE child (id integer PRIMARY KEY, pa integer, pb varchar(9), note text, mark integer,
  FOREIGN KEY (pa, pb) REFERENCES parent (a, b) ON DELETE CASCADE);;
CREATE TABLE grand (id integer PRIMARY KEY, child integer, note text, mark integer,
  FOREIGN KEY (child) REFERENCES child (id) ON DELETE SET NULL);;
CREATE TABLE loose (note text, mark integer);;
CREATE TABLE noted (id integer PRIMARY KEY, note text, mark integer, seen integer DEFAULT 0);;
CREATE TRIGGER see_new BEFORE INSERT ON noted FOR EACH ROW SET NEW.seen = length(coalesce(NEW.note, ''));;
CREATE TRIGGER see BEFORE UPDATE ON noted FOR EACH ROW SET NEW.seen = length(coalesce(NEW.note, ''))""",
    "sqlite": """
CREATE TABLE parent (a integer NOT NULL, b text NOT NULL, note text, mark integer, n numeric,
  up text GENERATED ALWAYS AS (upper(note)) STORED, PRIMARY KEY (a, b));;
CREATE TABLE child (id integer PRIMARY KEY, pa integer, pb text, note text, mark integer,
  FOREIGN KEY (pa, pb) REFERENCES parent (a, b) ON DELETE CASCADE);;
CREATE TABLE grand (id integer PRIMARY KEY, child integer REFERENCES child (id) ON DELETE SET NULL,
  note text, mark integer);;
CREATE TABLE loose (note text, mark integer);;
CREATE TABLE noted (id integer PRIMARY KEY, note text, mark integer, seen integer DEFAULT 0);;
CREATE TRIGGER see_new AFTER INSERT ON noted
BEGIN UPDATE noted SET seen = length(coalesce(NEW.note, '')) WHERE id = NEW.id; END;;
CREATE TRIGGER see AFTER UPDATE OF note ON noted
BEGIN UPDATE noted SET seen = length(coalesce(NEW.note, '')) WHERE id = NEW.id; END""",
}
NOTES = ["NULL", "'x'", "'x'", "''", "'é%'", "'new'"]


def filled(database: Database, chance: random.Random) -> Database:
    rows = [
        f"INSERT INTO parent (a, b, note, mark, n) VALUES ({a}, '{b}', {chance.choice(NOTES)}, 0, {a / 8})"
        for a in range(4)
        for b in ("k", "K'".replace("'", "-"), "z")
    ]
    rows += [
        f"INSERT INTO child (id, pa, pb, note, mark) VALUES ({number}, "
        + chance.choice([f"{chance.randrange(4)}, 'z'", "NULL, NULL"])
        + f", {chance.choice(NOTES)}, 0)"
        for number in range(12)
    ]
    rows += [
        "INSERT INTO grand (id, child, note, mark) VALUES "
        f"({number}, {chance.randrange(12)}, {chance.choice(NOTES)}, 0)"
        for number in range(12)
    ]
    rows += [f"INSERT INTO loose VALUES ({chance.choice(NOTES)}, {chance.randrange(2)})" for _ in range(8)]
    rows += [f"INSERT INTO noted (id, note, mark) VALUES ({number}, {chance.choice(NOTES)}, 0)" for number in range(8)]
    database.run(*SCHEMA[database.dialect].split(";;"), *rows)
    return database


def a_correction(chance: random.Random) -> list[str]:
    """One to three statements that somebody might write."""
    made = [
        f"UPDATE parent SET note = {chance.choice(NOTES)} WHERE a >= {chance.randrange(4)}",
        f"UPDATE parent SET n = n * 2, note = 'fixed' WHERE note IS NULL OR a = {chance.randrange(4)}",
        f"DELETE FROM parent WHERE a = {chance.randrange(4)} AND b = 'z'",
        f"UPDATE child SET note = 'c', pa = NULL, pb = NULL WHERE id % 3 = {chance.randrange(3)}",
        f"DELETE FROM child WHERE id < {chance.randrange(1, 6)}",
        f"UPDATE grand SET note = {chance.choice(NOTES)}, child = NULL WHERE id > {chance.randrange(12)}",
        f"INSERT INTO child (id, pa, pb, note, mark) VALUES ({chance.randrange(100, 105)}, 1, 'k', NULL, 0)",
        f"INSERT INTO grand (id, child, note) SELECT id + 200, child, note FROM grand WHERE id < {chance.randrange(4)}",
        f"UPDATE noted SET note = {chance.choice(NOTES)} WHERE id < {chance.randrange(1, 8)}",
        f"DELETE FROM noted WHERE id = {chance.randrange(8)}",
        f"UPDATE loose SET note = {chance.choice(NOTES)} WHERE mark = {chance.randrange(2)}",
        f"DELETE FROM loose WHERE mark = {chance.randrange(2)}",
    ]
    return chance.sample(made, chance.randrange(1, 4))


def attempt(database: Database, work: Work) -> Carried | None:
    """Carried out and committed, or refused and gone."""
    with database.open() as session:
        try:
            session.engine.begin_write(session)
            carried = carry_out(session, work)
            session.commit()
        except (MismatchError, RefusedError, StatementError):
            session.rollback()
            return None
        return carried


@pytest.mark.parametrize("seed", SEEDS)
def test_before_after_and_undone_are_exact(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    filled(database, chance)
    for _ in range(8):
        before = database.everything(TABLES)
        done = attempt(database, work_of(database.dialect, a_correction(chance), {}))
        after = database.everything(TABLES)
        if done is None:
            assert after == before
            continue
        undo = attempt(database, Work((), {}, (), (), kept(done), (), is_undo=True))
        if not summary(done)["undoable"]:
            # It was said before the change, and an undo that cannot be exact does nothing at all.
            assert undo is None
            assert database.everything(TABLES) == after
            continue
        assert undo is not None
        assert database.everything(TABLES) == before
        redo = attempt(database, Work((), {}, (), (), kept(undo), (), is_undo=True))
        assert redo is not None
        assert database.everything(TABLES) == after


@dataclass
class Others:
    """People and programs that go on working: each marks rows with a number of its own, and remembers the last."""

    database: Database
    chance: random.Random
    last: dict[tuple[str, int], int] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    count: int = 0

    def one(self, session: Any) -> None:
        table, number = self.chance.choice([("child", 12), ("grand", 12), ("noted", 8)])
        row, self.count = self.chance.randrange(number), self.count + 1
        try:
            if session.run(f"UPDATE {table} SET mark = {self.count} WHERE id = {row}").count == 1:
                self.last[table, row] = self.count
        except RefusedError:
            # It waited too long for a lock, or was chosen to end a deadlock: nothing was written.
            pass

    def run(self) -> None:
        with self.database.open() as session:
            # SQLite gives its one lock to whoever asks most often, so this one asks a little less.
            while not self.stop.wait(0.002):
                self.one(session)


@pytest.mark.parametrize("seed", SEEDS)
def test_work_of_others_is_never_lost(database: Database, seed: int) -> None:
    chance = random.Random(seed + 1000)
    filled(database, chance)
    others = Others(database, random.Random(seed))
    thread = threading.Thread(target=others.run)
    thread.start()
    done = []
    try:
        for _ in range(6):
            carried = attempt(database, work_of(database.dialect, a_correction(chance), {}))
            if carried is not None:
                done.append(carried)
        for carried in reversed(done):
            attempt(database, Work((), {}, (), (), kept(carried), (), is_undo=True))
    finally:
        others.stop.set()
        thread.join()
    for (table, row), mark in others.last.items():
        found = database.rows(f"SELECT mark FROM {table} WHERE id = {row}")
        # A correction may have deleted the row after the mark; a row that is there must carry it.
        assert all(int(one[0]) == mark for one in found), (table, row, mark, found)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_undo_leaves_what_changed_since(database: Database, seed: int) -> None:
    chance = random.Random(seed + 2000)
    filled(database, chance)
    before = rows_by_key(database)
    carried = attempt(database, work_of(database.dialect, a_correction(chance), {}))
    if carried is None:
        return
    others = Others(database, chance)
    with database.open() as session:
        for _ in range(chance.randrange(6)):
            others.one(session)
    later = rows_by_key(database)
    undo = attempt(database, Work((), {}, (), (), kept(carried), (), is_undo=True))
    if not summary(carried)["undoable"]:
        assert undo is None
        return
    assert undo is not None
    now = rows_by_key(database)
    touched = set(others.last)
    changed = {
        (image.table.name.name, int(key[0]))
        for image in carried.effects.images.values()
        for key, _, _ in image.pairs()
        if image.table.name.name not in {"parent", "loose"}
    }
    for place in set(before) | set(later) | set(now):
        if place in changed and place not in touched and not referred(undo, place):
            assert now.get(place) == before.get(place), place
        else:
            assert now.get(place) == later.get(place) or place not in touched, place


def referred(undo: Carried, place: tuple[str, int]) -> bool:
    """Whether an inserted row stays because others point at it."""
    return any(
        (one.table.name, int(one.key[0])) == place and not one.goes_back
        for one in undo.judged
        if one.table.name not in {"parent", "loose"}
    )


def rows_by_key(database: Database) -> dict[tuple[str, int], str]:
    found = {}
    for table in ("child", "grand", "noted"):
        for row in database.rows(f"SELECT * FROM {table}"):
            found[table, int(row[0])] = repr(row)
    return found
