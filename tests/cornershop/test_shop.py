"""The shop opens, sells, logs in its styles, and leaves nothing behind."""

import http.server
import json
import os
import re
import signal
import socket
import ssl
import threading
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from cornershop.changes import ChangeReporter
from cornershop.faults import FAULTS
from cornershop.layout import Plan, Shop
from tests.cornershop.shop import Running, alive, cornershop, free_base_port, total, until

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("shop")]

TRACE = r"[0-9a-f]{32}"


def test_opens_and_is_calm(shop: Running) -> None:
    until("orders", lambda: total(shop.scrape(), "orders", "orders_placed_total") >= 10)
    samples = shop.scrape()
    for service in ("storefront", "orders", "payments", "stock"):
        assert total(samples, service, "http_requests_total", status="2..") > 0
        assert total(samples, service, "build_info", version="4.1.7") == 1
        assert total(samples, service, "process_resident_memory_bytes") > 0
    assert total(samples, "orders", "orders_reconciliation_mismatches") == 0
    assert b"Earl Grey" in shop.get("storefront", "/")
    assert json.loads(shop.get("payments", "/healthz"))["status"] == "ok"


def test_series_do_not_grow_with_paths(shop: Running) -> None:
    for number in range(5):
        with pytest.raises(OSError, match="404"):
            shop.get("storefront", f"/wp-admin/{number}")
    paths = {labels["path"] for name, labels, _ in shop.scrape()["storefront"] if name == "http_requests_total"}
    assert paths == {"/", "/product/{sku}", "/checkout", "other"}


def test_logs_in_five_styles_with_one_trace(shop: Running) -> None:
    until("a settlement", lambda: "END rc=0" in shop.log("settlement"))
    charge = until("a charge", lambda: re.search(rf'msg="charge captured" .*trace=({TRACE})', shop.log("payments")))
    trace = charge[1]
    until("the order", lambda: f'"msg": "order handed to the warehouse", "trace_id": "{trace}"' in shop.log("orders"))
    until("the page", lambda: trace in shop.log("storefront"))

    for line in shop.log("orders").splitlines():
        entry = json.loads(line)
        assert {"ts", "level", "service", "msg", "trace_id"} <= set(entry)
        assert datetime.fromisoformat(entry["ts"]).tzinfo is not None
    access = rf'127\.0\.0\.1 - \S+ \[\S+ \+0000\] "\w+ \S+ HTTP/1\.1" \d+ \d+ "-" "[^"]*" rt=\d+\.\d{{3}} trace={TRACE}'
    assert all(re.fullmatch(access, line) for line in shop.log("storefront").splitlines())
    logfmt = r'ts=\S+ level=\w+ msg=(\w+|"[^"]+")( \w+=([^" ]+|"([^"\\]|\\.)*"))+'
    assert all(re.fullmatch(logfmt, line) for line in shop.log("payments").splitlines())
    assert re.search(rf"(?m)^[-\d]+ [\d:]+,\d{{3}} INFO    \[{trace}\] cornershop\.stock: reserved", shop.log("stock"))
    assert re.search(
        rf"(?m)^\S+ \S+ SETTLEMENT settled \d+ payments, total \d+\.\d\d EUR \(trace {TRACE}\)", shop.log("settlement")
    )


def test_everything_is_documented(shop: Running) -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "demo-shop.md").read_text()
    names = {re.sub("_(bucket|sum|count)$", "", name) for series in shop.scrape().values() for name, _, _ in series}
    missing = {name for name in names if f"`{name}`" not in page and not name.startswith("process_")}
    assert not missing
    assert all(f"| `{fault}` |" in page for fault in FAULTS)


def test_https_serves_the_certificate(shop: Running) -> None:
    context = ssl.create_default_context(cafile=str(shop.root / "tls" / "storefront.pem"))
    port = shop.info()["services"]["storefront"]["tls_port"]
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        tls.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        certificate = tls.getpeercert()
        assert tls.recv(100).startswith(b"HTTP/1.1 200")
    assert certificate
    expiry = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    assert expiry == total(shop.scrape(), "storefront", "tls_certificate_expiry_timestamp_seconds")


def test_starts_a_dead_process_again(shop: Running) -> None:
    old = shop.info()["services"]["stock"]["pid"]
    os.kill(old, signal.SIGKILL)
    until("a new pid", lambda: shop.info()["services"]["stock"]["pid"] != old)
    until("an answer", lambda: shop.command("status").returncode == 0)


def test_refuses_what_cannot_be_done(shop: Running, tmp_path: Path) -> None:
    again = cornershop("up", "--dir", str(shop.root))
    assert (again.returncode, "running" in again.stderr) == (2, True)
    port = str(shop.base)
    taken = cornershop("up", "--dir", str(tmp_path), "--base-port", port)
    assert taken.returncode == 2
    assert f"port {port} (storefront) cannot be used: Address already in use" in taken.stderr
    assert "no such fault: rain; there are: slow-database," in shop.command("break", "rain").stderr
    assert "there is no shop in" in cornershop("break", "full-disk", "--dir", str(tmp_path / "none")).stderr


def test_kill_nine_takes_the_children_along(tmp_path: Path) -> None:
    running = Running(tmp_path / "shop")
    pids = running.pids()
    assert len(pids) == 7
    running.stop(signal.SIGKILL)
    until("no process is left", lambda: not any(alive(pid) for pid in pids), 5)
    again = Running(tmp_path / "shop")
    assert again.stop(signal.SIGINT) == 0
    assert not (tmp_path / "shop" / "shop.json").exists()


class _Hook(http.server.BaseHTTPRequestHandler):
    seen: ClassVar[list[tuple[str | None, dict[str, Any]]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.headers["Authorization"], json.loads(body)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_change_events_reach_a_web_hook(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    with http.server.HTTPServer(("127.0.0.1", 0), _Hook) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/changes"
        reporter = ChangeReporter(Shop(tmp_path, Plan()), url, token)
        reporter.report("config", "payments", "provider_timeout_ms 2000 -> 35", diff="-2000\n+35\n")
        server.shutdown()
        thread.join()
    authorization, event = _Hook.seen[-1]
    assert authorization == "Bearer s3cret"
    assert (event["kind"], event["service"], event["by"]) == ("config", "payments", "deploy-bot")
    assert datetime.fromisoformat(event["time"]).tzinfo is not None
    assert json.loads((tmp_path / "changes.log").read_text()) == event

    closed = f"http://127.0.0.1:{free_base_port()}/"
    ChangeReporter(Shop(tmp_path, Plan()), closed).report("deploy", "stock", "deploy stock 4.1.7 -> 4.1.8")
    assert "warning: the change event was not delivered" in capsys.readouterr().err
