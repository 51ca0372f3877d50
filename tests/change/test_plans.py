"""Plans of releases against real servers: HTTP, TLS, ports, databases, metrics, and the batch of the night."""

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornershop import certs
from mainstay.catalog.models import Service
from mainstay.change.releases import domain, loop, services
from mainstay.change.releases.models import Release
from mainstay.change.releases.plans import services as plans
from mainstay.change.releases.services import Wanted
from mainstay.config import read
from mainstay.config import services as config
from mainstay.core import access, clock, secrets
from mainstay.core.models import AuditEntry, Person
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.observe.telemetry import services as telemetry
from mainstay.restore.sqldesk.models import Connection, Read
from tests import engine
from tests.change.shop import Shop, apply, plan, served
from tests.sqldesk.databases import of_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("company")]
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def store() -> Iterator[None]:
    with engine.running():
        yield


def ben() -> access.Actor:
    return access.of_person(Person.objects.get(name="Ben"))


def looked() -> tuple[str, str]:
    """The verdict of the one step, and what it said."""
    (found,) = plans.try_out(ben(), "pay")
    return str(found.verdict), found.said


def flow(base: str, **last: Any) -> dict[str, Any]:
    login = {
        "method": "POST",
        "url": f"{base}/login",
        "headers": {"Authorization": "Bearer ${secret:shop-test}"},
        "body": "for the check",
        "take": {"token": "/token"},
    }
    order = {
        "method": "POST",
        "url": f"{base}/orders",
        "body": '{"sku": "A-1", "token": "${token}"}',
        "status": [201],
        "take": {"order": "/id"},
    }
    shown = {"url": f"{base}/orders/${{order}}", "values": {"/state": "== paid", "/id": "> 100000"}, **last}
    return {"http": {"requests": [login, order, shown]}}


def test_a_flow_goes_from_answer_to_answer() -> None:
    secrets.put("shop-test", "tr0ub4dor")
    Shop.seen.clear()
    with served() as base:
        plan(flow(base))
        verdict, said = looked()
    assert (verdict, said.split(" in ")[0]) == ("passed", "3 requests")
    assert Shop.seen == [("/login", "for the check"), ("/orders", '{"sku": "A-1", "token": "t-1234-long"}')]


def test_a_flow_fails_at_the_first_answer_that_is_wrong_and_tells_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    secrets.put("shop-test", "tr0ub4dor")
    with served() as base:
        plan(flow(base, values={"/state": "== shipped"}))
        assert looked() == (
            "failed",
            f"request 3, GET {base}/orders/${{order}}: /state is 'paid', not == shipped",
        )
        broken = flow(base)
        broken["http"]["requests"][1]["values"] = {"/token": "== other"}
        plan(broken)
        assert looked() == ("failed", f"request 2, POST {base}/orders: /token is '•••', not == other")
        secrets.put("shop-test", "wrong-one")
        plan(flow(base))
        assert looked() == ("failed", f"request 1, POST {base}/login: status 403, not below 400")
    told = caplog.text + str(list(AuditEntry.objects.values_list("detail", flat=True)))
    assert not [one for one in ("tr0ub4dor", "wrong-one", "t-1234-long", "s-8842-long") if one in told]


def test_a_server_that_is_gone_fails_and_what_cannot_be_asked_is_inconclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    with served() as base:
        port = int(base.rpartition(":")[2])
    plan({"http": {"requests": [{"url": base}]}})
    assert looked()[0] == "failed"
    plan({"port": {"host": "127.0.0.1", "port": port}})
    assert looked()[0] == "failed"
    plan({"http": {"requests": [{"url": base, "headers": {"X": "${secret:no-such}"}}]}})
    verdict, said = looked()
    assert verdict == "inconclusive"
    assert "mainstay secret set no-such" in said
    loaded = current()
    monkeypatch.setattr(
        "mainstay.core.http.current", lambda: type(loaded)({**loaded.values, "outgoing_private": ()}, {})
    )
    for kind in ({"http": {"requests": [{"url": base}]}}, {"integration": {"url": base}}):
        plan(kind)
        verdict, said = looked()
        assert verdict == "inconclusive"
        assert "outgoing_private" in said


def test_ports_and_integrations_answer() -> None:
    with served() as base:
        host, port = "127.0.0.1", int(base.rpartition(":")[2])
        for one in ({"port": {"host": host, "port": port}}, {"integration": {"host": host, "port": port}}):
            plan(one)
            assert looked() == ("passed", f"{host}:{port} takes connections")
        plan({"integration": {"url": base}})
        assert looked() == ("passed", "it answers, status 200")


class _Hello(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        """Shake hands and hang up; a client that does not trust us hangs up first."""
        try:
            self.server.context.wrap_socket(self.request, server_side=True).close()  # type: ignore[attr-defined]
        except OSError:
            return


@contextmanager
def tls_server(life: timedelta, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    pem = folder / "shop.pem"
    certs.issue(pem, life)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Hello)
    server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # type: ignore[attr-defined]
    server.context.load_cert_chain(pem)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tls_server(timedelta(days=30), tmp_path, monkeypatch) as port:
        for host, days, verdict, word in (
            ("localhost", 20, "passed", "valid until"),
            ("localhost", 40, "failed", "at least 40 wanted"),
            ("127.0.0.1", 20, "passed", "valid until"),
            ("127.0.0.2", 20, "inconclusive", "outgoing_private"),
        ):
            plan({"tls": {"host": host, "port": port, "days": days}})
            found, said = looked()
            assert found == verdict
            assert word in said
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
        plan({"tls": {"host": "localhost", "port": port}})
        found, said = looked()
        assert (found, "does not hold" in said) == ("failed", True)
    with served() as base:
        plan({"tls": {"host": "127.0.0.1", "port": int(base.rpartition(":")[2])}})
        assert looked()[0] == "failed"


@pytest.fixture(params=["sqlite", "postgres"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Connection:
    """A database with three orders, of which one is not paid."""
    if request.param == "sqlite":
        (tmp_path / "shop.db").touch()
        database = of_url(f"sqlite:///{tmp_path}/shop.db")
        address = database.target.database
    else:
        database = of_url(request.getfixturevalue("postgres_url"))
        address = f"{database.target.user}@{database.target.host}:{database.target.port}/{database.target.database}"
    later = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
    database.run(
        "CREATE TABLE orders (id int, paid int, at varchar(30))",
        f"INSERT INTO orders VALUES (1, 1, '{later}'), (2, 1, '{later}'), (3, 0, '{later}')",
        "INSERT INTO orders VALUES (4, 0, '2020-01-01 00:00:00')",
    )
    made = Connection.objects.create(key="shop", name="Shop", dialect=request.param, address=address)
    made.services.add(Service.objects.get(key="pay"))
    return made


def test_reads_of_the_desk(target: Connection) -> None:
    fresh = "FROM orders WHERE at > '${since}'"
    for more, verdict in (
        ({"statement": f"SELECT id {fresh} AND paid = 0", "rows": "none"}, "failed"),
        ({"statement": f"SELECT id {fresh} AND paid > 1", "rows": "none"}, "passed"),
        ({"statement": f"SELECT id {fresh}", "at_least": 3}, "passed"),
        ({"statement": f"SELECT id {fresh}", "at_most": 2}, "failed"),
        ({"statement": f"SELECT min(paid) {fresh}", "value": ">= 1"}, "failed"),
        (
            {"statement": f"SELECT id {fresh} AND paid > 1", "rows": "none", "among": f"SELECT count(*) {fresh}"},
            "passed",
        ),
        (
            {
                "statement": f"SELECT id {fresh} AND paid > 1",
                "rows": "none",
                "among": f"SELECT count(*) {fresh}",
                "among_at_least": 4,
            },
            "inconclusive",
        ),
        ({"statement": "DELETE FROM orders", "rows": "none"}, "inconclusive"),
        ({"statement": "SELECT nothing FROM orders", "rows": "none"}, "inconclusive"),
    ):
        plan({"sql": {"connection": "shop", **more}})
        assert looked()[0] == verdict, more
    assert Read.objects.filter(person_name="Mainstay").count() == 11
    for field, value in (("masks", [{"column": "paid", "table": "", "show": "nothing"}]), ("sensitive", True)):
        Connection.objects.update(**{field: value})
        plan({"sql": {"connection": "shop", "statement": "SELECT paid FROM orders WHERE id = 1", "value": "== 1"}})
        assert looked()[0] == "inconclusive"


def gauge(name: str, value: float, at: datetime) -> None:
    """One sample. Each test has names of its own: a series is written once an hour only."""
    labels = {"service": "pay", "instance": "pay-1"}
    series = [(telemetry.series_id(name, labels), name, labels)]
    when = np.array([int(at.timestamp() * 1000)], dtype=np.int64)
    telemetry.write_samples(series, np.zeros(1, dtype=np.int64), when, np.array([value]))
    engine.settle()


@pytest.mark.usefixtures("store")
def test_metrics() -> None:
    engine.settle()
    engine.empty()
    gauge("shelf_depth", 7, clock.now())
    for expr, want, verdict in (
        ("shelf_depth", "< 10", "passed"),
        ("shelf_depth", "< 5", "failed"),
        ("no_such_thing", "< 5", "inconclusive"),
        ("shelf_depth +", "< 5", "inconclusive"),
    ):
        plan({"metric": {"expr": expr, "want": want}})
        assert looked()[0] == verdict, expr


def finished() -> Release:
    release = services.start(ben(), Wanted("pay", "4.1.8", "4.1.7"))
    services.finish(ben(), release.pk)
    release.refresh_from_db()
    return release


@pytest.mark.usefixtures("store")
def test_evidence_of_the_plan_stands_with_the_release() -> None:
    engine.settle()
    engine.empty()
    with served() as base:
        plan({"name": "shop", "http": {"requests": [{"url": base}]}}, {"metric": {"expr": "up", "want": ">= 1"}})
        release = finished()
        with clock.moved(10 * MINUTE):
            found = services.verify(ben(), release.pk)
    rows = {one["what"]: one["verdict"] for one in found.evidence if one["step"]}
    assert rows == {"http shop": "passed", "metric s1": "inconclusive"}
    with clock.moved(12 * MINUTE):
        assert services.verify(ben(), release.pk).state == "failed"
        plan({"http": {"requests": [{"url": base}]}}, enabled=False)
        assert not [one for one in services.verify(ben(), release.pk).evidence if one["step"]]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("comes", [True, False])
def test_a_release_stays_under_watch_until_the_batch_of_the_night(comes: bool) -> None:
    engine.settle()
    engine.empty()
    release = finished()
    done = release.finished_at
    assert done is not None
    by = f"{(done + timedelta(hours=9)).astimezone(UTC):%H:%M}"
    plan({"name": "ledger", "batch": {"metric": f"ledger_done_{comes} > ${{since}}".lower(), "by": by}})
    with clock.moved(31 * MINUTE):
        assert loop.run_due() == 1
        release.refresh_from_db()
        assert (release.state, release.verdict) == (domain.State.WATCHED.value, "inconclusive")
        assert f"awaited until {by} UTC" in release.reason
        assert release.notes.last().text.endswith("it stays under watch")  # type: ignore[union-attr]
    with clock.moved(timedelta(hours=8)):
        assert loop.run_due() == 0
        if comes:
            gauge("ledger_done_true", clock.now().timestamp(), clock.now())
            assert loop.run_due() == 1
    with clock.moved(timedelta(hours=10)):
        assert loop.run_due() == (0 if comes else 1)
    release.refresh_from_db()
    row = next(one for one in release.evidence if one["step"])
    assert (row["verdict"], row["until"]) == ("passed" if comes else "failed", "")
    assert release.state == ("inconclusive" if comes else "failed")
    assert loop.run_due() == 0


@pytest.mark.usefixtures("store")
def test_what_is_awaited_by_a_plan_that_is_gone_is_inconclusive() -> None:
    engine.settle()
    engine.empty()
    release = finished()
    plan({"batch": {"metric": "never", "by": "06:00"}})
    with clock.moved(31 * MINUTE):
        assert loop.run_due() == 1
        plan({"tls": {"host": "localhost"}})
        assert loop.run_due() == 1
    release.refresh_from_db()
    assert release.state == "inconclusive"
    assert "no longer in the plan" in release.reason


def test_a_plan_is_applied_exported_changed_and_removed() -> None:
    plan({"tls": {"host": "localhost"}}, {"batch": {"log": "level:error", "by": 360}})
    text = config.export(access.LOCAL)
    assert not config.plan(read.read([("plans.yaml", text)])) or "release_plans" in text
    assert plans.get(ben(), "pay").steps[1]["batch"]["by"] == "06:00"
    with pytest.raises(read.ConfigError, match="has the plan 'pay' already"):
        config.apply(
            access.LOCAL,
            read.read([("b.yaml", "release_plans: [{key: b, service: pay, steps: [{key: a, tls: {host: h}}]}]")]),
        )
    with pytest.raises(read.ConfigError, match="no connection 'none'"):
        plan({"sql": {"connection": "none", "statement": "SELECT 1", "rows": "none"}})
    apply(release_plans=[])
    with pytest.raises(ProblemError):
        plans.get(ben(), "pay")
    assert AuditEntry.objects.filter(action="release.plan_removed").exists()
    with pytest.raises(access.AccessError):
        plans.try_out(access.Actor("Vi", access.Right.READ), "pay")


def test_a_plan_that_takes_too_long_leaves_the_rest_inconclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = current()
    less = type(loaded)({**loaded.values, "release_plan_seconds": 0.0}, {})
    monkeypatch.setattr("mainstay.change.releases.plans.looking.current", lambda: less)
    plan({"port": {"host": "127.0.0.1", "port": 1}})
    verdict, said = looked()
    assert (verdict, "release_plan_seconds" in said) == ("inconclusive", True)


def test_a_server_that_does_not_answer_is_not_waited_for() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        plan({"timeout": 0.2, "http": {"requests": [{"url": f"http://127.0.0.1:{silent.getsockname()[1]}"}]}})
        assert looked()[0] == "failed"
