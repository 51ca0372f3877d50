"""One contract for all channels, against real servers where there are any."""

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from mainstay.core import settings, webhooks
from mainstay.respond.paging.channels import CHANNELS, chat, mail, webhook
from mainstay.respond.paging.message import DeliveryError, Message

MESSAGE = Message(
    subject="P1 INC-7: Käse\nBcc: evil@x.example",
    lines=(("What", "it <b>broke</b>"), ("Where", "Pay")),
    link="https://m.example/a/secret",
    incident="INC-7",
    priority=1,
    person_id=1,
    person_email="ana@x.example",
    data={"incident": 7},
)


@pytest.mark.parametrize("name", CHANNELS)
def test_every_channel_has_the_whole_contract(name: str) -> None:
    channel = CHANNELS[name]
    assert name == channel.NAME
    assert channel.LABEL
    assert channel.HINT.endswith((".", "…"))
    for part in ("check", "mask", "send"):
        assert callable(getattr(channel, part))


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("mail", "", "nobody"),
        ("mail", "ana@x.example", "ana@x.example\r\nBcc: b@x.example"),
        ("web", "", "anything"),
        ("webhook", "https://x.example/hook", "ftp://x.example"),
        ("apprise", "ntfys://ntfy.example/topic", "mailto://a:b@x.example"),
        ("apprise", "slack://tokenA1234/tokenB5678/tokenC90123456789012345678", "file:///etc/passwd"),
    ],
)
def test_addresses_are_checked_when_they_are_set(name: str, good: str, bad: str) -> None:
    CHANNELS[name].check(good)
    with pytest.raises(ValueError, match="."):
        CHANNELS[name].check(bad)


@pytest.mark.parametrize(
    ("name", "address"),
    [("webhook", "https://user:pass@x.example/hook/SECRET?k=SECRET"), ("apprise", "slack://SECRET/SECRET/SECRET")],
)
def test_a_secret_in_an_address_is_never_shown(name: str, address: str) -> None:
    shown = CHANNELS[name].mask(address)
    assert "SECRET" not in shown
    assert "pass" not in shown


class Sink:
    """A mail server that answers what it is told to."""

    def __init__(self) -> None:
        self.answer, self.mails = "250 taken", list[bytes]()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(envelope.content)
        return self.answer


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    from mainstay.faces.bench.installation import free_port

    one = Sink()
    controller = Controller(one, hostname="127.0.0.1", port=free_port())
    controller.start()
    loaded = settings.current()
    values = {**loaded.values, "smtp_host": "127.0.0.1", "smtp_port": controller.port, "smtp_security": "none"}
    monkeypatch.setattr("mainstay.core.smtp.current", lambda: settings.Loaded(values, loaded.origins))
    yield one
    controller.stop()


def test_mail_goes_out_with_its_key_and_cannot_be_given_another_header(sink: Sink) -> None:
    assert mail.send(MESSAGE, "", "key-1") == "250 taken"
    text = sink.mails[0].decode().partition("\r\n\r\n")[0]
    assert "Message-ID: <key-1@localhost>" in text
    assert "To: ana@x.example" in text
    assert "\nBcc:" not in text


@pytest.mark.parametrize(("answer", "permanent"), [("550 no such mailbox", True), ("451 try later", False)])
def test_mail_tells_a_refusal_for_good_from_one_that_passes(sink: Sink, answer: str, permanent: bool) -> None:
    sink.answer = answer
    with pytest.raises(DeliveryError) as caught:
        mail.send(MESSAGE, "", "key-1")
    assert caught.value.permanent is permanent
    assert answer in str(caught.value)


def test_mail_does_not_wait_for_the_answer_to_its_goodbye(monkeypatch: pytest.MonkeyPatch) -> None:
    sent, waited = threading.Event(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        loaded = settings.current()
        port = listening.getsockname()[1]
        values = {**loaded.values, "smtp_host": "127.0.0.1", "smtp_port": port, "smtp_security": "none"}
        monkeypatch.setattr("mainstay.core.smtp.current", lambda: settings.Loaded(values, loaded.origins))
        said: list[bytes] = []

        def serve() -> None:
            connection, _ = listening.accept()
            with connection, connection.makefile("rwb", buffering=0) as stream:
                stream.write(b"220 slow\r\n")
                for line in stream:
                    said.append(line.strip().lower())
                    if said[-1] == b"quit":
                        if not sent.wait(3):
                            waited.set()
                        return
                    if said[-1] == b"data":
                        stream.write(b"354 go on\r\n")
                        while stream.readline() != b".\r\n":
                            continue
                    stream.write(b"250 taken\r\n")

        server = threading.Thread(target=serve)
        server.start()
        assert mail.send(MESSAGE, "", "key-1") == "250 taken"
        sent.set()
        server.join(10)
        assert not waited.is_set()
        assert not server.is_alive()
        assert said[-1] == b"quit"


def test_mail_without_a_server_says_what_to_set() -> None:
    with pytest.raises(DeliveryError, match="smtp_host"):
        mail.send(MESSAGE, "", "key-1")


@pytest.fixture
def hook() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]], list[int]]]:
    seen: list[tuple[dict[str, str], bytes]] = []
    status = [204]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(status[0])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook", seen, status
        server.shutdown()


def test_apprise_hands_a_page_to_a_real_server(
    hook: tuple[str, list[tuple[dict[str, str], bytes]], list[int]],
) -> None:
    hook[2][0] = 200
    address = hook[0].replace("http://", "ntfy://").removesuffix("/hook") + "/alarms"
    assert chat.send(MESSAGE, address, "key-4") == "accepted by the service"
    body = json.loads(hook[1][0][1])
    assert body["topic"] == "alarms"
    assert "Where: Pay" in body["message"]
    hook[2][0] = 500
    with pytest.raises(DeliveryError, match="did not take it") as caught:
        chat.send(MESSAGE, address, "key-4")
    assert "alarms" not in str(caught.value)


def test_apprise_may_not_reach_a_private_network(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = settings.current()
    values = {**loaded.values, "outgoing_private": ()}
    monkeypatch.setattr("mainstay.core.http.current", lambda: settings.Loaded(values, loaded.origins))
    for host in ("localhost:1", "127.0.0.1:1", "10.0.0.1"):
        with pytest.raises(DeliveryError, match="private address"):
            chat.send(MESSAGE, f"ntfy://{host}/alarms", "key-5")


def test_a_webhook_is_signed_and_names_its_key(hook: tuple[str, list[tuple[dict[str, str], bytes]], list[int]]) -> None:
    url, seen, _ = hook
    assert webhook.send(MESSAGE, url, "key-2") == "HTTP 204"
    headers, body = seen[0]
    assert headers["idempotency-key"] == headers["webhook-id"] == "key-2"
    stamp = int(headers["webhook-timestamp"])
    assert headers["webhook-signature"] == webhooks.signature("key-2", stamp, body)
    assert headers["webhook-signature"] != webhooks.signature("key-2", stamp, body + b" ")
    assert json.loads(body)["facts"]["Where"] == "Pay"


@pytest.mark.parametrize(("status", "permanent"), [(404, True), (429, False), (500, False)])
def test_a_webhook_tells_a_refusal_for_good_from_one_that_passes(
    hook: tuple[str, list[tuple[dict[str, str], bytes]], list[int]], status: int, permanent: bool
) -> None:
    hook[2][0] = status
    with pytest.raises(DeliveryError) as caught:
        webhook.send(MESSAGE, hook[0], "key-3")
    assert caught.value.permanent is permanent
