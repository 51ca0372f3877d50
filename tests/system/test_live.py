"""Real processes, real senders: what comes in at one end pages somebody at the other."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import StatusCode

from mainstay.faces.bench.installation import Installation, MailServer, free_port
from tests.parts import need, until
from tests.system.sent import sql

pytestmark = [pytest.mark.once, pytest.mark.either, pytest.mark.xdist_group("live")]
Live = tuple[Installation, MailServer]


def rows(here: Installation, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(here.command(*words, "--json"))
    return found


def mail_about(server: MailServer, text: str) -> Callable[[], Any]:
    return lambda: next((mail for mail in server.mails if text in mail.subject), None)


def test_an_alert_posted_to_the_api_becomes_a_mail(live: Live) -> None:
    here, server = live
    labels = {"alertname": "posted", "service": "pay", "incident_group": "posted"}
    assert here.post("/api/v2/alerts", [{"labels": labels, "annotations": {"summary": "Posted by hand"}}]) == 200
    mail = until("a mail", mail_about(server, "Posted by hand"))
    assert mail.to == "ana@bench.example"
    assert "Checkout" in mail.body


def test_metrics_of_the_official_exporter_breach_a_rule_and_the_end_restores(live: Live) -> None:
    here, server = live
    exporter = OTLPMetricExporter(f"{here.url}/v1/metrics", headers={"Authorization": f"Bearer {here.token}"})
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=60_000)
    provider = MeterProvider([reader], Resource({"service.name": "pay"}))
    gauge = provider.get_meter("test").create_gauge("temperature", "Cel")
    gauge.set(41.5, {"room": "cellar"})
    provider.force_flush()
    title = "Room cellar is too hot"
    assert title in until("a mail", mail_about(server, title)).subject
    gauge.set(20.0, {"room": "cellar"})
    provider.force_flush()
    until(
        "the incident to be restored",
        lambda: [
            one for one in rows(here, "incidents", "list") if one["title"] == title and one["state"] == "restored"
        ],
    )
    provider.shutdown()


def test_log_lines_of_the_official_exporter_can_be_read(live: Live) -> None:
    here, _ = live
    exporter = OTLPLogExporter(f"{here.url}/v1/logs", headers={"Authorization": f"Bearer {here.token}"})
    provider = LoggerProvider(Resource({"service.name": "pay"}))
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    record = LogRecord(severity_number=SeverityNumber.ERROR, body="cannot charge order o-17")
    provider.get_logger("test").emit(record)
    provider.shutdown()
    found = until("the line", lambda: sql(here, "SELECT service, level, body FROM log_lines WHERE body LIKE '%o-17%'"))
    assert found == [["pay", "error", "cannot charge order o-17"]]


def test_spans_of_the_official_exporter_are_kept(live: Live) -> None:
    here, _ = live
    exporter = OTLPSpanExporter(f"{here.url}/v1/traces", headers={"Authorization": f"Bearer {here.token}"})
    provider = TracerProvider(resource=Resource({"service.name": "pay"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("charge"), tracer.start_as_current_span("ask the bank") as inner:
        inner.set_status(StatusCode.ERROR, "no answer")
        inner.set_attribute("peer", "bank")
    provider.shutdown()
    query = (
        "SELECT operation, failed, message, attributes['peer'], parent_id = '' FROM spans "
        "WHERE service = 'pay' ORDER BY operation"
    )
    found = until("both spans", lambda: [rows for rows in [sql(here, query)] if len(rows) == 2])
    assert found[0] == [["ask the bank", 1, "no answer", "bank", 0], ["charge", 0, "", "", 1]]


def test_the_engine_asks_for_its_password(live: Live) -> None:
    here, _ = live
    place = json.loads((here.home / "data" / "run" / "engine.json").read_text())
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"http://127.0.0.1:{place['port']}/?query=SELECT+1", timeout=5)
    with caught.value:
        assert caught.value.code == 403


def test_a_real_prometheus_names_mainstay_as_its_alertmanager(live: Live, tmp_path: Path) -> None:
    here, server = live
    prometheus = need("prometheus")
    port = free_port()
    (tmp_path / "token").write_text(here.token)
    (tmp_path / "rules.yml").write_text(
        "groups: [{name: g, interval: 1s, rules: [{alert: FromPrometheus, expr: vector(1) > 0, "
        "labels: {service: pay, incident_group: prometheus}, annotations: {summary: Sent by Prometheus}}]}]"
    )
    (tmp_path / "prometheus.yml").write_text(
        f"""
global: {{evaluation_interval: 1s}}
rule_files: [rules.yml]
alerting:
  alertmanagers:
    - api_version: v2
      authorization: {{credentials_file: {tmp_path / "token"}}}
      static_configs: [{{targets: ['127.0.0.1:{here.port}']}}]
"""
    )
    command = [prometheus, f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/tsdb"]
    # It learns of its alertmanager some seconds after its first alert, and would repeat that after a minute.
    command.append("--rules.alert.resend-delay=1s")
    process = subprocess.Popen(
        [*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until("a mail", mail_about(server, "Sent by Prometheus"), 30)
    finally:
        process.terminate()
        process.wait(20)
    (alert,) = [one for one in rows(here, "alerts", "list") if one["name"] == "FromPrometheus"]
    assert (alert["service"], alert["source"]) == ("pay", "alertmanager")


def test_the_agent_follows_a_file_through_rotation_and_a_restart(live: Live, tmp_path: Path) -> None:
    here, _ = live
    log, checkpoint, token = tmp_path / "app.log", tmp_path / "places.json", tmp_path / "token"
    token.write_text(here.token)
    now = datetime.now(UTC)
    log.write_text(f"{now:%F %T},000 ERROR first line\nTraceback (most recent call last):\n  File x\n")
    words = [
        "tail",
        f"pay={log}*",
        "--to",
        here.url,
        "--token-file",
        str(token),
        "--checkpoint",
        str(checkpoint),
        "--once",
    ]
    here.command(*words)
    log.rename(tmp_path / "app.log.1")
    log.write_text(f"{now:%F %T},500 INFO second line\n")
    here.command(*words)
    here.command(*words)
    until("both lines", lambda: len(lines(here)) == 2)
    assert [level for level, _ in lines(here)] == ["error", "info"]
    assert lines(here)[0][1].endswith("File x")


def lines(here: Installation) -> list[list[Any]]:
    wanted = "body LIKE '%first line%' OR body LIKE '%second line%'"
    return sql(here, f"SELECT level, body FROM log_lines WHERE {wanted} ORDER BY time")


def test_one_process_that_dies_is_started_again(live: Live) -> None:
    here, _ = live
    before = here.pids()
    assert set(before) == {"web", "worker", "engine"}
    os.kill(before["worker"], signal.SIGKILL)
    after = until(
        "a new worker", lambda: [pids for pids in [here.pids()] if pids.get("worker") not in {None, before["worker"]}]
    )
    assert after[0]["engine"] == before["engine"]


def test_doctor_finds_an_installation_well(live: Live) -> None:
    here, _ = live
    found = {row["check"]: row for row in rows(here, "doctor")}
    assert all(row["ok"] for row in found.values()), found


def test_a_backup_that_was_taken_while_it_runs_can_be_restored(live: Live, tmp_path: Path) -> None:
    here, _ = live
    assert here.post("/api/v1/changes", {"service": "pay", "summary": "kept in the backup", "id": "b-1"}) == 202
    until("the change", lambda: sql(here, "SELECT id FROM changes WHERE id = 'b-1'"))
    file = tmp_path / "mainstay.backup"
    here.command("backup", str(file))
    assert file.stat().st_mode & 0o077 == 0
    other = Installation(tmp_path, 1)
    other.command("restore", str(file))
    assert other.command("audit", "verify").endswith("each fits the one before it")
    restored = {one["id"]: one["title"] for one in rows(other, "incidents", "list")}
    assert restored
    assert restored.items() <= {one["id"]: one["title"] for one in rows(here, "incidents", "list")}.items()
    other.up()
    try:
        assert sql(other, "SELECT summary FROM changes WHERE id = 'b-1'") == [["kept in the backup"]]
        other.token = here.token
        assert other.post("/api/v2/alerts", [{"labels": {"alertname": "after"}}]) == 200
        until("the alert", lambda: [one for one in rows(other, "alerts", "list") if one["name"] == "after"])
    finally:
        other.stop()


def test_it_stops_cleanly_and_a_second_one_on_the_same_data_is_refused(tmp_path: Path) -> None:
    here = Installation(tmp_path, 1)
    here.command("init", "--admin", "ana@bench.example")
    here.up()
    command = [sys.executable, "-m", "mainstay", "up"]
    second = subprocess.run(command, env=here.env, capture_output=True, text=True, check=False, timeout=30)
    assert second.returncode == 1
    assert "another 'mainstay up' runs" in second.stderr
    pids = here.pids()
    assert here.stop() == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids.values())
