"""From a script to metrics, an alert and its end: real programs, real tables, time moved."""

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mainstay.config import read
from mainstay.config import services as config
from mainstay.core import access, clock, inbox, secrets
from mainstay.core.access import LOCAL, AccessError
from mainstay.core.models import InboxItem, Person
from mainstay.core.problems import ProblemError
from mainstay.observe.checks import services
from mainstay.observe.checks.loop import Checks
from mainstay.observe.checks.models import Check, CheckRun

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("company")]
PLUGINS = Path("/usr/lib/nagios/plugins")


def apply(*entries: str) -> None:
    text = "checks:\n" + "".join(f"  - {entry}\n" for entry in entries)
    config.apply(LOCAL, read.read([("checks.yaml", text if entries else "checks: []")]))


def run_due() -> None:
    loop = Checks()
    loop.run_due()
    loop.wait()


def signals() -> list[dict[str, Any]]:
    found = [item.payload for item in InboxItem.objects.order_by("pk")]
    inbox.drain("alert", lambda items: None, 500)
    return found


def told() -> list[tuple[str, str]]:
    return [(one["state"], one["labels"]["state"]) for one in signals()]


def test_a_script_becomes_runs_metrics_and_an_alert_that_ends_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "code"
    file.write_text("0")
    script = f'"#!/bin/sh\\necho \\"queue is long | depth=$(cat {file})0;15;25 wait=120ms\\"\\nexit $(cat {file})\\n"'
    apply(f"{{key: queue, name: Queue, service: pay, interval: 30s, script: {script}, labels: {{zone: b}}}}")
    run_due()
    assert told() == []
    file.write_text("1")
    with clock.moved(timedelta(seconds=31)):
        run_due()
        (begun,) = signals()
    assert begun["labels"] == {
        "alertname": "queue",
        "check": "queue",
        "service": "pay",
        "severity": "warning",
        "state": "warning",
        "zone": "b",
    }
    assert begun["annotations"] == {"summary": "Queue: WARNING", "description": "queue is long"}
    file.write_text("2")
    with clock.moved(timedelta(seconds=62)):
        run_due()
        assert told() == [("firing", "critical"), ("resolved", "warning")]
    file.write_text("0")
    with clock.moved(timedelta(seconds=93)):
        run_due()
        assert told() == [("resolved", "critical")]
    check = services.get(LOCAL, "queue")
    assert (check.state, check.last_text) == ("ok", "queue is long")
    runs = list(services.runs(LOCAL, check))
    assert [(run.state, run.code) for run in runs] == [("ok", 0), ("critical", 2), ("warning", 1), ("ok", 0)]
    said = services.execute(check)
    base = {"zone": "b", "check": "queue", "service": "pay"}
    assert services.samples_of(check, said)[2:] == [
        ("check_value", {**base, "label": "depth"}, 0.0),
        ("check_value_warning", {**base, "label": "depth"}, 15.0),
        ("check_value_critical", {**base, "label": "depth"}, 25.0),
        ("check_value", {**base, "label": "wait", "unit": "seconds"}, pytest.approx(0.12)),
    ]


def test_it_is_not_run_before_it_is_due_and_one_at_a_time() -> None:
    apply('{key: one, command: ["true"], interval: 60s}')
    first = services.claim(10, slow=5)
    assert [check.key for check in first] == ["one"]
    assert services.claim(10, slow=5) == []
    services.keep(first[0].pk, services.execute(first[0]), clock.now())
    with clock.moved(timedelta(seconds=59)):
        assert services.claim(10, slow=5) == []
    with clock.moved(timedelta(seconds=61)):
        assert len(services.claim(10, slow=5)) == 1


def test_one_whose_worker_ended_is_run_again_after_its_time_limit() -> None:
    apply('{key: one, command: ["true"], interval: 1h, timeout: 20s}')
    assert len(services.claim(10, slow=5)) == 1
    with clock.moved(timedelta(seconds=29)):
        assert services.claim(10, slow=5) == []
    with clock.moved(timedelta(seconds=31)):
        assert len(services.claim(10, slow=5)) == 1


def test_a_state_must_last_as_long_as_the_check_asks() -> None:
    apply('{key: one, command: ["false"], interval: 10s, needed: 2, of: 3}')
    run_due()
    assert told() == []
    assert Check.objects.get().reason == "bad in 1 of 1 runs, 2 of 3 are needed"
    with clock.moved(timedelta(seconds=11)):
        run_due()
    assert told() == [("firing", "warning")]


def test_those_that_hang_do_not_hold_up_the_others() -> None:
    hanging = [f'{{key: hang-{number}, command: ["sleep", "600"], timeout: 1s}}' for number in range(12)]
    apply(*hanging, '{key: zz-quick, command: ["true"]}')
    Check.objects.filter(key__startswith="hang").update(slow=True, next_at=clock.now() - timedelta(hours=1))
    loop, began = Checks(), time.monotonic()
    loop.run_due()
    while not CheckRun.objects.filter(check_of__key="zz-quick").exists():
        assert time.monotonic() - began < 0.9, "it waits for those that hang"
        time.sleep(0.02)
    loop.wait()
    late = Check.objects.filter(key__startswith="hang", last_at__isnull=False)
    assert late.count() == 4
    assert set(late.values_list("last_text", flat=True)) == {"It did not end within 1 s and was ended"}


def test_a_worker_that_stops_ends_what_runs_and_says_nothing_of_it() -> None:
    apply('{key: one, command: ["sleep", "600"], timeout: 10m}')
    loop, began = Checks(), time.monotonic()
    loop.run_due()
    loop.stop()
    assert time.monotonic() - began < 5
    assert not CheckRun.objects.exists()
    assert signals() == []
    assert [check.key for check in services.claim(10, slow=5)] == ["one"]


def test_a_secret_is_handed_over_by_name_and_never_kept() -> None:
    secrets.put("desk-token", "s3cr3t-value")
    apply('{key: one, script: "#!/bin/sh\\necho got $TOKEN $MODE", secrets: {TOKEN: desk-token}, env: {MODE: x}}')
    run_due()
    run = CheckRun.objects.get()
    assert run.output == "got ••• x\n"
    assert "s3cr3t" not in str(Check.objects.values().get())
    secrets.remove("desk-token")
    with clock.moved(timedelta(hours=1)):
        run_due()
    check = Check.objects.get()
    assert (check.state, "mainstay secret set desk-token" in check.last_text) == ("unknown", True)


def test_one_that_is_taken_out_or_switched_off_ends_what_it_told_of() -> None:
    apply('{key: one, command: ["false"]}', '{key: two, command: ["false"]}')
    run_due()
    assert len(signals()) == 2
    apply('{key: one, command: ["false"], enabled: false}')
    assert sorted((one["state"], one["labels"]["check"]) for one in signals()) == [
        ("resolved", "one"),
        ("resolved", "two"),
    ]
    with pytest.raises(ProblemError, match="switched off"):
        services.run_now(LOCAL, "one")


def test_runs_beyond_the_limit_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    from mainstay.core.settings import current

    monkeypatch.setitem(current().values, "check_runs_kept", 3)
    apply('{key: one, command: ["true"], interval: 10s}')
    for number in range(5):
        with clock.moved(timedelta(seconds=11 * number)):
            run_due()
    assert CheckRun.objects.count() == 3


def test_somebody_has_it_run_now_and_a_viewer_does_not() -> None:
    apply('{key: one, command: ["true"], interval: 1h}')
    run_due()
    assert services.claim(10, slow=5) == []
    services.run_now(access.of_person(Person.objects.get(name="Ben")), "one")
    assert len(services.claim(10, slow=5)) == 1
    with pytest.raises(AccessError):
        services.run_now(access.of_person(Person.objects.get(name="Vic")), "one")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{key: one}", "one of the three"),
        ('{key: one, command: ["true"], script: "#!/bin/sh"}', "one of the three"),
        ("{key: one, script: echo}", "begin with the program"),
        ('{key: one, command: ["true"], needed: 3, of: 2}', "needed"),
        ('{key: one, command: ["true"], interval: 0.1}', "interval: write at least 1 s"),
        ('{key: one, command: ["true"], labels: {severity: x}}', "labels.severity"),
        ('{key: one, command: ["true"], env: {A: x}, secrets: {A: y}}', "secrets.A"),
        ('{key: one, command: ["true"], service: none}', "there is no service"),
    ],
)
def test_what_is_wrong_is_named(entry: str, said: str) -> None:
    with pytest.raises(read.ConfigError, match=said):
        apply(entry)


def test_a_check_comes_back_from_an_export_as_it_was() -> None:
    apply("{key: one, name: One, command: [/bin/df, /], service: pay, interval: 5m, needed: 2, of: 3, env: {A: b}}")
    assert (
        config.plan(read.read([("checks.yaml", config.export(LOCAL))])) == []
        or [
            change
            for change in config.plan(read.read([("checks.yaml", config.export(LOCAL))]))
            if change.section == "checks"
        ]
        == []
    )


@pytest.mark.once
def test_plugins_of_nagios_are_understood() -> None:
    if not (PLUGINS / "check_procs").exists():
        reason = "monitoring-plugins-basic is not installed; .ci/run installs it"
        if os.environ.get("MAINSTAY_TEST_REQUIRE") == "all":
            pytest.fail(reason)
        pytest.skip(reason)
    apply(
        f'{{key: procs, command: ["{PLUGINS}/check_procs", "-w", "1:100000", "-c", "1:200000"]}}',
        f'{{key: load, command: ["{PLUGINS}/check_load", "-w", "0,0,0", "-c", "9999,9999,9999"]}}',
        f'{{key: disk, command: ["{PLUGINS}/check_disk", "-w", "0%", "-c", "0%", "-p", "/"]}}',
        f'{{key: http, command: ["{PLUGINS}/check_tcp", "-H", "127.0.0.1", "-p", "1"]}}',
    )
    run_due()
    states = {check.key: check.state for check in Check.objects.all()}
    assert (states["procs"], states["disk"], states["http"]) == ("ok", "ok", "critical")
    assert states["load"] in {"ok", "warning"}
    measured = {run.check_of.key: run.measures for run in CheckRun.objects.select_related("check_of")}
    assert measured["procs"][0]["value"] > 1
    assert {one["label"] for one in measured["load"]} >= {"load1", "load5", "load15"}
    assert measured["disk"][0]["unit"] == "bytes"
    assert measured["disk"][0]["value"] > 10**6
