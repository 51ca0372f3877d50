"""A small shop in each kind of database, with what an attacker would find there: functions, types and operators of the
database's own that write, under names of their own and under names of built-in functions."""

import sqlite3
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text

_TABLES = """
CREATE TABLE customers (id int PRIMARY KEY, name varchar(80), email varchar(80), country char(2),
    created_at {time}, vip {bool}, balance decimal(10, 2), attributes {json});
CREATE TABLE orders (id int PRIMARY KEY, customer_id int, status varchar(20), total decimal(10, 2), placed_at {time},
    note {text}, region varchar(20));
CREATE TABLE order_items (order_id int, line int, product_id int, quantity int, price decimal(10, 2),
    PRIMARY KEY (order_id, line));
CREATE TABLE products (id int PRIMARY KEY, sku varchar(20), name varchar(80), price decimal(10, 2), tags {tags},
    parent_id int);
CREATE TABLE payments (id int PRIMARY KEY, order_id int REFERENCES orders (id), amount decimal(10, 2),
    method varchar(20), paid_at {time}, reference varchar(40));
CREATE TABLE employees (id int PRIMARY KEY, name varchar(80), manager_id int, salary decimal(10, 2),
    department varchar(40));
CREATE TABLE events (id int PRIMARY KEY, kind varchar(20), payload {json}, at {time});
CREATE TABLE audit_log (at {time}, who varchar(80), what varchar(200));
INSERT INTO customers VALUES
    (1, 'Ana', 'ana@x.example', 'DE', '2024-01-01 10:00:00', {true}, 10.5, '{{"tier": "gold"}}'),
    (2, 'Ben', 'ben@x.example', 'FR', '2024-01-02 10:00:00', {false}, 0, NULL);
INSERT INTO orders VALUES (1, 1, 'new', 42.5, '2024-01-05 10:00:00', 'refund asked', 'north'),
    (2, 1, 'paid', 7, '2024-01-06 10:00:00', NULL, 'south'), (3, 2, 'held', 120, '2024-01-07 10:00:00', 'late', NULL);
INSERT INTO order_items VALUES (1, 1, 1, 2, 20), (1, 2, 2, 1, 2.5), (2, 1, 2, 1, 7);
INSERT INTO products VALUES (1, 'A-1', 'Lamp', 20, {list}, NULL), (2, 'B-1', 'Bulb', 2.5, NULL, 1);
INSERT INTO payments VALUES (1, 1, 42.5, 'card', '2024-01-05 11:00:00', 'r1'), (2, 2, 7, 'bank', NULL, 'r2');
INSERT INTO employees VALUES (1, 'Eve', NULL, 90, 'it'), (7, 'Max', 1, 60, 'it');
INSERT INTO events VALUES (1, 'refund', '{{"kind": "refund", "order": "1", "items": [{{"sku": "A-1"}}]}}', NULL);
INSERT INTO audit_log VALUES ('2024-01-05 11:00:00', 'ben', 'refund of 1');
"""
_WORDS = {
    "postgresql": {
        "time": "timestamptz",
        "bool": "boolean",
        "json": "jsonb",
        "text": "text",
        "tags": "text[]",
        "true": "true",
        "false": "false",
        "list": "'{sale,new}'",
    },
    "mysql": {
        "time": "datetime",
        "bool": "boolean",
        "json": "json",
        "text": "text",
        "tags": "json",
        "true": "1",
        "false": "0",
        "list": '\'["sale", "new"]\'',
    },
    "sqlite": {
        "time": "text",
        "bool": "integer",
        "json": "text",
        "text": "text",
        "tags": "text",
        "true": "1",
        "false": "0",
        "list": '\'["sale", "new"]\'',
    },
}
# Words that the servers take as names of functions too, and calls of which are easily overlooked.
_POSTGRES_WORDS = """
    at columns div double escape filter first index key match materialized minus nested next over partition
    passing record recursive regexp repeatable rows separator serial sets signed similar sounds top xor zone
""".split()
_MYSQL_WORDS = """
    any array at bool columns count datetime end filter first index_of json max nested next offset only path
    separator sets signed sum text top
""".split()
# What a database may have of its own, and what each must not be able to do in a read.
_POSTGRES_OWN = """
CREATE SEQUENCE order_seq;
CREATE FUNCTION wipe() RETURNS int LANGUAGE plpgsql VOLATILE AS
    $$ BEGIN DELETE FROM payments; DELETE FROM orders; RETURN 1; END $$;
CREATE FUNCTION wiping(anyelement) RETURNS boolean LANGUAGE sql VOLATILE AS $$ SELECT wipe() = 1 $$;
CREATE FUNCTION wipes(int, int) RETURNS boolean LANGUAGE sql VOLATILE AS $$ SELECT wipe() = 1 $$;
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = wipes);
CREATE DOMAIN shady AS text CHECK (wiping(VALUE));
CREATE DOMAIN string AS text CHECK (wiping(VALUE));
CREATE FUNCTION "Lower"(text) RETURNS text LANGUAGE sql AS $$ SELECT wipe()::text $$;
CREATE FUNCTION "count"() RETURNS int LANGUAGE sql AS $$ SELECT wipe() $$;
CREATE PROCEDURE wipe_all() LANGUAGE plpgsql AS $$ BEGIN PERFORM wipe(); END $$;
"""
_MYSQL_OWN = """
CREATE FULLTEXT INDEX words ON orders (note);
CREATE SEQUENCE order_seq;
CREATE FUNCTION wipe() RETURNS int MODIFIES SQL DATA BEGIN DELETE FROM payments; DELETE FROM orders; RETURN 1; END;
CREATE FUNCTION `now`() RETURNS int MODIFIES SQL DATA RETURN wipe();
CREATE FUNCTION `lower`(a text) RETURNS int MODIFIES SQL DATA RETURN wipe();
CREATE FUNCTION `substr`(a text, b int) RETURNS int MODIFIES SQL DATA RETURN wipe();
CREATE FUNCTION `row_number`() RETURNS int MODIFIES SQL DATA RETURN wipe();
CREATE PROCEDURE wipe_all() BEGIN DELETE FROM payments; END
"""


def open_sqlite(path: str) -> Engine:
    """A SQLite database in which ``wipe()`` exists, as in a program that adds functions."""
    engine = create_engine(f"sqlite:///{path}", isolation_level="AUTOCOMMIT")

    def added(connection: sqlite3.Connection, _record: Any) -> None:
        connection.create_function("wipe", -1, lambda *_: connection.execute("DELETE FROM payments").rowcount)
        connection.create_function("regexp", -1, lambda *_: connection.execute("DELETE FROM payments").rowcount)

    event.listen(engine, "connect", added)
    return engine


def run_script(connection: Connection, script: str) -> None:
    """Statements that end with a semicolon at the end of a line, as they stand."""
    for statement in script.replace(";\n", "\0").split("\0"):
        if statement.strip():
            connection.exec_driver_sql(statement.replace("%", "%%"))


def fill(connection: Connection) -> None:
    """Make the shop in an empty database."""
    dialect = connection.dialect.name
    run_script(connection, _TABLES.format_map(_WORDS[dialect]))
    if dialect == "postgresql":
        run_script(connection, _POSTGRES_OWN)
        for word in _POSTGRES_WORDS:
            connection.exec_driver_sql(f'CREATE FUNCTION "{word}"(int) RETURNS int LANGUAGE sql AS $$ SELECT wipe() $$')
    if dialect == "mysql":
        run_script(connection, _MYSQL_OWN)
        for word in _MYSQL_WORDS:
            connection.exec_driver_sql(f"CREATE FUNCTION `{word}`(a int) RETURNS int MODIFIES SQL DATA RETURN wipe()")


def table_names(connection: Connection) -> list[str]:
    """The tables there are."""
    queries = {
        "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
        "mysql": "SHOW TABLES",
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
    }
    return sorted(str(row[0]) for row in connection.execute(text(queries[connection.dialect.name])))
