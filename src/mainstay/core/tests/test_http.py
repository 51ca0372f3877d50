import http.server
import threading
from collections.abc import Iterator

import pytest

from mainstay.core import http as outgoing

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "100.64.0.1",
    ],
)
def test_private_addresses_are_refused(address: str) -> None:
    assert not outgoing.allowed_address(address, ())


@pytest.mark.parametrize(
    ("address", "allowed"), [("10.1.2.3", ("10.1.0.0/16",)), ("8.8.8.8", ()), ("::ffff:10.1.2.3", ("10.1.0.0/16",))]
)
def test_public_addresses_and_named_networks_are_allowed(address: str, allowed: tuple[str, ...]) -> None:
    assert outgoing.allowed_address(address, allowed)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://10.0.0.1/")
            self.end_headers()
            return
        body = b"x" * int(self.path.strip("/") or "0")
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        return


@pytest.fixture
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as one:
        threading.Thread(target=one.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{one.server_port}"
        one.shutdown()


def test_an_answer_comes_back(server: str) -> None:
    assert outgoing.call("GET", f"{server}/5", timeout=5).body == b"xxxxx"


def test_redirects_are_not_followed(server: str) -> None:
    assert outgoing.call("GET", f"{server}/away", timeout=5).status == 302


def test_a_long_answer_is_cut_off_with_an_error(server: str) -> None:
    with pytest.raises(outgoing.OutgoingError, match="more than 10 bytes"):
        outgoing.call("GET", f"{server}/11", timeout=5, max_bytes=10)


def test_a_private_address_that_is_not_named_is_refused(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from mainstay.core import settings

    loaded = settings.current()
    monkeypatch.setattr(
        outgoing, "current", lambda: settings.Loaded({**loaded.values, "outgoing_private": ()}, loaded.origins)
    )
    with pytest.raises(outgoing.OutgoingError, match="private address") as caught:
        outgoing.call("GET", server, timeout=5)
    assert caught.value.permanent
