"""Logs from daemons and from clients that speak over sockets of their own: each sends for real."""

import logging
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mainstay.faces.bench.installation import free_port
from tests.parts import need, until
from tests.system.conftest import Taking
from tests.system.sent import sql, wait_for

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("taking")]


def log(*words: str) -> None:
    subprocess.run([need("logger"), *words], check=True, timeout=20)


@pytest.mark.parametrize("style", ["--rfc5424", "--rfc3164"])
def test_logger_by_udp(taking: Taking, style: str) -> None:
    log(
        "-n",
        "127.0.0.1",
        "-P",
        taking.ports["SYSLOG_UDP"],
        "-d",
        style,
        "-t",
        "nightly",
        "-p",
        "local0.err",
        f"udp {style}",
    )
    (line,) = wait_for(taking.here, f"udp {style}")
    assert (line.service, line.level, line.source, line.body) == ("nightly", "error", "syslog", f"udp {style}")
    assert line.attributes["syslog.facility.name"] == "local0"
    assert abs(line.micros / 1e6 - time.time()) < 120


@pytest.mark.parametrize("framing", [["--octet-count"], []])
def test_logger_by_tcp(taking: Taking, framing: list[str]) -> None:
    text = f"tcp {framing or 'newline'}"
    data = ["--rfc5424", "--sd-id", "order@1", "--sd-param", 'number="17"', "--msgid", "M1"]
    log("-n", "127.0.0.1", "-P", taking.ports["SYSLOG_TCP"], "-T", *framing, *data, "-t", "nightly", "-i", text)
    (line,) = wait_for(taking.here, text.replace("'", "\\'"))
    assert (line.service, line.level) == ("nightly", "info")
    assert (line.attributes["order@1.number"], line.attributes["syslog.msg.id"]) == ("17", "M1")
    assert line.attributes["process.pid"].isdigit()


@contextmanager
def rsyslog(tmp_path: Path, *rules: str) -> Iterator[str]:
    """A running rsyslog with these rules; yields its port for messages."""
    port = free_port()
    head = ['module(load="imudp")', f'input(type="imudp" address="127.0.0.1" port="{port}")']
    file, pid, said = tmp_path / "rsyslog.conf", tmp_path / "rsyslog.pid", tmp_path / "rsyslog.log"
    own = f'global(workDirectory="{tmp_path}")'
    file.write_text("\n".join([own, *head, *rules, ""]))
    command = [need("rsyslogd", "/usr/sbin/rsyslogd"), "-n", "-i", str(pid), "-f", str(file)]
    with said.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        until("rsyslog to listen", lambda: listens(port) or process.poll() is not None)
        assert process.poll() is None, said.read_text()
        yield str(port)
    finally:
        process.terminate()
        process.wait(20)


def listens(port: int) -> bool:
    return any(line.split()[1].endswith(f":{port:04X}") for line in Path("/proc/net/udp").read_text().splitlines()[1:])


def forwards(port: str, form: str, more: str = "") -> str:
    return f'action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" template="{form}" {more})'


@pytest.mark.parametrize(
    "form", ["RSYSLOG_SyslogProtocol23Format", "RSYSLOG_ForwardFormat", "RSYSLOG_TraditionalForwardFormat"]
)
@pytest.mark.parametrize("framing", ["octet-counted", "traditional"])
def test_rsyslog_forwards(taking: Taking, tmp_path: Path, form: str, framing: str) -> None:
    text = f"{form} {framing}"
    with rsyslog(tmp_path, forwards(taking.ports["SYSLOG_TCP"], form, f'TCP_Framing="{framing}"')) as port:
        log("-n", "127.0.0.1", "-P", port, "-d", "-t", "billing", "-p", "user.warning", "--id=4711", text)
        (line,) = wait_for(taking.here, text)
    assert (line.service, line.level, line.body) == ("billing", "warning", text)
    assert line.attributes["process.pid"] == "4711"
    assert abs(line.micros / 1e6 - time.time()) < 120


def test_rsyslog_forwards_by_tls(taking: Taking, tmp_path: Path) -> None:
    need(
        "rsyslog-gnutls",
        "/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_gtls.so",
        "/usr/lib/aarch64-linux-gnu/rsyslog/lmnsd_gtls.so",
    )
    rule = forwards(
        taking.ports["SYSLOG_TLS"],
        "RSYSLOG_SyslogProtocol23Format",
        'StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name" '
        'StreamDriverPermittedPeers="localhost"',
    )
    authority = f'global(DefaultNetstreamDriverCAFile="{taking.certificate}")'
    with rsyslog(tmp_path, authority, rule) as port:
        log("-n", "127.0.0.1", "-P", port, "-d", "-t", "billing", "by rsyslog with TLS")
        assert wait_for(taking.here, "by rsyslog with TLS")[0].service == "billing"


def test_syslog_by_tls_from_python(taking: Taking) -> None:
    import socket

    context = ssl.create_default_context(cafile=str(taking.certificate))
    with (
        socket.create_connection(("127.0.0.1", int(taking.ports["SYSLOG_TLS"]))) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        secure.sendall(b"<11>1 - web-1 shop 5 - - by Python with TLS\n")
    (line,) = wait_for(taking.here, "by Python with TLS")
    assert (line.service, line.level, line.stream) == ("shop", "error", "web-1/shop/5")


def test_pythons_own_handler(taking: Taking) -> None:
    from logging.handlers import SysLogHandler

    handler = SysLogHandler(("127.0.0.1", int(taking.ports["SYSLOG_UDP"])))
    handler.setFormatter(logging.Formatter("shop[%(process)d]: %(message)s"))
    handler.emit(logging.LogRecord("a", logging.ERROR, "", 0, "SysLogHandler says no", None, None))
    handler.close()
    (line,) = wait_for(taking.here, "SysLogHandler says no")
    assert (line.service, line.level, line.attributes["host.name"]) == ("shop", "error", "127.0.0.1")


def test_rsyslog_to_elasticsearch(taking: Taking, tmp_path: Path) -> None:
    here = taking.here
    fields = "".join(
        f'property(outname="{name}" name="{source}" {more} format="jsonf")'
        for name, source, more in (
            ("@timestamp", "timereported", 'dateFormat="rfc3339"'),
            ("host.name", "hostname", ""),
            ("log.level", "syslogseverity-text", ""),
            ("service.name", "programname", ""),
            ("message", "msg", ""),
        )
    )
    rules = [
        'module(load="omelasticsearch")',
        f'template(name="doc" type="list" option.jsonf="on") {{ {fields} }}',
        f'action(type="omelasticsearch" server="127.0.0.1" serverport="{here.port}" uid="any" pwd="{here.token}"',
        'template="doc" searchIndex="syslog" searchType="" bulkmode="on" action.resumeInterval="1")',
    ]
    with rsyslog(tmp_path, *rules) as port:
        log("-n", "127.0.0.1", "-P", port, "-d", "-t", "billing", "-p", "user.err", "by omelasticsearch")
        (line,) = wait_for(here, "by omelasticsearch")
    assert (line.service, line.level, line.source) == ("billing", "error", "elasticsearch")


def test_systemd_journal_upload(taking: Taking, tmp_path: Path) -> None:
    here, place = taking.here, "/lib/systemd"
    journal = tmp_path / "x.journal"
    entry = (
        "__CURSOR=a\n__REALTIME_TIMESTAMP=1795414500123456\n__MONOTONIC_TIMESTAMP=1\n"
        "_BOOT_ID=00000000000000000000000000000001\nPRIORITY=3\n_HOSTNAME=db-1\n_PID=77\n"
        "_SYSTEMD_UNIT=postgresql.service\nMESSAGE=journald cannot write\n\n"
    )
    remote = need("systemd-journal-remote", f"{place}/systemd-journal-remote")
    subprocess.run([remote, "-o", str(journal), "-"], input=entry.encode(), check=True, timeout=20, capture_output=True)
    address = f"http://any:{here.token}@127.0.0.1:{here.port}"
    upload = [
        need("systemd-journal-upload", f"{place}/systemd-journal-upload"),
        f"--url={address}",
        f"--file={journal}",
    ]
    subprocess.run([*upload, "--follow=no"], check=True, timeout=20, capture_output=True)
    (line,) = wait_for(here, "journald cannot write")
    assert (line.service, line.level, line.stream) == ("postgresql", "error", "db-1/postgresql/77")
    assert line.micros == 1_795_414_500_123_456


def gelf_record() -> logging.LogRecord:
    return logging.LogRecord("shop", logging.ERROR, "", 0, "", None, None)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("GelfTcpHandler", {"port": "GELF_TCP"}),
        ("GelfTlsHandler", {"port": "GELF_TLS"}),
        ("GelfUdpHandler", {"port": "GELF_UDP"}),
        ("GelfUdpHandler", {"port": "GELF_UDP", "compress": False, "chunk_size": 60}),
    ],
)
def test_pygelf(taking: Taking, name: str, options: dict[str, object]) -> None:
    import pygelf

    text = f"{name} {'chunked' if 'chunk_size' in options else 'whole'}"
    port = int(taking.ports[str(options["port"])])
    made = getattr(pygelf, name)(**{**options, "host": "127.0.0.1", "port": port}, _app_name="tax", debug=True)
    logger = logging.getLogger(text)
    logger.propagate = False
    logger.addHandler(made)
    try:
        raise ValueError("no rate for XX")
    except ValueError:
        logger.exception(text)
    logger.removeHandler(made)
    made.close()
    (line,) = wait_for(taking.here, text)
    assert (line.service, line.level, line.source) == ("tax", "error", "gelf")
    assert "ValueError: no rate for XX" in line.body
    assert line.attributes["logger.name"] == text


def test_fluent_logger(taking: Taking) -> None:
    from fluent import asyncsender, sender

    port = int(taking.ports["FORWARD"])
    plain = sender.FluentSender("shop", host="127.0.0.1", port=port, nanosecond_precision=True)
    assert plain.emit("basket", {"message": "fluent-logger is here", "level": "error", "order": 17})
    plain.close()
    slow = asyncsender.FluentSender("shop", host="127.0.0.1", port=port)
    for number in range(200):
        slow.emit("basket", {"message": f"fluent-async {number}"})
    slow.close()
    (line,) = wait_for(taking.here, "fluent-logger is here")
    assert (line.service, line.level, line.attributes["order"]) == ("shop.basket", "error", "17")
    assert abs(line.micros / 1e6 - time.time()) < 120
    wait_for(taking.here, "fluent-async", 200)


@pytest.mark.parametrize("tls", [False, True])
def test_otlp_by_grpc(taking: Taking, tls: bool) -> None:
    import grpc
    from opentelemetry._logs import LogRecord, SeverityNumber
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
    from opentelemetry.sdk.resources import Resource

    exporter = OTLPLogExporter(
        f"localhost:{taking.ports['OTLP_GRPC_TLS' if tls else 'OTLP_GRPC']}",
        insecure=not tls,
        credentials=grpc.ssl_channel_credentials(taking.certificate.read_bytes()) if tls else None,
        headers={"authorization": f"Bearer {taking.here.token}"},
    )
    provider = LoggerProvider(Resource({"service.name": "pay"}))
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    provider.get_logger("test").emit(LogRecord(severity_number=SeverityNumber.ERROR, body=f"by gRPC, TLS {tls}"))
    provider.shutdown()
    (line,) = wait_for(taking.here, f"by gRPC, TLS {tls}")
    assert (line.service, line.level, line.source) == ("pay", "error", "otlp")


def test_metrics_by_grpc(taking: Taking) -> None:
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    headers = {"authorization": f"Bearer {taking.here.token}"}
    exporter = OTLPMetricExporter(f"localhost:{taking.ports['OTLP_GRPC']}", insecure=True, headers=headers)
    provider = MeterProvider([PeriodicExportingMetricReader(exporter, export_interval_millis=60_000)])
    provider.get_meter("test").create_gauge("grpc_level").set(7.5)
    provider.force_flush()
    provider.shutdown()
    query = "SELECT value FROM samples WHERE series_id IN (SELECT id FROM series WHERE name = 'grpc_level')"
    assert until("the sample", lambda: sql(taking.here, query))[0] == [7.5]


def test_spans_by_grpc(taking: Taking) -> None:
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    headers = {"authorization": f"Bearer {taking.here.token}"}
    exporter = OTLPSpanExporter(f"localhost:{taking.ports['OTLP_GRPC']}", insecure=True, headers=headers)
    provider = TracerProvider(resource=Resource({"service.name": "grpc-traced"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("test").start_as_current_span("by gRPC"):
        pass
    provider.shutdown()
    query = "SELECT operation, kind FROM spans WHERE service = 'grpc-traced'"
    assert until("the span", lambda: sql(taking.here, query)) == [["by gRPC", "internal"]]


def test_what_came_is_seen_by_the_doctor(taking: Taking) -> None:
    log("-n", "127.0.0.1", "-P", taking.ports["SYSLOG_UDP"], "-d", "for the doctor")
    wait_for(taking.here, "for the doctor")

    def seen() -> bool:
        # Other checks may fail meanwhile: a rule has no table before the first sample.
        done = subprocess.run(
            [sys.executable, "-m", "mainstay", "doctor", "--json"],
            env=taking.here.env,
            capture_output=True,
            text=True,
            check=False,
        )
        return "syslog udp lines" in done.stdout

    assert until("the doctor to see it", seen)
