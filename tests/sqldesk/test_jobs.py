"""Clean-up and archival jobs on three databases: each row leaves once, is where it should be, and no other leaves."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.catalog.models import Service
from mainstay.core import audit, clock
from mainstay.core.access import AccessError
from mainstay.core.models import AuditEntry
from mainstay.core.problems import ProblemError
from mainstay.restore.sqldesk.engines.base import DeskError, RefusedError
from mainstay.restore.sqldesk.jobs import archive, batch, execution, facts, files, pressure, services
from mainstay.restore.sqldesk.models import Job, JobBatch
from tests.sqldesk import desk
from tests.sqldesk.databases import Database

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company")]
State = Job.State
ROWS = 230
FIELDS: dict[str, Any] = {
    "title": "Old events",
    "reason": "They are kept for a year",
    "table": "events",
    "condition": "day < :day AND note NOT LIKE 'keep%'",
    "parameters": {"day": 200},
    "action": "delete",
    "batch_rows": 30,
    "in_windows": False,
}


@pytest.fixture(autouse=True)
def _archives(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "folder", lambda job: tmp_path / "archives" / f"JOB-{job}")


@pytest.fixture
def events(database: Database) -> Database:
    """Rows of which those of the days below 200 are old, but for every tenth, which is kept."""
    blob = {"postgres": "bytea", "mysql": "varbinary(20)", "sqlite": "blob"}[database.dialect]
    table = f"(id integer PRIMARY KEY, day integer, note varchar(40), price decimal(9,2), raw {blob})"
    rows = ", ".join(
        f"({n}, {n}, '{'keep' if n % 10 == 0 else 'äö, %'}{n}', {n}.50, {'NULL' if n % 3 else chr(39) + 'x' + chr(39)})"
        for n in range(ROWS)
    )
    database.run(
        f"CREATE TABLE events {table}", f"CREATE TABLE old_events {table}", f"INSERT INTO events VALUES {rows}"
    )
    desk.connect(database)
    return database


def left(database: Database, table: str = "events") -> list[int]:
    return [int(row[0]) for row in database.rows(f"SELECT id FROM {table} ORDER BY id")]


KEPT = [n for n in range(ROWS) if n >= 200 or n % 10 == 0]
TAKEN = [n for n in range(ROWS) if n not in KEPT]


def draft(**more: Any) -> Job:
    return services.propose(desk.person("ben"), "shop", {**FIELDS, **more})


def approved(job: Job) -> Job:
    ben, ana = desk.person("ben"), desk.person("ana")
    seen = services.dry_run(ben, job.pk)
    assert seen.dry_run["problems"] == [], seen.dry_run
    services.request(ben, job.pk)
    services.approve(ana, job.pk, facts.hash_of(services.get(ana, job.pk)))
    return services.get(ben, job.pk)


def started(job: Job) -> Job:
    approved(job)
    services.start(desk.person("ben"), job.pk)
    return services.get(desk.person("ben"), job.pk)


def work() -> None:
    while (run := execution.claim()) is not None:
        execution.carry(run)


def done(job: Job) -> Job:
    started(job)
    work()
    return services.get(desk.person("ben"), job.pk)


def test_a_dry_run_counts_and_changes_nothing(events: Database) -> None:
    before = events.everything(["events", "old_events"])
    for action, destination in (("delete", ""), ("move", "old_events"), ("archive", "")):
        seen = services.dry_run(desk.person("ben"), draft(action=action, destination=destination).pk).dry_run
        assert (seen["problems"], seen["rows"], seen["batches"], seen["key"]) == ([], len(TAKEN), 6, ["id"])
    assert events.everything(["events", "old_events"]) == before


def test_rows_are_deleted_in_batches_and_no_other(events: Database) -> None:
    job = done(draft())
    assert (job.state, job.rows_done) == (State.DONE, len(TAKEN)), job.state_reason
    assert left(events) == KEPT
    sizes = list(JobBatch.objects.values_list("rows", flat=True))
    assert sum(sizes) == len(TAKEN)
    assert max(sizes) <= 30
    assert all(one.keys is None for one in JobBatch.objects.all())
    assert audit.verify().intact
    assert {"job.draft", "job.request", "job.approve", "job.start", "gate.allowed", "job.done"} <= set(
        AuditEntry.objects.values_list("action", flat=True)
    )


def test_rows_are_moved_as_they_are(events: Database) -> None:
    before = events.everything(["events"])["events"]
    job = done(draft(action="move", destination="old_events"))
    assert job.state == State.DONE, job.state_reason
    assert (left(events), left(events, "old_events")) == (KEPT, TAKEN)
    assert sorted(row for rows in events.everything(["events", "old_events"]).values() for row in rows) == before


def test_rows_that_do_not_arrive_as_they_were_are_not_deleted(events: Database) -> None:
    events.run("DROP TABLE old_events")
    short = "(id integer PRIMARY KEY, day integer, note varchar(40), price decimal(9,1), raw varchar(40))"
    if events.dialect == "sqlite":
        short = short.replace("price decimal(9,1)", "price text")
    events.run(f"CREATE TABLE old_events {short}")
    before = left(events)
    job = done(draft(action="move", destination="old_events"))
    assert job.state == State.FAILED
    assert (left(events), left(events, "old_events")) == (before, [])


def test_rows_are_archived_and_read_back_before_they_are_deleted(events: Database) -> None:
    before = {int(row[0]): row for row in events.rows("SELECT id, day, note, price FROM events")}
    job = done(draft(action="archive"))
    assert job.state == State.DONE, job.state_reason
    assert left(events) == KEPT
    found = {}
    for part in JobBatch.objects.all():
        archive.verify(Path(part.file), part.rows, part.checksum)
        for row in pq.read_table(part.file).to_pylist():
            found[int(row["id"])] = row
    assert sorted(found) == TAKEN
    assert all(
        row["note"] == before[key][2] and float(row["price"]) == float(before[key][3]) for key, row in found.items()
    )
    assert sum(row["raw"] is None for row in found.values()) == sum(1 for n in TAKEN if n % 3)


def test_a_file_that_cannot_be_read_back_keeps_the_rows(events: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    real = pq.write_table

    def torn(table: Any, file: Any, **more: Any) -> None:
        real(table.slice(0, table.num_rows - 1), file, **more)

    monkeypatch.setattr(pq, "write_table", torn)
    job = done(draft(action="archive"))
    assert job.state == State.FAILED
    assert "instead of" in job.state_reason
    assert len(left(events)) == ROWS
    assert not JobBatch.objects.exists()
    monkeypatch.undo()


def test_composite_keys_are_walked_in_order(database: Database) -> None:
    rows = ", ".join(f"('{chr(97 + a)}', {b}, {a * b})" for a in range(6) for b in range(-7, 20))
    database.run(
        "CREATE TABLE events (region varchar(9), number integer, day integer, note varchar(9) DEFAULT 'x', "
        "PRIMARY KEY (region, number))",
        f"INSERT INTO events (region, number, day) VALUES {rows}",
    )
    desk.connect(database)
    before = len(database.rows("SELECT 1 FROM events"))
    wanted = int(database.rows("SELECT count(*) FROM events WHERE day < 30")[0][0])
    job = done(draft(condition="day < :day", parameters={"day": 30}, batch_rows=7))
    assert (job.state, job.rows_done) == (State.DONE, wanted), job.state_reason
    assert len(database.rows("SELECT 1 FROM events")) == before - wanted
    assert not database.rows("SELECT 1 FROM events WHERE day < 30")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"condition": ""}, "write which rows"),
        ({"condition": "day < 3; DROP TABLE events"}, "semicolon"),
        ({"condition": "id IN (DELETE FROM events RETURNING id)"}, "cannot be read|on its own"),
        ({"condition": "random() < 0.5"}, "does not give the same twice"),
        ({"table": "", "condition": "1 = 1"}, "which table"),
        ({"action": "burn"}, "one of delete, move, archive"),
        ({"action": "move"}, "name the table"),
        ({"destination": "old_events"}, "name the table"),
        ({"batch_rows": 0}, "whole number from 1"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_asked(events: Database, change: dict[str, Any], said: str) -> None:
    with pytest.raises(ProblemError, match=said):
        draft(**change)


def test_what_the_tables_do_not_allow_is_said_by_the_dry_run(events: Database) -> None:
    events.run(
        "CREATE TABLE loose (day integer, note varchar(40))",
        "CREATE TABLE narrow (id integer PRIMARY KEY, day integer)",
        "CREATE TABLE children (id integer PRIMARY KEY, event integer, "
        "FOREIGN KEY (event) REFERENCES old_events (id) ON DELETE CASCADE)",
    )

    def problem(**more: Any) -> str:
        return str(services.dry_run(desk.person("ben"), draft(**more).pk).dry_run["problems"])

    assert "no table nowhere" in problem(table="nowhere")
    assert "has no column note" in problem(action="move", destination="narrow")
    assert "would follow by a foreign key" in problem(table="old_events")
    assert "it matches no row" in problem(parameters={"day": -5})
    assert "another table than their own" in problem(action="move", destination="events")
    if events.dialect != "sqlite":
        assert "no key that identifies" in problem(table="loose")


def test_nothing_runs_that_another_person_did_not_approve_as_it_is(events: Database) -> None:
    job = draft()
    ben, ana = desk.person("ben"), desk.person("ana")
    with pytest.raises(ProblemError, match="review|Preview|preview"):
        services.request(ben, job.pk)
    services.dry_run(ben, job.pk)
    services.request(ben, job.pk)
    seen = facts.hash_of(services.get(ana, job.pk))
    with pytest.raises(ProblemError, match="another person"):
        services.approve(ben, job.pk, seen)
    services.approve(ana, job.pk, seen)
    services.edit(ben, job.pk, {"parameters": {"day": 5000}})
    with pytest.raises(ProblemError, match="draft"):
        services.start(ben, job.pk)
    again = started(draft())
    Job.objects.filter(pk=again.pk).update(parameters={"day": 5000})
    work()
    again.refresh_from_db()
    assert (again.state, len(left(events))) == (State.FAILED, ROWS)
    assert "not what was approved" in again.state_reason
    with pytest.raises(AccessError):
        services.visible(desk.person("vic"))


def test_a_table_that_changed_since_the_dry_run_stops_it(events: Database) -> None:
    job = started(draft())
    events.run("ALTER TABLE events ADD COLUMN extra integer")
    work()
    job.refresh_from_db()
    assert (job.state, len(left(events))) == (State.FAILED, ROWS)


def test_it_waits_for_the_gate_before_each_batch_and_goes_on_by_itself(
    events: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "GATE_EVERY", 0.0)
    Service.objects.filter(key="pay").update(only_in_windows=True)
    job = started(draft())
    work()
    job.refresh_from_db()
    assert (job.state, len(left(events))) == (State.WAITING, ROWS)
    assert "maintenance windows only" in job.state_reason
    Service.objects.filter(key="pay").update(only_in_windows=False)
    real = execution._one

    def then_closed(*words: Any) -> bool:
        found = real(*words)
        Service.objects.filter(key="pay").update(only_in_windows=True)
        return found

    with monkeypatch.context() as patch, clock.moved(timedelta(minutes=1)):
        patch.setattr(execution, "_one", then_closed)
        work()
    job.refresh_from_db()
    assert job.state == State.WAITING
    assert 0 < job.rows_done < len(TAKEN)
    Service.objects.filter(key="pay").update(only_in_windows=False)
    with clock.moved(timedelta(minutes=2)):
        work()
    job.refresh_from_db()
    assert (job.state, left(events)) == (State.DONE, KEPT)


def test_a_job_for_windows_waits_although_its_services_demand_none(events: Database) -> None:
    job = done(draft(in_windows=True))
    assert (job.state, len(left(events))) == (State.WAITING, ROWS)
    with pytest.raises(ProblemError, match="is waits"):
        services.start(desk.person("ben"), job.pk)
    services.pause(desk.person("ben"), job.pk)
    services.start(desk.person("ben"), job.pk, "The disk is full in an hour, see INC-5")
    work()
    assert left(events) == KEPT


def test_it_waits_while_the_database_is_busy(events: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = pressure.Pressure(lag=0.0, running=90)
    with monkeypatch.context() as patch:
        patch.setattr(pressure, "measure", lambda *_: busy)
        job = done(draft(max_running=20, max_lag=30))
    assert job.state == State.WAITING
    assert "90 other statements run, and 20 are the limit" in job.state_reason
    with clock.moved(timedelta(minutes=1)):
        work()
    assert left(events) == KEPT


def test_pause_and_stop_leave_whole_batches(events: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    job = started(draft())
    real = execution._one

    def then_paused(*words: Any) -> bool:
        found = real(*words)
        services.pause(desk.person("ana"), job.pk)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(execution, "_one", then_paused)
        work()
    job.refresh_from_db()
    assert (job.state, job.rows_done) == (State.PAUSED, 30)
    services.start(desk.person("ben"), job.pk)
    run = execution.claim()
    assert run is not None
    services.stop(desk.person("ana"), job.pk)
    run.stop.set()
    execution.carry(run)
    job.refresh_from_db()
    assert (job.state, job.rows_done, len(left(events))) == (State.PAUSED, 30, ROWS - 30)
    services.start(desk.person("ben"), job.pk)
    work()
    assert left(events) == KEPT


def test_a_row_that_somebody_holds_is_waited_for_and_tried_again(
    events: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = started(draft())
    real = batch.carry_out
    failures: list[int] = []

    def disturbed(*words: Any, **more: Any) -> Any:
        if len(failures) < 2:
            failures.append(1)
            raise RefusedError("somebody else changed the same rows at this moment")
        return real(*words, **more)

    monkeypatch.setattr(execution, "carry_out", disturbed)
    work()
    job.refresh_from_db()
    assert (job.state, left(events)) == (State.DONE, KEPT)


def test_what_cannot_be_asked_of_a_database_keeps_a_job_with_that_limit_from_running(
    events: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise DeskError("permission denied")

    monkeypatch.setattr(pressure, "_lag", fail)
    job = done(draft(max_lag=5))
    assert (job.state, len(left(events))) == (State.FAILED, ROWS)


def test_the_pressure_of_each_database_can_be_asked(events: Database) -> None:
    job = draft(max_running=1000, max_lag=1000)
    with events.open() as session:
        assert pressure.too_much(job, pressure.measure(session, job)) == ""


@given(st.integers(1, 50_000), st.floats(0.1, 60_000), st.integers(10, 60_000), st.integers(50, 50_000))
def test_the_size_of_a_batch_follows_its_time_within_bounds(size: int, took: float, aim: int, most: int) -> None:
    found = execution.next_size(size, took, aim, most)
    assert 1 <= found <= most
    assert found <= size * 2
    if took > aim and size > 2 * execution.SMALLEST:
        assert found <= size
