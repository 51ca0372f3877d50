"""The judge on labelled statements: no write passes, and ordinary reads are let through."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine

from mainstay.restore.sqldesk.judge import Dialect, Functions, Rule, judge
from mainstay.restore.sqldesk.judge.harmless import FUNCTIONS
from tests.sqldesk import shop
from tests.sqldesk.fuzz import CORPUS, corpus

pytestmark = pytest.mark.once


# What the server calls volatile and a person has looked at.
LOOKED_AT = frozenset(
    """
    random clock_timestamp timeofday gen_random_uuid pg_relation_size pg_table_size pg_indexes_size
    pg_total_relation_size pg_database_size pg_tablespace_size pg_lock_status pg_prepared_xact currval lastval
    pg_sequence_last_value pg_is_in_recovery pg_is_wal_replay_paused pg_get_wal_replay_pause_state
    pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_current_wal_lsn
    pg_current_wal_insert_lsn pg_current_wal_flush_lsn pg_blocking_pids pg_safe_snapshot_blocking_pids
    pg_notification_queue_usage pg_xact_commit_timestamp pg_last_committed_xact pg_tablespace_databases
    pg_stat_get_activity pg_get_catalog_foreign_keys pg_relation_filenode pg_xact_status txid_status
    pg_stat_get_progress_info pg_partition_tree pg_available_extensions pg_timezone_names current_query
    pg_jit_available pg_partition_ancestors
    """.split()
)


@pytest.mark.parametrize("dialect", Dialect)
def test_the_corpus_is_large_and_has_both_kinds(dialect: Dialect) -> None:
    kinds = Counter(one["reads"] for one in corpus(dialect))
    assert kinds.total() >= 400
    assert min(kinds.values()) >= 180
    assert all(one["why"] for one in corpus(dialect))


@pytest.mark.parametrize("dialect", Dialect)
def test_no_write_passes(dialect: Dialect) -> None:
    assert [one["sql"] for one in corpus(dialect) if not one["reads"] and judge(one["sql"], dialect).allowed] == []


@pytest.mark.parametrize("dialect", Dialect)
def test_fewer_than_three_in_a_hundred_reads_are_refused(dialect: Dialect) -> None:
    reads = [one["sql"] for one in corpus(dialect) if one["reads"]]
    refused = [sql for sql in reads if not judge(sql, dialect).allowed]
    assert len(refused) < 0.03 * len(reads), refused


def _refused_reads(dialect: Dialect, engine: Engine) -> list[tuple[str, str]]:
    """The reads of the corpus that the server does not take, with what it says."""
    refused = []
    with engine.connect() as connection:
        shop.fill(connection)
        for one in corpus(dialect):
            if one["reads"] and one.get("here", True):
                cursor = connection.connection.cursor()
                try:
                    cursor.execute(one["sql"])
                    cursor.fetchall()
                except Exception as error:
                    refused.append((one["sql"], str(error)))
                finally:
                    cursor.close()
    engine.dispose()
    return refused


def test_the_reads_run_on_postgresql(postgres_url: str) -> None:
    engine = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    assert _refused_reads(Dialect.POSTGRES, engine) == []


def test_the_reads_run_on_mariadb(mariadb_url: str) -> None:
    engine = create_engine(mariadb_url, isolation_level="AUTOCOMMIT")
    assert _refused_reads(Dialect.MYSQL, engine) == []


def test_the_reads_run_on_sqlite(tmp_path: Path) -> None:
    assert _refused_reads(Dialect.SQLITE, shop.open_sqlite(str(tmp_path / "shop.sqlite3"))) == []


def test_functions_of_postgresql_that_write_are_in_no_list(postgres_url: str) -> None:
    """What the server itself calls volatile is harmless only if a person looked at it."""
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT DISTINCT proname FROM pg_proc WHERE provolatile = 'v'")
        volatile = {row[0] for row in found} & FUNCTIONS[Dialect.POSTGRES]
    engine.dispose()
    assert volatile - LOOKED_AT == set()


KNOWN = Functions.of(
    [("pg_catalog", "lower", False), ("public", "lower", True), ("public", "tax", False), ("public", "wipe", True)],
    ["public.order_status", "order_status"],
)


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("SELECT tax(total) FROM orders", None),
        ("SELECT public.tax(total) FROM orders", None),
        ("SELECT wipe()", Rule.FUNCTION),
        ("SELECT public.wipe()", Rule.FUNCTION),
        ("SELECT lower(name) FROM customers", Rule.FUNCTION),
        ("SELECT pg_catalog.lower(name) FROM customers", None),
        ("SELECT upper(name) FROM customers", None),
        ("SELECT o.wipe FROM orders o", Rule.FUNCTION),
        ("SELECT 'new'::order_status", None),
        ("SELECT 'new'::public.order_status", None),
        ("SELECT 'new'::other", Rule.TYPE),
        ("SELECT mystery(1)", Rule.FUNCTION),
        ("SELECT crosstab('x')", Rule.FUNCTION),
    ],
)
def test_the_catalog_of_a_server_tells_more(sql: str, rule: Rule | None) -> None:
    assert judge(sql, Dialect.POSTGRES, KNOWN).rule == rule


def test_a_verdict_says_what_is_read_and_called_and_what_to_run() -> None:
    verdict = judge("SELECT lower(c.name) /* who */ FROM public.customers c JOIN orders ON true;", Dialect.POSTGRES)
    assert verdict.tables == ("orders", "public.customers")
    assert verdict.functions == ("lower",)
    assert verdict.sql == "SELECT lower(c.name)           FROM public.customers c JOIN orders ON true;"
    assert judge("EXPLAIN SELECT 1", Dialect.SQLITE).kind == "explain"


def test_a_refusal_names_the_place_and_the_remedy() -> None:
    reason = judge("SELECT id\nFROM orders\nWHERE wipe() = 1", Dialect.POSTGRES).reason
    assert reason.startswith("The function wipe is not known to be harmless (line 3, column 7). Leave it out")


@given(st.text(max_size=200), st.sampled_from(Dialect))
def test_any_text_is_judged(sql: str, dialect: Dialect) -> None:
    assert judge(sql, dialect).reason


@pytest.mark.parametrize("piece", ["(", "array[", "a[", "case when ", "not ", "(select ", "1+", "-", "[0]", "f(", "'"])
def test_nesting_and_length_end_in_a_judgement(piece: str) -> None:
    for dialect in Dialect:
        for count in (30, 3000):
            assert judge("SELECT " + piece * count + "1", dialect).reason
    assert judge("SELECT " + "1," * 30_000 + "1", Dialect.MYSQL).rule == Rule.TOO_LONG


def test_the_command_answers_each_line_in_order(tmp_path: Path) -> None:
    lines = ['{"sql": "SELECT 1"}', "nonsense", '{"sql": "DELETE FROM orders"}', '{"sql": 5}', "", "[" * 50_000]
    file = tmp_path / "lines.jsonl"
    file.write_text("\n".join(lines) + '\n{"sql": "SELECT \\ud800"}\n', encoding="utf-8")
    command = [sys.executable, "-m", "mainstay", "sql", "check", "--dialect", "postgres"]
    for arguments, text in (([str(file)], b""), ([], file.read_bytes())):
        done = subprocess.run([*command, *arguments], input=text, capture_output=True, check=True)
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        assert [answer["allowed"] for answer in answers] == [True, False, False, False, False, False, False]
        assert all(answer["reason"] for answer in answers)
    wrong = subprocess.run([*command[:-1], "cobol"], capture_output=True, check=False)
    assert wrong.returncode == 2
    assert CORPUS.is_dir()
