"""The way of a correction: nothing happens that was not seen, asked for, approved by somebody else, and allowed."""

from datetime import timedelta

import pytest

from mainstay.catalog.models import Service
from mainstay.core import audit, clock
from mainstay.core.access import AccessError
from mainstay.core.models import AuditEntry
from mainstay.core.problems import ProblemError
from mainstay.observe.changes import services as changes
from mainstay.observe.changes.services import ChangeEvent
from mainstay.restore.sqldesk.correct import execution, facts, services
from mainstay.restore.sqldesk.models import Batch, Correction, TableImage
from tests.sqldesk import desk
from tests.sqldesk.databases import Database

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company")]
State = Correction.State
UPDATE = "UPDATE orders SET state = 'paid' WHERE customer = 1"


@pytest.fixture
def orders(database: Database) -> Database:
    database.run(
        "CREATE TABLE orders (id integer PRIMARY KEY, customer integer, state varchar(20))",
        "INSERT INTO orders VALUES (1, 1, 'new'), (2, 1, 'new'), (3, 2, NULL), (4, 2, 'new')",
    )
    desk.connect(database)
    return database


def states(database: Database) -> list[str | None]:
    return [row[0] for row in database.rows("SELECT state FROM orders ORDER BY id")]


def test_the_whole_way(orders: Database) -> None:
    correction = desk.draft(UPDATE, rows=2, checks_before=["SELECT count(*) = 4 FROM orders"])
    seen = services.preview(desk.person("ben"), correction.pk)
    assert states(orders) == ["new", "new", None, "new"]
    assert [row["after"][2] for row in seen.preview["tables"][0]["rows"]] == ["paid", "paid"]
    done = desk.done(correction)
    assert (done.state, done.state_reason) == (State.DONE, "")
    assert states(orders) == ["paid", "paid", None, "new"]
    undo = desk.undone(done)
    assert undo.state == State.DONE
    assert states(orders) == ["new", "new", None, "new"]
    assert desk.undone(undo).state == State.DONE
    assert states(orders) == ["paid", "paid", None, "new"]
    assert audit.verify().intact
    assert {"correction.draft", "correction.request", "correction.approve", "correction.done"} <= set(
        AuditEntry.objects.values_list("action", flat=True)
    )


def test_the_count_is_asserted_in_the_transaction(orders: Database) -> None:
    correction = desk.started(desk.draft(UPDATE, rows=2))
    orders.run("INSERT INTO orders VALUES (5, 1, 'late')")
    desk.work()
    correction.refresh_from_db()
    assert correction.state == State.FAILED
    assert "matched 3 rows, and 2 are expected" in correction.state_reason
    assert states(orders) == ["new", "new", None, "new", "late"]
    assert not TableImage.objects.exists()


def test_checks_must_hold_or_nothing_stays(orders: Database) -> None:
    after = ["SELECT count(*) = 0 FROM orders WHERE state = 'new' AND customer = 1", "SELECT 1 = 1"]
    done = desk.done(desk.draft(UPDATE, rows=2, checks_after=after))
    assert done.state == State.DONE
    second = desk.draft("UPDATE orders SET state = 'x' WHERE id = 4", rows=1, checks_after=["SELECT 1 = 0"])
    assert services.preview(desk.person("ben"), second.pk).preview["problems"] == [
        "this check does not hold: SELECT 1 = 0"
    ]
    with pytest.raises(ProblemError, match="preview failed"):
        services.request(desk.person("ben"), second.pk)


@pytest.mark.parametrize(
    "check", ["UPDATE orders SET state = 'x'", "SELECT 1; DELETE FROM orders", "DELETE FROM orders RETURNING 1"]
)
def test_a_check_that_writes_is_refused(orders: Database, check: str) -> None:
    correction = desk.draft(UPDATE, rows=2, checks_before=[check])
    seen = services.preview(desk.person("ben"), correction.pk)
    assert "no query that only reads" in seen.preview["problems"][0]
    assert states(orders) == ["new", "new", None, "new"]


def test_nobody_approves_what_they_asked_for_or_did_not_see(orders: Database) -> None:
    correction = desk.draft(UPDATE, rows=2)
    ben, ana = desk.person("ben"), desk.person("ana")
    with pytest.raises(ProblemError, match="Preview it first"):
        services.request(ben, correction.pk)
    services.preview(ben, correction.pk)
    services.request(ben, correction.pk)
    seen = facts.hash_of(services.get(ana, correction.pk))
    with pytest.raises(ProblemError, match="another person"):
        services.approve(ben, correction.pk, seen)
    with pytest.raises(ProblemError, match="edited meanwhile"):
        services.approve(ana, correction.pk, "0" * 64)
    services.approve(ana, correction.pk, seen)
    services.edit(ben, correction.pk, {"statements": [UPDATE.replace("paid", "free")]})
    assert services.get(ana, correction.pk).state == State.DRAFT
    with pytest.raises(ProblemError, match="draft"):
        services.start(ben, correction.pk)


def test_an_approval_expires(orders: Database) -> None:
    correction = desk.approved(desk.draft(UPDATE, rows=2))
    with clock.moved(timedelta(hours=9)), pytest.raises(ProblemError, match="expired"):
        services.start(desk.person("ben"), correction.pk)
    desk.started(desk.draft(UPDATE, rows=2))
    with clock.moved(timedelta(hours=9)):
        desk.work()
    assert states(orders) == ["new", "new", None, "new"]


def test_a_table_that_changed_since_the_preview_stops_it(orders: Database) -> None:
    correction = desk.started(desk.draft(UPDATE, rows=2))
    orders.run("ALTER TABLE orders ADD COLUMN extra integer")
    desk.work()
    correction.refresh_from_db()
    assert correction.state == State.FAILED
    assert "not what they were at the preview" in correction.state_reason
    assert states(orders) == ["new", "new", None, "new"]


def test_the_gate_is_asked(orders: Database) -> None:
    correction = desk.approved(desk.draft(UPDATE, rows=2))
    Service.objects.filter(key="pay").update(only_in_windows=True)
    with pytest.raises(ProblemError, match="gate") as refused:
        services.start(desk.person("ben"), correction.pk)
    assert refused.value.status == 409
    services.start(desk.person("ben"), correction.pk, "The shop loses orders every minute")
    assert services.get(desk.person("ben"), correction.pk).gate["emergency"]
    desk.work()
    assert states(orders) == ["paid", "paid", None, "new"]


def test_rows_that_changed_since_the_approval_of_an_undo_stop_it(orders: Database) -> None:
    done = desk.done(desk.draft(UPDATE, rows=2))
    undo = desk.started(services.propose_undo(desk.person("ben"), done.pk, "wrong"))
    orders.run("UPDATE orders SET state = 'shipped' WHERE id = 2")
    desk.work()
    undo.refresh_from_db()
    assert undo.state == State.FAILED
    assert states(orders) == ["paid", "shipped", None, "new"]
    again = desk.undone(done)
    assert again.state == State.DONE
    assert states(orders) == ["new", "shipped", None, "new"]


def test_batches_pause_and_go_on(orders: Database) -> None:
    correction = desk.draft("UPDATE orders SET state = 'b' WHERE id > 0", rows=4, batch_rows=1)
    seen = services.preview(desk.person("ben"), correction.pk).preview
    assert (seen["rows"], seen["batches"]) == (4, 4)
    desk.started(correction)
    assert execution.claim() == correction.pk
    services.pause(desk.person("ana"), correction.pk)
    execution.carry(correction.pk)
    # Nothing has begun, so it is as free as before.
    assert services.get(desk.person("ben"), correction.pk).state == State.APPROVED
    services.start(desk.person("ben"), correction.pk)
    real = execution.carry_batch

    def and_pause(correction: Correction, work: object, batch: Batch) -> None:
        real(correction, work, batch)  # type: ignore[arg-type]
        services.pause(desk.person("ana"), correction.pk)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execution, "carry_batch", and_pause)
        desk.work()
    assert services.get(desk.person("ben"), correction.pk).state == State.PAUSED
    assert states(orders).count("b") == 1
    # What was begun under an approval may be finished after it has expired.
    with clock.moved(timedelta(hours=9)):
        services.start(desk.person("ben"), correction.pk)
        desk.work()
    assert services.get(desk.person("ben"), correction.pk).state == State.DONE
    assert [one.rows for one in Batch.objects.order_by("number")] == [1, 1, 1, 1]
    assert states(orders) == ["b"] * 4
    desk.undone(services.get(desk.person("ben"), correction.pk))
    assert states(orders) == ["new", "new", None, "new"]


def test_a_batch_whose_row_was_taken_stops_half_way_and_can_be_undone(orders: Database) -> None:
    correction = desk.started(desk.draft("UPDATE orders SET state = 'b' WHERE state = 'new'", rows=3, batch_rows=2))
    real = execution.carry_batch

    def then_somebody_else(correction: Correction, work: object, batch: Batch) -> None:
        real(correction, work, batch)  # type: ignore[arg-type]
        if batch.number == 1:
            orders.run("UPDATE orders SET state = 'theirs' WHERE id = 4")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execution, "carry_batch", then_somebody_else)
        desk.work()
    correction.refresh_from_db()
    assert correction.state == State.PARTIAL
    assert states(orders) == ["b", "b", None, "theirs"]
    assert desk.undone(correction).state == State.DONE
    assert states(orders) == ["new", "new", None, "theirs"]


def test_others_are_waited_for_only_so_long(orders: Database) -> None:
    desk.started(desk.draft(UPDATE, rows=2))
    with orders.open() as other:
        other.engine.begin_write(other)
        other.run("UPDATE orders SET state = 'held' WHERE id = 1")
        desk.work()
        other.rollback()
    correction = Correction.objects.get()
    assert correction.state == State.FAILED
    assert "lock" in correction.state_reason
    assert states(orders) == ["new", "new", None, "new"]


def test_a_viewer_sees_nothing(orders: Database) -> None:
    with pytest.raises(AccessError):
        services.visible(desk.person("vic"))


def test_what_was_corrected_is_told_as_a_change_without_its_values(
    orders: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[ChangeEvent] = []
    monkeypatch.setattr(changes, "tell", told.append)
    done = desk.done(desk.draft(UPDATE, rows=2))
    assert [(one.service, one.kind, one.id) for one in told] == [
        (service, "correction", str(done)) for service in done.service_keys()
    ]
    assert told
    assert "2 rows" in told[0].summary
    assert "paid" not in f"{told[0].summary}{told[0].diff}"
    # One that changed nothing is no change.
    late = desk.started(desk.draft(UPDATE, rows=2))
    orders.run("INSERT INTO orders VALUES (5, 1, 'late')")
    desk.work()
    late.refresh_from_db()
    assert (late.state, len(told)) == (State.FAILED, 1)
