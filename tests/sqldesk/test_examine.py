"""Reads at the desk, on the three databases: what is shown, what is refused, how they end."""

import csv
import io
import json
import threading
from datetime import timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest

from mainstay.core import clock
from mainstay.core.access import AccessError
from mainstay.core.models import AuditEntry
from mainstay.core.problems import ProblemError
from mainstay.respond.incidents.models import Incident
from mainstay.respond.timeline.models import TimelineEntry
from mainstay.restore.sqldesk.examine import known, saved, services
from mainstay.restore.sqldesk.models import Connection, Read
from tests.parts import until
from tests.sqldesk.databases import Database
from tests.sqldesk.desk import connect, person

pytestmark = pytest.mark.django_db(transaction=True)

SHOP = (
    "CREATE TABLE people (id int PRIMARY KEY, name varchar(40), email varchar(80), card varchar(40))",
    "INSERT INTO people VALUES (1, 'Ana', 'ana@x.example', '4111111111111111'), (2, '=1+1', NULL, NULL)",
    "CREATE VIEW folk AS SELECT id, email AS contact FROM people",
)
ENDLESS = {
    "postgres": "SELECT count(*) FROM generate_series(1, 100000000000)",
    "mysql": "SELECT count(*) FROM information_schema.columns a, information_schema.columns b,"
    " information_schema.columns c, information_schema.columns d",
    "sqlite": "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
}


@pytest.fixture
def desk(company: None, database: Database) -> Database:
    """A shop with two people, and a connection to it."""
    known.forget()
    database.run(*SHOP)
    return database


def ask(sql: str, **fields: Any) -> tuple[Read, Any, list[list[Any]]]:
    """A read by Ben."""
    ben = person("ben")
    running = {name: fields.pop(name) for name in ("offset", "limit") if name in fields}
    return services.run(ben, services.begin(ben, "shop", sql, **fields), **running)


def incident() -> Incident:
    return Incident.objects.create(
        title="Payments fail", priority=2, impact="high", urgency="high", opened_at=clock.now(), started_at=clock.now()
    )


def test_a_read_shows_typed_rows_and_stays_in_the_history(desk: Database) -> None:
    connect(desk)
    read, reading, rows = ask("SELECT id, name FROM people ORDER BY id;")
    assert rows == [[1, "Ana"], [2, "=1+1"]]
    assert reading.names == ["id", "name"]
    assert (read.state, read.rows, read.cut) == ("done", 2, False)
    assert [one.pk for one in services.history(person("ben"))] == [read.pk]
    assert not services.history(person("ana")).exists()
    actions = list(AuditEntry.objects.filter(target=str(read)).order_by("seq").values_list("action", flat=True))
    assert actions == ["sql.run", "sql.done"]


def test_what_is_no_read_is_refused_and_changes_nothing(desk: Database) -> None:
    connect(desk)
    before = desk.everything(["people"])
    for sql in (
        "DELETE FROM people",
        "SELECT 1; DELETE FROM people",
        "SELECT mystery()",
        "SELECT * FROM people FOR UPDATE",
    ):
        with pytest.raises(ProblemError) as refused:
            ask(sql)
        assert refused.value.status == 422
        assert refused.value.field == "sql"
    assert desk.everything(["people"]) == before
    assert set(Read.objects.values_list("state", flat=True)) == {"refused"}


def test_viewers_see_no_production_data(desk: Database) -> None:
    connect(desk)
    with pytest.raises(AccessError):
        services.begin(person("vic"), "shop", "SELECT 1")


def test_an_answer_ends_at_its_limits_and_says_so(desk: Database) -> None:
    connection = connect(desk, max_rows=1)
    _, reading, rows = ask("SELECT id FROM people ORDER BY id")
    assert (rows, reading.cut) == ([[1]], "after 1 rows")
    _, _, second = ask("SELECT id FROM people ORDER BY id", offset=1)
    assert second == [[2]]
    Connection.objects.filter(pk=connection.pk).update(max_rows=100, max_bytes=30)
    read, reading, rows = ask("SELECT id, name, email, card FROM people ORDER BY id")
    assert (rows, reading.cut, read.cut) == ([], "after 30 bytes", True)


def test_parameters_are_bound_and_never_spliced(desk: Database) -> None:
    connect(desk)
    ben = person("ben")
    sql = "SELECT id FROM people WHERE name = :name AND id < :most AND 'a%' LIKE 'a%'"
    kept = saved.save(ben, "By name", "shop", sql, [{"name": "most", "type": "whole"}])
    found = services.run(ben, services.begin(ben, "shop", "", {"name": "Ana", "most": "5"}, saved=kept.pk))
    assert found[2] == [[1]]
    trick = services.begin(ben, "shop", "", {"name": "x' OR '1' = '1", "most": "5"}, saved=kept.pk)
    assert services.run(ben, trick)[2] == []
    for values, field in (({"name": "Ana"}, "values.most"), ({"name": "Ana", "most": "many"}, "values.most")):
        with pytest.raises(ProblemError) as refused:
            services.run(ben, services.begin(ben, "shop", "", values, saved=kept.pk))
        assert refused.value.field == field


def test_masked_columns_stay_hidden_under_other_names(desk: Database) -> None:
    connect(desk, masks=[{"column": "email", "table": "people"}, {"column": "card", "show": "last4"}])
    _, _, rows = ask("SELECT * FROM people ORDER BY id")
    assert rows[0] == [1, "Ana", "•••", "•••1111"]
    assert rows[1] == [2, "=1+1", None, None]
    for sql in (
        "SELECT lower(email) AS x FROM people WHERE id = 1",
        "SELECT x FROM (SELECT email AS x FROM people WHERE id = 1) t",
        "WITH t(a, x) AS (SELECT id, email FROM people) SELECT x FROM t WHERE a = 1",
        "SELECT max(email) FROM people",
        "SELECT name FROM people WHERE id < 0 UNION ALL SELECT email FROM people WHERE id = 1",
    ):
        assert ask(sql)[2] == [["•••"]], sql
    _, _, rows = ask("SELECT count(email), max(id) FROM people")
    assert rows == [[1, 2]]


def test_cancel_stops_the_read_on_the_server(desk: Database) -> None:
    connect(desk, statement_timeout=60)
    ben = person("ben")
    read = services.begin(ben, "shop", ENDLESS[desk.dialect], token="tab-1")
    ended: list[Exception] = []

    def work() -> None:
        from django.db import connections

        try:
            services.run(ben, read)
        except ProblemError as error:
            ended.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    until("the read runs", lambda: desk.dialect == "sqlite" or Read.objects.get(pk=read.pk).server_id)
    until("it is stopped", lambda: services.cancel(ben, "tab-1") or not thread.is_alive())
    thread.join(20)
    assert len(ended) == 1
    assert Read.objects.get(pk=read.pk).state == "cancelled", ended
    assert not services.cancel(ben, "tab-1")


def test_a_sensitive_read_waits_for_a_colleague_and_is_seen_once(desk: Database) -> None:
    connect(desk, sensitive=True)
    ana, ben = person("ana"), person("ben")
    with pytest.raises(ProblemError, match="why"):
        services.begin(ben, "shop", "SELECT name FROM people")
    read = services.begin(ben, "shop", "SELECT name FROM people WHERE id = 1", reason="A customer asks")
    with pytest.raises(ProblemError, match="waits"):
        services.run(ben, read)
    with pytest.raises(ProblemError, match="colleague"):
        services.decide(ben, read.pk, services.hash_of(read), approve=True)
    with pytest.raises(ProblemError, match="look again"):
        services.decide(ana, read.pk, "other", approve=True)
    approved = services.decide(ana, read.pk, services.hash_of(read), approve=True)
    with pytest.raises(ProblemError, match="only whoever asked"):
        services.run(ana, approved)
    again = services.get(ben, read.pk)
    assert services.run(ben, services.get(ben, read.pk))[2] == [["Ana"]]
    with pytest.raises(ProblemError, match="already"):
        services.run(ben, again)


def test_an_approval_binds_what_was_seen_and_expires(desk: Database) -> None:
    connection = connect(desk, sensitive=True)
    ana, ben = person("ana"), person("ben")

    def approved() -> Read:
        read = services.begin(ben, "shop", "SELECT 1", reason="Because")
        services.decide(ana, read.pk, services.hash_of(read), approve=True)
        return services.get(ben, read.pk)

    late, changed = approved(), approved()
    with clock.moved(timedelta(hours=9)), pytest.raises(ProblemError, match="expired"):
        services.run(ben, late)
    Connection.objects.filter(pk=connection.pk).update(address="/elsewhere")
    with pytest.raises(ProblemError, match="changed since"):
        services.run(ben, services.get(ben, changed.pk))


def test_evidence_is_pinned_with_its_hash_and_a_line_in_the_timeline(desk: Database) -> None:
    connect(desk)
    ben, at = person("ben"), incident()
    read, reading, rows = ask("SELECT id, name FROM people ORDER BY id", incident=at.pk)
    kept = services.pin(ben, read, at.pk, "Who is there", (reading, rows))
    assert services.intact(services.evidence(ben, at.pk).get())
    assert TimelineEntry.objects.filter(incident_id=at.pk, kind="evidence", data__sha256=kept.digest).exists()
    kept.rows[0][1] = "Eve"
    assert not services.intact(kept)


def test_exports_are_whole_and_safe_for_spreadsheets(desk: Database) -> None:
    connect(desk)
    ben = person("ben")

    def exported(form: str) -> bytes:
        return b"".join(
            services.export(ben, services.begin(ben, "shop", "SELECT id, name, email FROM people ORDER BY id"), form)
        )

    table = list(csv.reader(io.StringIO(exported("csv").decode())))
    assert table == [["id", "name", "email"], ["1", "Ana", "ana@x.example"], ["2", "'=1+1", ""]]
    assert json.loads(exported("json"))[1] == {"id": 2, "name": "=1+1", "email": None}
    assert pq.read_table(io.BytesIO(exported("parquet"))).to_pylist()[0] == {
        "id": 1,
        "name": "Ana",
        "email": "ana@x.example",
    }


def test_a_saved_query_is_filled_in_from_an_incident(desk: Database) -> None:
    connect(desk)
    ben, at = person("ben"), incident()
    specs = [{"name": "n", "type": "whole", "source": "incident.id"}, {"name": "svc", "source": "label.service"}]
    kept = saved.save(ben, "Near", "shop", "SELECT name FROM people WHERE id = :n OR name = :svc", specs)
    assert saved.filled(ben, kept, at.pk) == {"n": str(at.pk)}
    with pytest.raises(ProblemError, match="DELETE changes data"):
        saved.save(ben, "Bad", "shop", "DELETE FROM people")


def test_the_schema_lists_tables_with_their_columns(desk: Database) -> None:
    connect(desk)
    found = {one.name: one for one in services.schema(person("ben"), "shop").relations}
    assert [name for name, _ in found["people"].columns] == ["id", "name", "email", "card"]
    assert found["folk"].kind == "view"


def test_explain_show_and_pragma_answer_too(desk: Database) -> None:
    connect(desk)
    assert ask("EXPLAIN SELECT * FROM people")[2]
    tells = {"postgres": "SHOW server_version", "mysql": "SHOW TABLES", "sqlite": "PRAGMA table_info(people)"}
    assert ask(tells[desk.dialect])[2]


def test_a_database_that_does_not_answer_is_said_so(company: None, database: Database) -> None:
    known.forget()
    made = connect(database)
    Connection.objects.filter(pk=made.pk).update(
        address="/nowhere/x.db" if database.dialect == "sqlite" else "ben@127.0.0.1:1/none"
    )
    with pytest.raises(ProblemError) as refused:
        ask("SELECT 1")
    assert refused.value.status in {422, 503}
    assert Read.objects.get().state == "failed"
