"""Mutated statements against a real server: what the judge allows must change nothing at all.

The account may do everything and no transaction guards it. Each allowed mutant runs, and the state is compared.
``MAINSTAY_TEST_JUDGE_FUZZ`` says how many mutants a dialect gets.
"""

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from mainstay.restore.sqldesk.judge import Dialect, judge
from tests.sqldesk import shop

FRESH = 200
CORPUS = Path(__file__).parent / "corpus"
_TOKEN = re.compile(r"'(?:[^'\\]|\\.|'')*'|\"[^\"]*\"|`[^`]*`|/\*.*?\*/|--[^\n]*|\w+|\s+|.", re.DOTALL)
_COMMENTS = (
    *(
        "/**/",
        "/* x */",
        "--x\n",
        "-- x\n",
        "#x\n",
        "/*! */",
        "/*!50000 , wipe() */",
        "/*M! , wipe() */",
        "/*!",
        "*/",
        "/*",
    ),
    *(
        "/*+ SET_VAR(sql_mode='') */",
        "/* /* */ */",
        "/*/**/",
        "/*M!100100 INTO @a */",
        "--",
        "-- \r",
        "/* ' */",
        "-- '\n",
    ),
)
_SPACES = ("\t", "\n", "\r", "\r\n", "\x0b", "\x0c", "\xa0", "\u3000", "\u200b", "\ufeff", "  ", "")
_WRAPS = (
    *(
        "WITH x AS ({}) SELECT * FROM x",
        "SELECT * FROM ({}) t",
        "SELECT ({})",
        "EXPLAIN ANALYZE {}",
        "EXPLAIN {}",
        "({})",
    ),
    *("SELECT 1 WHERE EXISTS ({})", "SELECT 1 WHERE 1 IN ({})", "{};", "{} ;{}", "{} UNION ALL {}", "ANALYZE {}"),
    *("SELECT * FROM orders WHERE id = ({})", "SELECT 1, {}", "SELECT * FROM orders, LATERAL ({}) t", "{} FOR UPDATE"),
    *(
        "SELECT coalesce(({}), 1)",
        "{} INTO @a",
        "{} INTO OUTFILE 'DIR/o'",
        "EXPLAIN (ANALYZE) {}",
        "SELECT DISTINCT ON (1) {}",
    ),
    *("SHOW TABLES WHERE ({})", "DESCRIBE {}", "TABLE {}", "VALUES (({}))", "COPY ({}) TO 'DIR/c'", "SELECT ARRAY({})"),
)
_CALLS = (
    *(
        "wipe",
        "nextval",
        "setval",
        "pg_advisory_lock",
        "set_config",
        "get_lock",
        "count",
        "filter",
        "over",
        "rows",
        "path",
    ),
    *(
        "columns",
        "partition",
        "at",
        "key",
        "next",
        "public.lower",
        '"Lower"',
        "`count`",
        "`now`",
        "sum",
        "max",
        "substr",
    ),
    *("first", "any_value", "row_number", "shady", "string", "txid_current", "lastval", "pg_notify", "now ", "count "),
)
_PIECES = (
    *(
        "wipe()",
        "nextval('order_seq')",
        "NEXT VALUE FOR order_seq",
        "order_seq.nextval",
        "@a := 1",
        "INTO @a",
        "'x'::shady",
    ),
    *(
        "shady 'x'",
        "'x'::string",
        "1 === 1",
        "OPERATOR(public.===)",
        "pg_advisory_lock(1)",
        "get_lock('x', 1)",
        "; SELECT 1",
    ),
    *(
        "; DELETE FROM payments",
        "DELETE FROM payments",
        "'",
        '"',
        "`",
        "\\",
        "\\'",
        "$$",
        "$a$",
        "\0",
        "E'",
        "U&'",
        "[",
        "]",
    ),
    *(
        "set_config('work_mem', '1MB', false)",
        "count (1)",
        "REGEXP 'a'",
        "FOR UPDATE",
        "INTO copied",
        "RETURNING 1",
        "::",
        ";",
    ),
    *(
        "INTO OUTFILE 'DIR/p'",
        "last_insert_id(9)",
        "OVER (ORDER BY wipe())",
        "FILTER (WHERE wipe() = 1)",
        "(",
        ")",
        ",",
        ".",
    ),
)


@dataclass
class Run:
    """What a run did. ``changed`` has the statements after which the state was another."""

    tried: int = 0
    allowed: int = 0
    ran: int = 0
    changed: list[str] = field(default_factory=list)


def corpus(dialect: Dialect) -> list[dict[str, Any]]:
    """The labelled statements of a dialect."""
    return [json.loads(line) for line in (CORPUS / f"{dialect}.jsonl").read_text().splitlines()]


def mutants(dialect: Dialect, seed: int) -> Iterator[str]:
    """Statements made of the corpus, without end."""
    source = random.Random(seed)
    reads = [one["sql"] for one in corpus(dialect) if one["reads"]]
    writes = [one["sql"] for one in corpus(dialect) if not one["reads"]]
    while True:
        pool = reads if source.random() < 0.75 else writes
        sql = source.choice(pool)
        for _ in range(source.choice((1, 1, 1, 2, 2, 3))):
            sql = _mutated(source, sql, source.choice(reads if source.random() < 0.6 else writes))
        yield sql


def _mutated(source: random.Random, sql: str, other: str) -> str:
    """One change: in the pieces of the statement, or around it."""
    if source.random() < 0.15:
        return source.choice(_WRAPS).replace("{}", sql, 1).replace("{}", other)
    if source.random() < 0.1:
        return sql + source.choice((" ", "; ", ";", " UNION ALL ", "\n", ", ", ") ", " -- ")) + other
    parts = _TOKEN.findall(sql) or [" "]
    source.choice((_insert, _insert, _space, _word, _word, _call, _call, _literal, _literal, _order, _graft))(
        source, parts, _TOKEN.findall(other)
    )
    return "".join(parts)


def _place(source: random.Random, parts: list[str], wanted: Callable[[int], bool]) -> int:
    """A place that fits, or any."""
    return source.choice([at for at in range(len(parts)) if wanted(at)] or range(len(parts)))


def _insert(source: random.Random, parts: list[str], _: list[str]) -> None:
    parts.insert(source.randrange(len(parts)), source.choice(source.choice((_COMMENTS, _PIECES))))


def _space(source: random.Random, parts: list[str], _: list[str]) -> None:
    parts[_place(source, parts, lambda at: parts[at].isspace())] = source.choice(_SPACES)


def _word(source: random.Random, parts: list[str], _: list[str]) -> None:
    at = _place(source, parts, lambda at: parts[at][0].isalpha())
    shape = source.choice(('"{}"', "`{}`", "[{}]", "'{}'", "public.{}", "pg_catalog.{}", "main.{}", "{}"))
    word = source.choice((parts[at], parts[at].swapcase(), parts[at].replace("s", "\u017f")))
    parts[at] = shape.format(word)


def _call(source: random.Random, parts: list[str], _: list[str]) -> None:
    parts[_place(source, parts, lambda at: parts[at][0].isalpha() and parts[at + 1 : at + 2] == ["("])] = source.choice(
        _CALLS
    )


def _literal(source: random.Random, parts: list[str], _: list[str]) -> None:
    parts[_place(source, parts, lambda at: parts[at][0] == "'" or parts[at].isdigit())] = source.choice(_PIECES)


def _order(source: random.Random, parts: list[str], _: list[str]) -> None:
    """Take a piece away, or say it twice."""
    if source.random() < 0.5 and len(parts) > 1:
        del parts[source.randrange(len(parts))]
    else:
        parts.insert(source.randrange(len(parts)), source.choice(parts))


def _graft(source: random.Random, parts: list[str], other: list[str]) -> None:
    start, end = sorted((source.randrange(len(other) + 1), source.randrange(len(other) + 1)))
    at = source.randrange(len(parts))
    parts[at : at + source.randrange(4)] = other[start:end]


_STATE = {
    "postgresql": (
        "SELECT last_value, is_called FROM order_seq",
        "SELECT relname, relkind, relnatts FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
        "SELECT proname, md5(prosrc) FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1, 2",
        "SELECT rolname, rolsuper FROM pg_roles ORDER BY 1",
        # The settings of PL/pgSQL are there as soon as the session has called a function of it.
        "SELECT name, setting FROM pg_settings WHERE name NOT LIKE 'plpgsql.%' ORDER BY 1",
        "SELECT locktype, objid FROM pg_locks WHERE locktype = 'advisory'",
        "SELECT count(*) FROM pg_largeobject_metadata",
        "SELECT name FROM pg_prepared_statements WHERE left(name, 4) <> '_pg3'",
        "SELECT name FROM pg_cursors WHERE is_holdable",
        "SELECT datname FROM pg_database ORDER BY 1",
        "SELECT slot_name FROM pg_replication_slots",
        "SELECT pg_listening_channels()",
    ),
    "mysql": (
        "SELECT next_not_cached_value FROM order_seq",
        # Looking into information_schema.tables again and again makes MariaDB 10.11 end with a fault of its own.
        "SHOW FULL TABLES",
        "SHOW DATABASES",
        "SELECT routine_schema, routine_name FROM information_schema.routines ORDER BY 1, 2",
        "SELECT user, host FROM mysql.user ORDER BY 1, 2",
        (
            "SELECT variable_name, variable_value FROM information_schema.session_variables WHERE variable_name NOT IN"
            " ('TIMESTAMP', 'RAND_SEED1', 'RAND_SEED2', 'ERROR_COUNT', 'WARNING_COUNT', 'IDENTITY') ORDER BY 1"
        ),
        "SELECT variable_name, variable_value FROM information_schema.user_variables ORDER BY 1",
        "SELECT is_used_lock('x'), is_used_lock('a')",
    ),
    "sqlite": (
        "SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2",
        "SELECT name, file FROM pragma_database_list WHERE name <> 'temp'",
        "PRAGMA user_version",
        "PRAGMA journal_mode",
        "PRAGMA foreign_keys",
        "PRAGMA query_only",
        "PRAGMA synchronous",
        "SELECT total_changes()",
    ),
}


def state(connection: Connection, directory: Path) -> list[Any]:
    """All that a statement could change, as far as can be seen: rows, catalogs, settings, locks, sequences, files."""
    names = [name for name in shop.table_names(connection) if name != "order_seq"]
    queries = [*(f"SELECT * FROM {name}" for name in names), *_STATE[connection.dialect.name]]
    found = [[str(row) for row in connection.execute(text(query))] for query in queries]
    return [names, *found, sorted(str(path) for path in directory.iterdir())]


def _execute(connection: Connection, sql: str) -> bool:
    """Run a statement as it stands; an error of the server is an answer too."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute(sql)
        cursor.fetchmany(50)
    except Exception:
        return False
    finally:
        cursor.close()
    return True


def _again(engine: Engine, sql: str) -> Connection:
    """A new connection after a statement that cost the last one; the server must still be there."""
    try:
        return engine.connect()
    except DBAPIError as error:
        raise AssertionError(f"the server is gone after: {sql}") from error


def fuzz(
    dialect: Dialect, engine: Engine, directory: Path, seed: int, count: int, prepare: Callable[[Connection], None]
) -> Run:
    """Run what the judge allows of ``count`` mutants, each in a state that is compared before and after."""
    run = Run()
    stream = mutants(dialect, seed)
    connection = engine.connect()
    prepare(connection)
    before = state(connection, directory)
    while run.tried < count:
        sql = next(stream).replace("DIR", str(directory)).replace("/tmp/", f"{directory}/")
        run.tried += 1
        if not judge(sql, dialect).allowed:
            continue
        run.allowed += 1
        if run.allowed % FRESH == 0:
            # The state was compared after each statement; what belongs to the session begins anew with it.
            connection.close()
            engine.dispose()
            connection = engine.connect()
            prepare(connection)
            before = state(connection, directory)
        run.ran += _execute(connection, sql)
        try:
            after = state(connection, directory)
        except DBAPIError:
            connection.invalidate()
            connection = _again(engine, sql)
            prepare(connection)
            after = state(connection, directory)
        if after != before:
            gone = [str(one)[:300] for one, two in zip(before, after, strict=True) if one != two]
            come = [str(two)[:300] for one, two in zip(before, after, strict=True) if one != two]
            run.changed.append(f"{sql}\n{gone}\n{come}")
            before = after
    connection.close()
    return run
