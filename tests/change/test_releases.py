"""A release from its start to its verdict, over the real tables and a real telemetry engine, moving time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from mainstay.catalog.calendar import services as calendar
from mainstay.catalog.calendar.entries import Raw
from mainstay.change.releases import domain, loop, report, services, validation, verdicts
from mainstay.change.releases.domain import Act, State
from mainstay.change.releases.judge import Limits
from mainstay.change.releases.models import Release
from mainstay.change.releases.services import Wanted
from mainstay.core import access, clock, tokens
from mainstay.core.documents import html, markdown
from mainstay.core.models import AuditEntry, Person
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.observe.changes import services as changes
from mainstay.observe.checks.models import Check
from mainstay.observe.logs import registry
from mainstay.observe.logs import services as logs
from mainstay.observe.logs.lines import Lines, Origin
from mainstay.observe.telemetry import services as telemetry
from mainstay.respond.alerts import services as alerts
from mainstay.respond.tests.test_flow import signal
from tests import engine

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("company")]
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def store() -> Iterator[None]:
    with engine.running():
        yield


def fresh_store() -> None:
    engine.settle()
    engine.empty()


def ben() -> access.Actor:
    return access.of_person(Person.objects.get(name="Ben"))


def made(**more: Any) -> Release:
    return services.start(ben(), Wanted("pay", "4.1.8", **{"previous": "4.1.7", **more}))


def sold(
    start: datetime, minutes: int, *, slow: float = 1.0, errors: float = 0.002, seed: int = 1, at: str = "pay"
) -> None:
    """So many minutes of two instances in the store. Each test has its own: series are written once an hour only."""
    chance, count = np.random.default_rng(seed), minutes * 4
    series, which, values = [], [], []
    for instance in (f"{at}-1", f"{at}-2"):
        requests = chance.poisson(120, count)
        failed = chance.binomial(requests, errors)
        for name, labels, row in (
            ("http_requests_total", {"status": "200"}, np.cumsum(requests - failed)),
            ("http_requests_total", {"status": "500"}, np.cumsum(failed)),
            ("request_seconds", {}, chance.gamma(25, 0.004, count) * slow),
        ):
            whole = {"service": "pay", "instance": instance, "job": "pay", **labels}
            series.append((telemetry.series_id(name, whole), name, whole))
            which.append(np.full(count, len(series) - 1))
            values.append(row.astype(np.float64))
    times = int(start.timestamp() * 1000) + 1 + np.arange(count, dtype=np.int64) * 15_000
    telemetry.write_samples(series, np.concatenate(which), np.tile(times, len(series)), np.concatenate(values))


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(("slow", "verdict"), [(1.0, "passed"), (2.0, "failed")])
def test_a_release_is_watched_and_judged(slow: float, verdict: str) -> None:
    fresh_store()
    begins = clock.now().replace(microsecond=0)
    sold(begins - 60 * MINUTE, 60, at=verdict)
    release = made()
    with clock.moved(5 * MINUTE):
        services.finish(ben(), release.pk)
        sold(begins + 5 * MINUTE, 30, slow=slow, seed=2, at=verdict)
        engine.settle()
    with clock.moved(34 * MINUTE):
        assert loop.run_due() == 0
    with clock.moved(36 * MINUTE):
        assert loop.run_due() == 1
        assert loop.run_due() == 0
    release.refresh_from_db()
    assert release.verdict == release.state == verdict
    assert release.findings
    assert [one.text.split()[0] for one in release.notes.all()] == ["Planned", "Started", "Rolled", "Judged:"]
    if verdict == "failed":
        assert "request_seconds" in release.reason
        back = services.roll_back(ben(), release.pk, "Too slow.")
        assert (back.state, back.verdict) == (State.ROLLED_BACK.value, "failed")


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("trouble", ["check", "silent check", "alert", "logs", "version"])
def test_what_is_looked_at_beside_the_metrics(trouble: str) -> None:
    fresh_store()
    begins = clock.now().replace(microsecond=0)
    sold(begins - 60 * MINUTE, 60, at=trouble)
    release = made()
    with clock.moved(5 * MINUTE):
        services.finish(ben(), release.pk)
        sold(begins + 5 * MINUTE, 30, seed=2, at=trouble)
        make_trouble(trouble, release)
        engine.settle()
    with clock.moved(36 * MINUTE):
        found = services.verify(ben(), release.pk)
    wanted = "inconclusive" if trouble == "silent check" else "failed"
    assert found.verdict == wanted
    assert {one["verdict"] for one in found.findings if one["kind"] != "reporting"} == {"passed"}
    assert [one["what"].split()[0] for one in found.evidence if one["verdict"] == wanted] == [
        {"logs": "error", "version": "versions", "silent check": "check"}.get(trouble, trouble)
    ]


def lines(start: datetime, count: int, level: str, body: str) -> None:
    times = [int((start + timedelta(seconds=n)).timestamp() * 1e6) for n in range(count)]
    origin = [Origin("pay", "p", "test")]
    logs.accept(Lines(origin, [0] * count, [body] * count, times, [level] * count, whole=True))


def make_trouble(kind: str, release: Release) -> None:
    later = clock.now() + 20 * MINUTE
    if "check" in kind:
        last = later if kind == "check" else clock.now() - 60 * MINUTE
        more = {"state": "critical", "state_since": last, "last_at": last, "last_text": "502 from /pay"}
        Check.objects.create(key="pay", name="Pay", command=["true"], service=release.service, next_at=later, **more)
    if kind == "alert":
        signal("Slow")
        alerts.drain()
    if kind == "logs":
        registry.forget()
        lines(clock.now() - 30 * MINUTE, 60, "info", "charge taken")
        lines(later, 9, "error", "cannot read the price")
    if kind == "version":
        labels = {"service": "pay", "instance": f"{kind}-2", "version": "v4.1.7"}
        series = [(telemetry.series_id("build_info", labels), "build_info", labels)]
        at = np.array([int(later.timestamp() * 1000)], dtype=np.int64)
        telemetry.write_samples(series, np.zeros(1, dtype=np.int64), at, np.ones(1))


@pytest.mark.usefixtures("store")
def test_a_report_is_sealed() -> None:
    fresh_store()
    release = made()
    services.finish(ben(), release.pk)
    assert not report.seal(access.LOCAL, release)
    with clock.moved(31 * MINUTE):
        found = services.verify(ben(), release.pk)
    seal = report.seal(access.LOCAL, found)
    blocks = report.blocks(access.LOCAL, found)
    assert seal in markdown(blocks)
    assert seal in html(blocks, clock.now())
    assert report.fits(access.LOCAL, services.get(ben(), release.pk), seal.upper())
    for field, value in (("verdict", "passed"), ("findings", [{}]), ("version", "4.1.9")):
        kept = services.get(ben(), release.pk)
        setattr(kept, field, value)
        assert not report.fits(access.LOCAL, kept, seal)


@pytest.mark.usefixtures("store")
def test_who_asks_for_a_verdict_gets_it_from_the_worker() -> None:
    fresh_store()
    release = made()
    with pytest.raises(ProblemError, match="judged once it has finished"):
        services.ask(ben(), release.pk)
    services.finish(ben(), release.pk)
    assert loop.run_due() == 0
    first = services.ask(ben(), release.pk).asked_at
    assert services.ask(ben(), release.pk).asked_at == first
    assert loop.run_due() == 1
    release.refresh_from_db()
    assert (release.verdict, release.asked_at) == ("inconclusive", None)
    assert loop.run_due() == 0
    services.ask(ben(), release.pk)
    services.roll_back(ben(), release.pk, "Never mind.")
    assert loop.run_due() == 0
    release.refresh_from_db()
    assert (release.state, release.asked_at) == (State.ROLLED_BACK, None)


@pytest.mark.usefixtures("store")
def test_without_data_it_is_inconclusive() -> None:
    fresh_store()
    release = made()
    services.finish(ben(), release.pk)
    with clock.moved(31 * MINUTE):
        found = services.verify(ben(), release.pk)
    assert found.verdict == "inconclusive"


@pytest.mark.usefixtures("store")
def test_the_change_is_told() -> None:
    fresh_store()
    release = made(link="https://ci.example/12")
    services.roll_back(ben(), release.pk, "Wrong version.")
    engine.settle()
    found = changes.recent(ben(), ["pay"], clock.now() + MINUTE)
    assert {(one.kind, one.version, one.link) for one in found} == {
        ("deploy", "4.1.8", "https://ci.example/12"),
        ("rollback", "4.1.7", "https://ci.example/12"),
    }


def test_a_closed_gate_lets_nothing_start() -> None:
    begun = f"{clock.now().astimezone(UTC) - 60 * MINUTE:%Y-%m-%dT%H:%M}"
    calendar.save(access.LOCAL, Raw("ice", "freeze", "Ice", "UTC", begun, lasts=7200))
    with pytest.raises(ProblemError, match="gate is closed"):
        made()
    assert not Release.objects.exists()


def test_the_same_reference_is_the_same_release() -> None:
    assert made(reference="run-7").pk == made(reference="run-7").pk
    assert Release.objects.count() == 1


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (Wanted("none", "1"), "service"),
        (Wanted("pay", " "), "version"),
        (Wanted("pay", "1", link="ftp://x"), "link"),
        (Wanted("pay", "v" * 300), "version"),
    ],
)
def test_what_cannot_be_is_refused_by_field(wanted: Wanted, field: str) -> None:
    with pytest.raises(ProblemError) as told:
        services.start(ben(), wanted)
    assert told.value.field == field


def test_steps_in_order_only_and_every_one_in_the_audit_log() -> None:
    release = services.plan(ben(), Wanted("pay", "5.0"))
    for act in (services.finish, services.verify):
        with pytest.raises(ProblemError, match="Not possible"):
            act(ben(), release.pk)
    services.begin(ben(), release.pk)
    with pytest.raises(ProblemError, match="must be planned"):
        services.begin(ben(), release.pk)
    services.break_off(ben(), release.pk, "The image is not there.")
    deeds = list(
        AuditEntry.objects.filter(action__startswith="release.").order_by("pk").values_list("action", flat=True)
    )
    assert deeds == ["release.plan", "release.start", "release.break_off"]


def test_a_viewer_may_look_alone() -> None:
    viewer = access.Actor("Vi", access.Right.READ)
    release = made()
    assert services.get(viewer, release.pk).pk == release.pk
    with pytest.raises(access.AccessError):
        services.finish(viewer, release.pk)


def test_every_state_says_why_a_step_is_not_possible() -> None:
    for state in State:
        for act in Act:
            found = domain.step(state, act)
            assert found.allowed or state.value in found.reason


def test_windows_leave_the_roll_out_aside() -> None:
    began = datetime(2026, 3, 29, 1, tzinfo=UTC)
    found = domain.spans(began, began + 9 * MINUTE, began + 20 * MINUTE, 30 * MINUTE, 60 * MINUTE, 1)
    assert found.before == (began - 60 * MINUTE, began)
    assert found.after == (began + 9 * MINUTE, began + 20 * MINUTE)
    assert found.seasons == tuple((a - timedelta(days=7), b - timedelta(days=7)) for a, b in [found.after])


def test_api(client: Any) -> None:
    head = {"Authorization": f"Bearer {tokens.create_token(access.LOCAL, 'ci', 'write')}"}

    def post(path: str, body: Any = None) -> Any:
        return client.post(f"/api/v1/releases{path}", body or {}, content_type="application/json", headers=head)

    number = int(post("/start", {"service": "pay", "version": "9"}).json()["release"].removeprefix("REL-"))
    assert post(f"/{number}/finish").json()["state"] == "watched"
    assert post(f"/{number}/finish").status_code == 409
    assert post(f"/{number}/roll-back", {"reason": "No."}).json()["state"] == "rolled back"
    assert client.get("/api/v1/releases?service=pay", headers=head).json()["releases"][0]["version"] == "9"
    assert len(client.get(f"/api/v1/releases/{number}", headers=head).json()["log"]) == 4
    assert post("/start", {"service": "pay"}).json()["field"] == "version"
    for form, begins in (("html", b"<!doctype"), ("md", b"# REL-"), ("pdf", b"%PDF")):
        assert client.get(f"/api/v1/releases/{number}/report?format={form}", headers=head).content.startswith(begins)
    assert client.get(f"/api/v1/releases/{number}/report?format=doc", headers=head).json()["field"] == "format"


@pytest.mark.usefixtures("store")
def test_a_failed_release_is_an_alert_until_it_is_rolled_back_and_no_evidence_against_itself() -> None:
    fresh_store()
    release = made()
    with clock.moved(MINUTE):
        signal(name="Broken", service="pay")
        services.finish(ben(), release.pk)
    with clock.moved(10 * MINUTE):
        assert services.verify(ben(), release.pk).state == State.FAILED
        alerts.drain()
        failed = alerts.visible(ben()).get(name="ReleaseFailed")
        assert (failed.state, failed.service.key if failed.service else "") == ("firing", "pay")
        again = services.verify(ben(), release.pk)
        assert "ReleaseFailed" not in again.reason
        services.roll_back(ben(), release.pk, "It did harm.")
        alerts.drain()
        assert alerts.visible(ben()).get(name="ReleaseFailed").state == "resolved"


def test_the_bounds_are_those_of_the_judge_unless_settings_say_otherwise() -> None:
    assert verdicts.limits() == Limits()


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(("least", "verdict"), [(9, "failed"), (10, "passed")])
def test_how_many_lines_of_new_errors_count_is_a_setting(
    least: int, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh_store()
    loaded = current()
    changed = type(loaded)({**loaded.values, "release_log_new": least}, loaded.origins)
    monkeypatch.setattr(validation, "current", lambda: changed)
    release = made()
    with clock.moved(5 * MINUTE):
        services.finish(ben(), release.pk)
        make_trouble("logs", release)
        engine.settle()
    with clock.moved(36 * MINUTE):
        found = services.verify(ben(), release.pk)
    assert [one["verdict"] for one in found.evidence if "line" in one["what"]] == [verdict]
