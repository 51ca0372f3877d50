"""A person's own SQL reads the tables of logs and reaches nothing else, however it is dressed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainstay.core.access import LOCAL
from mainstay.core.problems import ProblemError
from mainstay.observe.logs.search import services
from mainstay.observe.telemetry import client

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("night")]

REFUSED = (
    # Files and addresses, as functions and as tables.
    "SELECT file('/etc/passwd')",
    "SELECT FILE('/etc/passwd') FROM log_lines",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM `file`('/etc/passwd', 'LineAsString')",
    "SELECT * FROM url('http://127.0.0.1:9/', 'LineAsString')",
    "SELECT * FROM remote('127.0.0.1', system.one)",
    "SELECT * FROM s3('http://x/y')",
    "SELECT * FROM executable('id', 'TSV', 'x String')",
    "SELECT * FROM numbers(10)",
    "SELECT * FROM merge('mainstay', '.*')",
    "SELECT * FROM cluster('x', system.one)",
    "SELECT * FROM view(SELECT * FROM system.one)",
    "SELECT * FROM input('x String')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM `/etc/passwd`",
    "FROM file('/etc/passwd', 'LineAsString') SELECT *",
    "SELECT body FROM log_lines WHERE body IN (SELECT * FROM file('/etc/passwd', 'LineAsString'))",
    "SELECT body FROM log_lines WHERE body IN file('/etc/passwd', 'LineAsString')",
    "SELECT (SELECT line FROM file('/etc/passwd', 'LineAsString') LIMIT 1)",
    "WITH (SELECT file('/etc/passwd')) AS x SELECT x",
    "WITH x AS (SELECT * FROM url('http://127.0.0.1/')) SELECT * FROM x",
    "SELECT * FROM log_lines JOIN file('/etc/passwd', 'LineAsString') AS f ON 1",
    "SELECT * FROM log_lines, system.tables",
    "SELECT * FROM log_lines ARRAY JOIN [file('/etc/passwd')] AS f",
    "SELECT count() FROM log_lines GROUP BY file('/etc/passwd')",
    "SELECT 1 FROM log_lines ORDER BY file('/etc/passwd')",
    "SELECT 1 FROM log_lines LIMIT length(file('/etc/passwd'))",
    "SELECT arrayMap(x -> file(x), ['/etc/passwd'])",
    "SELECT * APPLY(file) FROM log_lines",
    "SELECT * EXCEPT (body) APPLY(x -> file(x)) FROM log_lines",
    "SELECT COLUMNS('body') APPLY file FROM log_lines",
    # Other tables and what the engine knows of itself.
    "SELECT * FROM system.tables",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM samples",
    "SELECT * FROM mainstay.samples",
    "SELECT * FROM mainstay.log_lines",
    "SELECT * FROM log_minutes_view",
    "WITH samples AS (SELECT 1) SELECT * FROM samples",
    "WITH log_lines AS (SELECT 1) SELECT * FROM log_lines",
    "SELECT * FROM log_lines UNION ALL SELECT * FROM samples",
    "SELECT getSetting('max_threads')",
    "SELECT currentUser(), hostName(), version()",
    "SELECT dictGet('x', 'y', 1)",
    "SELECT joinGet('samples', 'value', 1)",
    "SELECT sleep(3)",
    "SELECT sleepEachRow(1) FROM log_lines",
    "SELECT addressToLine(1)",
    "SELECT catboostEvaluate('/x', 1)",
    "SELECT initializeAggregation('count')",
    # A name after IN may be a table.
    "SELECT count() FROM log_lines WHERE id IN samples",
    "SELECT count() FROM log_lines WHERE id IN (samples)",
    "SELECT count() FROM log_lines WHERE id NOT IN samples",
    "SELECT count() FROM log_lines WHERE id GLOBAL IN samples",
    "SELECT count() FROM log_lines WHERE body IN system.tables",
    "SELECT count() FROM log_lines WHERE body IN mainstay.samples",
    "SELECT in(id, samples) FROM log_lines",
    "SELECT notIn(id, system.one) FROM log_lines",
    "SELECT in(pattern, series.id) FROM log_lines",
    "SELECT IN(pattern, system.one) FROM log_lines",
    "SELECT notIN(pattern, system.one) AS x FROM log_lines",
    "SELECT NOTIN(0, system.one)",
    "SELECT (0 IN system.one) AS x",
    "SELECT tupleElement((0 IN (system.one), 1), 1)",
    "SELECT notNullIn(0, system.one)",
    "SELECT inIgnoreSet(0, system.one)",
    "SELECT globalNotIn(0, system.one)",
    "SELECT count() FROM log_lines WHERE service NOT IN (occurrences)",
    "SELECT count() FROM log_lines WHERE pattern + 0 IN numbers",
    "WITH x AS (SELECT 1) SELECT count() FROM log_lines WHERE pattern IN x",
    "SELECT arrayMap(x -> x IN system.one, [0])",
    "SELECT countIf(id IN samples) FROM log_lines",
    "SELECT * REPLACE(file('/etc/passwd') AS body) FROM log_lines",
    "SELECT 1 FROM log_lines PREWHERE length(file('/etc/passwd')) > 0",
    "SELECT 1 FROM log_lines QUALIFY length(file('/etc/passwd')) > 0",
    "SELECT count() FROM log_lines INTERSECT SELECT count() FROM samples",
    "SELECT count() FROM (SELECT 1) AS x, (SELECT * FROM samples) AS y",
    "SELECT * FROM log_lines WHERE EXISTS (SELECT 1 FROM samples)",
    "SELECT * FROM log_lines ORDER BY id LIMIT 1 BY file('/etc/passwd')",
    "SELECT count() OVER (PARTITION BY file('/etc/passwd')) FROM log_lines",
    "SELECT * FROM dictionary('x')",
    "SELECT * FROM loop(samples)",
    "SELECT * FROM mergeTreeIndex('mainstay', 'samples')",
    "SELECT * FROM fuzzJSON('x')",
    # Statements that are none of a reader's business.
    "INSERT INTO log_lines SELECT * FROM log_lines",
    "DROP TABLE log_lines",
    "ALTER TABLE log_lines DELETE WHERE 1",
    "TRUNCATE TABLE log_lines",
    "CREATE TABLE x (a UInt8) ENGINE = Memory",
    "ATTACH TABLE x",
    "SYSTEM SHUTDOWN",
    "SET max_memory_usage = 0",
    "USE system",
    "SHOW TABLES",
    "DESCRIBE TABLE log_lines",
    "EXPLAIN SELECT 1",
    "EXPLAIN AST SELECT 1",
    "KILL QUERY WHERE 1",
    "BACKUP TABLE log_lines TO Disk('x', 'y')",
    "OPTIMIZE TABLE log_lines",
    "SELECT 1; DROP TABLE log_lines",
    "SELECT 1;; SELECT 2",
    "SELECT 1 INTO OUTFILE '/tmp/mainstay-outfile'",
    "SELECT 1 FORMAT JSON",
    "SELECT 1 SETTINGS max_execution_time = 0",
    "SELECT * FROM (SELECT 1 SETTINGS max_execution_time = 0)",
    "SELECT {x:String}",
    "SELECT * FROM {t:Identifier}",
    "SELECT @@version",
    "SELECT 1 AS `a; DROP TABLE log_lines`",
    'SELECT 1 AS "a\' b"',
    "(SELECT * FROM samples)",
    "",
    ";",
    "SELECT",
    "select '",
    "/* SELECT",
    "SELECT " + "(" * 5000,
    "SELECT 1" + " + 1" * 8_000,
)
ALLOWED = (
    ("SELECT count() FROM log_lines", [(10,)]),
    ("select count(*) from log_lines where level = 'error';", [(2,)]),
    ("SELECT level, count() AS n FROM log_lines GROUP BY level HAVING n > 2 ORDER BY n DESC", [("info", 3)]),
    (
        "WITH e AS (SELECT * FROM log_lines WHERE level = 'fatal') SELECT service, attributes['order'] FROM e",
        [("payments", "884")],
    ),
    ("SELECT body FROM log_lines WHERE body LIKE '%100\\\\% sure it''s%' LIMIT 1", 1),
    ("SELECT body FROM log_lines WHERE body = 'order_id=77 reserved; 100% sure it\\'s \\\\ fine\\tyes'", 1),
    ("SELECT '-- no comment; DROP TABLE log_lines /* */' AS text", [("-- no comment; DROP TABLE log_lines /* */",)]),
    ("SELECT toStartOfInterval(time, INTERVAL 5 MINUTE) AS t, count() FROM log_lines GROUP BY t ORDER BY t", 1),
    ("SELECT quantile(0.5)(toFloat64OrNull(attributes['duration_ms'])) FROM log_lines", 1),
    ("SELECT sum(lines) FROM log_minutes WHERE level = 'error'", [(2,)]),
    ("SELECT count() OVER (PARTITION BY service ORDER BY time) FROM log_lines LIMIT 1", 1),
    ("SELECT a.id FROM log_lines AS a JOIN log_lines AS b ON a.id = b.id LIMIT 3", 3),
    ("SELECT 1 UNION ALL SELECT 2", 2),
    ("SELECT min(time), argMin(body, time), max(id) FROM log_lines", 1),
    ("SELECT count() FROM log_lines WHERE level IN ('error') AND service NOT IN ('x', 'y')", [(2,)]),
    ("SELECT count() FROM log_lines WHERE id IN (SELECT id FROM log_lines WHERE level = 'error')", [(2,)]),
    ("SELECT count() FROM log_lines WHERE level IN ['error', 'fatal']", [(3,)]),
    ("SELECT time FROM log_lines WHERE time >= toDateTime64('2026-03-01 10:00:09', 6, 'UTC')", 1),
    (
        "SELECT if(level IN ('error', 'fatal'), 1, 0) AS bad, CASE WHEN bad THEN 1 ELSE 2 END FROM log_lines LIMIT 1",
        1,
    ),
    ("SELECT extract(body, 'order (\\\\d+)') FROM log_lines WHERE match(body, 'order \\\\d+') LIMIT 1", 1),
)


@pytest.mark.parametrize("statement", REFUSED)
def test_what_reaches_beyond_the_logs_is_refused(statement: str) -> None:
    with pytest.raises(ProblemError) as caught:
        services.sql(LOCAL, statement)
    assert caught.value.status == 400
    assert caught.value.field == "sql"
    assert client.rows("SELECT count() FROM log_lines") == [(10,)]


@pytest.mark.parametrize(("statement", "expected"), ALLOWED)
def test_what_is_asked_of_the_logs_is_answered(statement: str, expected: object) -> None:
    answer = services.sql(LOCAL, statement)
    assert (len(answer.rows) if isinstance(expected, int) else list(answer.rows)) == expected


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("ab'\"\\;-/*`{}()%\n\t\0é$"), max_size=24))
def test_whatever_stands_in_a_text_stays_a_text(text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    assert services.sql(LOCAL, f"SELECT '{escaped}' AS t, 1").rows == ((text, 1),)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "'",
                '"',
                "`",
                "\\",
                ";",
                "--",
                "/*",
                "*/",
                "\n",
                "SELECT 1",
                "DROP TABLE log_lines",
                "file('/etc/passwd')",
                " ",
                "UNION ALL",
                "$$",
                "{",
                "}",
                "#",
            ]
        ),
        max_size=10,
    )
)
def test_no_quoting_smuggles_a_second_statement_through(parts: list[str]) -> None:
    try:
        rows = services.sql(LOCAL, "SELECT 1 " + "".join(parts)).rows
    except ProblemError:
        rows = ()
    assert "root:" not in repr(rows)
    assert client.rows("SELECT count() FROM log_lines") == [(10,)]


def test_answers_are_bounded() -> None:
    from mainstay.core import settings as conf

    before = conf.current()
    conf.use(conf.load({"log_sql_rows": "3", "log_sql_timeout": "1"}))
    try:
        answer = services.sql(LOCAL, "SELECT id FROM log_lines ORDER BY id")
        assert (len(answer.rows), answer.cut) == (3, True)
        product = " CROSS JOIN ".join(f"log_lines AS l{place}" for place in range(12))
        with pytest.raises((ProblemError, client.TelemetryError)):
            services.sql(LOCAL, f"SELECT sum(cityHash64(l0.id, l11.id)) FROM {product}")
    finally:
        conf.use(before)
