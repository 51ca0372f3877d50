"""Live incidents diagnosed from a real telemetry store: who is named, what is kept, who may see it, and the way out."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import orjson
import pytest
from django.test import Client

from mainstay.catalog.models import Dependency, Service
from mainstay.core import clock
from mainstay.core.access import LOCAL, SYSTEM, AccessError, Actor, Right
from mainstay.core.models import AuditEntry, Person
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.learn.diagnosis import folder, services
from mainstay.learn.diagnosis.domain import diagnose
from mainstay.learn.diagnosis.loop import Diagnoses
from mainstay.learn.diagnosis.models import Finding
from mainstay.observe.logs import frame
from mainstay.observe.logs.lines import Lines, Origin
from mainstay.observe.telemetry import services as telemetry
from mainstay.respond.incidents.models import Incident
from tests import engine

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company", "engine_running")]
MINUTES, SICK = 40, 4


@pytest.fixture(scope="module")
def engine_running() -> Iterator[None]:
    with engine.running():
        _fill(int(time.time()))
        yield


def _fill(now: int) -> None:
    """Front calls pay. For the last minutes pay takes long and says why, and a change of its limits came before."""
    random = np.random.default_rng(3)
    times = np.arange(now - MINUTES * 60, now, 15)
    sick = times >= now - SICK * 60
    for service, slower in (("front", 4.0), ("pay", 9.0), ("lonely", 1.0)):
        for instance in ("a", "b"):
            labels = {"service": service, "instance": instance}
            each = random.gamma(30, 0.1 / 30, times.size) * np.where(sick, slower, 1.0)
            for name, values in (
                ("took_seconds_sum", np.cumsum(each * 20)),
                ("took_seconds_count", np.arange(times.size) * 20.0),
            ):
                series = (telemetry.series_id(name, labels), name, labels)
                which = np.zeros(times.size, dtype=np.int64)
                telemetry.write_samples([series], which, times.astype(np.int64) * 1000, values.astype(np.float64))
    _say("pay", "info", [f"charged order {one} in 12 ms" for one in range(80)], now - MINUTES * 60, 29)
    _say("pay", "error", [f"pool exhausted, {one} waiting" for one in range(40)], now - SICK * 60, 5)
    event = {"time": (now - 300) * 1000, "service": "pay", "kind": "config", "id": "limits", "summary": "set the pool"}
    about = {
        "author": "eve",
        "version": "",
        "link": "",
        "diff": "-pool_size: 50\n+pool_size: 2",
        "received": now * 1000,
    }
    telemetry.write("changes", {name: [value] for name, value in (event | about).items()})
    engine.settle()


def _say(service: str, level: str, texts: list[str], start: int, every: int) -> None:
    count = len(texts)
    micros = [(start + every * one) * 1_000_000 for one in range(count)]
    empty = [""] * count
    made = Lines(
        [Origin(service, "host:app.log", "test")],
        [0] * count,
        texts,
        micros,
        [level] * count,
        empty,
        empty,
        [{}] * count,
        whole=True,
    )
    telemetry.write_frame("log_lines", frame.complete(frame.from_lines(made), start * 1000, 400))


def incident(key: str | None = "front") -> Incident:
    began = clock.now() - timedelta(minutes=SICK)
    service = Service.objects.get(key=key) if key else None
    about = {"title": "Slow", "priority": 2, "impact": "high", "urgency": "high", "state": "open"}
    return Incident.objects.create(service=service, opened_at=clock.now(), started_at=began, **about)


def test_the_ill_service_below_is_named_with_its_change_and_kept_as_it_was() -> None:
    made = incident()
    found = services.look(SYSTEM, made)
    assert found is not None
    first = found.said["services"][0]
    assert (first["name"], first["path"]) == ("pay", ["front", "pay"])
    assert {one["source"] for one in first["evidence"]} == {"metrics", "logs"}
    assert any("took_seconds_mean" in one["text"] for one in first["evidence"])
    assert found.said["changes"][0]["name"] == "limits"
    assert found.said["missing"] == ["spans"]
    entry = AuditEntry.objects.filter(action="diagnosis.say").get()
    assert entry.detail["digest"] == found.digest
    # The same again is not said again.
    assert services.look(SYSTEM, made) is None
    assert Finding.objects.count() == 1


def test_the_worker_looks_soon_and_again_and_not_when_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    incident()
    loop = Diagnoses()
    assert loop.run_due() == 0
    with clock.moved(timedelta(seconds=4)):
        assert loop.run_due() == 1
        assert loop.run_due() == 0
    assert Finding.objects.get().asked_by == ""
    monkeypatch.setitem(current().values, "diagnosis_enabled", False)
    with clock.moved(timedelta(seconds=30)):
        assert Diagnoses().run_due() == 0


def test_trouble_of_before_is_no_normal_time() -> None:
    made = incident()
    earlier = incident("pay")
    Incident.objects.filter(pk=earlier.pk).update(
        started_at=made.started_at - timedelta(minutes=12),
        resolved_at=made.started_at - timedelta(minutes=6),
        state="resolved",
    )
    case = services.case(LOCAL, made.pk)
    assert case.normal.end <= (made.started_at - timedelta(minutes=13)).timestamp() + 1


def test_a_case_is_written_down_and_judged_the_same(tmp_path: Path) -> None:
    made = incident()
    case = services.case(LOCAL, made.pk)
    folder.write(case, tmp_path)
    said = diagnose(folder.read(tmp_path))
    assert [one.name for one in said.services] == [one.name for one in diagnose(case).services]
    assert orjson.loads((tmp_path / "case.json").read_bytes())["alert"]["service"] == "front"


def test_an_incident_of_no_service_says_so() -> None:
    made = incident(None)
    with pytest.raises(ProblemError, match="belongs to no service"):
        services.again(LOCAL, made.pk)


def test_it_takes_a_responder() -> None:
    made = incident()
    viewer = Actor("Vic", Right.READ, person_id=None, via="test")
    with pytest.raises(AccessError):
        services.latest(viewer, made.pk)


def test_people_and_programs_ask_and_see_it() -> None:
    made = incident()
    client = Client(headers={"host": "localhost"})
    client.force_login(Person.objects.get(email="ben@x.example"))
    assert "Nothing is said yet" in client.get(f"/i/{made.pk}/diagnosis").content.decode()
    assert client.post(f"/i/{made.pk}/diagnose").status_code == 302
    page = client.get(f"/i/{made.pk}/diagnosis").content.decode()
    assert "front → pay" in page
    assert "pool_size: 50 → pool_size: 2" in page
    assert "asked by Ben" in page
    client.force_login(Person.objects.get(email="vic@x.example"))
    assert client.get(f"/i/{made.pk}/diagnosis").status_code == 403
    assert "Likely cause" not in client.get(f"/i/{made.pk}").content.decode()


def _trace(number: int, at: int, took: float) -> list[dict[str, object]]:
    """Edge calls deep, which takes its time."""
    trace, start = f"{number:032x}", at * 1_000_000 + number % 1000
    about = {"trace_id": trace, "kind": "server", "failed": 0, "message": "", "attributes": {}}
    own = {"span_id": f"{number:016x}", "parent_id": "", "service": "edge", "operation": "GET /"}
    below = {"span_id": f"{number + 1:016x}", "parent_id": f"{number:016x}", "service": "deep", "operation": "SELECT"}
    return [
        {**about, **own, "time": start, "duration": int((took + 0.01) * 1e6)},
        {**about, **below, "time": start + 2000, "duration": int(took * 1e6)},
    ]


def test_spans_alone_tell_whose_own_time_rose(monkeypatch: pytest.MonkeyPatch) -> None:
    now = int(time.time())
    edge, deep = (Service.objects.create(key=key, name=key) for key in ("edge", "deep"))
    Dependency.objects.create(caller=edge, callee=deep)
    random = np.random.default_rng(4)
    rows = [
        row
        for place, at in enumerate(range(now - MINUTES * 60, now, 2))
        for row in _trace(10_000 + 2 * place, at, 0.05 * random.gamma(20, 1 / 20) * (8 if at > now - SICK * 60 else 1))
    ]
    telemetry.write("spans", {name: [row[name] for row in rows] for name in rows[0]})
    engine.settle()
    found = services.case(LOCAL, incident("edge").pk)
    assert found.spans is not None
    assert found.spans.height == pytest.approx(len(rows), rel=0.2)
    said = diagnose(found)
    assert said.services[0].name == "deep"
    assert {one.source for one in said.services[0].evidence} == {"spans"}
    assert {"metrics", "logs"} <= set(said.missing)
    # Where there are too many, traces are left out whole.
    monkeypatch.setitem(current().values, "diagnosis_max_spans", 1000)
    fewer = services.case(LOCAL, Incident.objects.latest("pk").pk).spans
    assert fewer is not None
    assert fewer.height < 1000
    assert fewer.group_by("trace_id").len()["len"].unique().to_list() == [2]
