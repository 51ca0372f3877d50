"""Listeners on real sockets: broken senders do no harm, a full spool makes senders wait, and what was acknowledged is
on disk."""

import asyncio
import hashlib
import json
import os
import socket
import struct
import zlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import msgpack
import pytest

from mainstay.core import settings
from mainstay.observe.intake import counters
from mainstay.observe.intake.auth import Senders
from mainstay.observe.intake.listeners import LISTENERS, Listener
from mainstay.observe.intake.tests.sending import Kept
from mainstay.observe.logs import services as logs
from mainstay.observe.telemetry import services as telemetry

pytestmark = [pytest.mark.once, pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("intake")]


@pytest.fixture
def configure() -> Iterator[Callable[..., None]]:
    before = settings.current()

    def change(**values: Any) -> None:
        settings.use(settings.Loaded({**settings.current().values, **values}, before.origins))

    yield change
    settings.use(before)


async def in_thread(call: Callable[..., Any], *args: Any) -> Any:
    return await asyncio.to_thread(call, *args)


def listening(setting: str, talk: Callable[[Listener], Awaitable[Any]]) -> Any:
    """Run one listener on a free port, talk to it, and stop it."""

    async def run() -> Any:
        listener = LISTENERS[setting]("127.0.0.1:0", Senders(in_thread), in_thread)
        await listener.start()
        try:
            return await asyncio.wait_for(talk(listener), 90)
        finally:
            await listener.stop()

    return asyncio.run(run())


async def send(listener: Listener, *parts: bytes) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", listener.server.port)
    for part in parts:
        writer.write(part)
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def until(look: Callable[[], Any]) -> None:
    while not look():  # noqa: ASYNC110 - what is looked for is on disk or in counters, not in this loop
        await asyncio.sleep(0.02)


async def until_kept(kept: Kept, count: int) -> None:
    await until(lambda: len(kept.bodies()) >= count)


def counts(protocol: str) -> counters.Counts:
    return counters.all_counts().get(protocol, counters.Counts())


class Spool:
    """Stands before the real one and can be full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full, self._accept = True, logs.accept
        monkeypatch.setattr(logs, "accept", self.accept)

    def accept(self, lines: Any) -> int:
        if self.full:
            raise telemetry.SpoolFullError("full")
        return self._accept(lines)


NOISE = [
    b"\x00" * 5000,
    b"\xff\xfe" * 3000,
    os.urandom(20_000),
    b"999999999 ",
    b"<13",
    b"\xc1" * 100,
    b"\xdd\xff\xff\xff\xff",
    b"\x91" * 100_000,
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"{" * 50_000,
    msgpack.packb(["tag", 1, {"a": "b"}])[:-1],
    msgpack.packb(["tag", b"\xc1\xc1"]),
    msgpack.packb(["tag", b"nonsense", {"compressed": "gzip"}]),
    msgpack.packb(["tag", [1, 2], {"chunk": "x"}]),
    msgpack.packb([1, 2, 3]),
    b"\x93\xa3tag\x01\x81\xa1a" + b"\x91" * 1000 + b"\x01",
    b'{"short_message":"deep","_a":' + b"[" * 990 + b"]" * 990 + b"}\x00",
    msgpack.packb({"a": 1}),
]
GOOD = {
    "syslog_tcp_listen": b"<13>1 - h a - - - good\n",
    "gelf_tcp_listen": b'{"short_message":"good","host":"h"}\x00',
    "forward_listen": msgpack.packb(["tag", 1_700_000_000, {"message": "good"}]),
}


@pytest.mark.parametrize("setting", sorted(GOOD))
def test_whatever_comes_the_next_connection_is_served(setting: str, kept: Kept) -> None:
    async def talk(listener: Listener) -> None:
        for noise in NOISE:
            try:
                await send(listener, noise)
            except ConnectionError:
                continue
        await send(listener, GOOD[setting])
        await until(lambda: "good" in kept.bodies())

    listening(setting, talk)


@pytest.mark.parametrize("setting", ["syslog_udp_listen", "gelf_udp_listen"])
def test_whatever_datagram_comes_the_next_is_served(setting: str, kept: Kept) -> None:
    bomb = zlib.compress(b"x" * 30_000_000)
    chunks = [b"\x1e\x0f" + b"12345678" + bytes(pair) + b"x" for pair in ((5, 2), (0, 0), (0, 200), (0, 2))]

    async def talk(listener: Listener) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for data in [*(noise[:60_000] for noise in NOISE), b"\x1e\x0f", *chunks, bomb[:60_000]]:
                sender.sendto(data, ("127.0.0.1", listener.server.port))
            good = GOOD[setting.replace("udp", "tcp")].rstrip(b"\x00")
            sender.sendto(good, ("127.0.0.1", listener.server.port))
            await until(lambda: "good" in kept.bodies())

    listening(setting, talk)


def test_chunks_may_come_in_any_order(kept: Kept) -> None:
    message = zlib.compress(json.dumps({"short_message": "in chunks", "_app": "pay", "level": 3}).encode())
    parts = [message[start : start + 20] for start in range(0, len(message), 20)]

    async def talk(listener: Listener) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for number in reversed(range(len(parts))):
                head = b"\x1e\x0f" + b"abcdefgh" + bytes([number, len(parts)])
                sender.sendto(head + parts[number], ("127.0.0.1", listener.server.port))
            await until_kept(kept, 1)

    listening("gelf_udp_listen", talk)
    (row,) = kept.rows()
    assert (row["body"], row["service"], row["level"]) == ("in chunks", "pay", "error")


def test_a_full_spool_makes_connections_wait_and_loses_nothing(
    kept: Kept, configure: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(listener_buffer_mb=1)
    spool = Spool(monkeypatch)
    text = "x" * 1000
    messages = [f"<13>1 - h a - - - {number:06d} {text}\n".encode() for number in range(10_000)]

    async def talk(listener: Listener) -> None:
        sending = asyncio.create_task(send(listener, *messages))
        await until(listener.problem)
        assert listener.problem() == "full"
        assert not sending.done(), "10 MB went into a listener that holds 1 MB"
        spool.full = False
        await sending
        await until_kept(kept, len(messages))

    listening("syslog_tcp_listen", talk)
    assert [int(body[:6]) for body in kept.bodies()] == list(range(10_000))


def test_datagrams_that_cannot_be_kept_are_counted(
    configure: Callable[..., None], monkeypatch: pytest.MonkeyPatch, kept: Kept
) -> None:
    configure(listener_buffer_mb=1)
    spool = Spool(monkeypatch)
    before = counts("syslog udp").dropped

    def dropped() -> int:
        return counts("syslog udp").dropped - before

    async def talk(listener: Listener) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(1000):
                sender.sendto(b"<13>" + b"x" * 2000, ("127.0.0.1", listener.server.port))
                await asyncio.sleep(0)
            await until(dropped)
            spool.full = False
            await until_kept(kept, 1)

    listening("syslog_udp_listen", talk)
    assert len(kept.rows()) + dropped() == 1000


EVENTS = [[msgpack.ExtType(0, struct.pack(">II", 1_700_000_000, 5_000)), {"message": f"event {n}"}] for n in range(3)]
PACKED = b"".join(msgpack.packb(event) for event in EVENTS)
GZIP = zlib.compressobj(wbits=31)
ZIPPED = GZIP.compress(PACKED) + GZIP.flush()


@pytest.mark.parametrize(
    "message",
    [
        ["tag", EVENTS, {"chunk": "c1"}],
        ["tag", PACKED, {"chunk": "c1", "size": 3}],
        ["tag", PACKED.decode("latin-1").encode("latin-1"), {"chunk": "c1"}],
        ["tag", ZIPPED, {"chunk": "c1", "compressed": "gzip"}],
        ["tag", [[[one[0], {"meta": 1}], one[1]] for one in EVENTS], {"chunk": "c1"}],
    ],
)
def test_every_form_of_forward_is_acknowledged_when_it_is_on_disk(message: Any, kept: Kept) -> None:
    async def talk(listener: Listener) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.server.port)
        writer.write(msgpack.packb(message))
        unpacker = msgpack.Unpacker()
        unpacker.feed(await reader.read(1000))
        assert unpacker.unpack() == {"ack": "c1"}
        assert kept.bodies() == ["event 0", "event 1", "event 2"]
        writer.close()

    listening("forward_listen", talk)
    assert {(row["service"], row["time"]) for row in kept.rows()} == {("tag", 1_700_000_000_000_005)}


def test_a_forward_of_old_clients_packs_into_text(kept: Kept) -> None:
    old = msgpack.Packer(use_bin_type=False)
    listening("forward_listen", lambda listener: send(listener, old.pack(["tag", old.pack([5, {"message": "\xff"}])])))
    assert kept.bodies() == ["\xff"]


@pytest.mark.parametrize("key", ["sesame", "wrong"])
def test_a_shared_key_is_asked_for_and_proved(key: str, kept: Kept, configure: Callable[..., None]) -> None:
    configure(forward_shared_key="sesame")

    def digest(*parts: bytes) -> str:
        return hashlib.sha512(b"".join(parts)).hexdigest()

    async def talk(listener: Listener) -> Any:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.server.port)
        unpacker = msgpack.Unpacker()
        unpacker.feed(await reader.read(1000))
        helo = unpacker.unpack()
        assert helo[0] == "HELO"
        nonce = helo[1]["nonce"]
        proof = digest(b"salt", b"client", nonce, key.encode())
        writer.write(msgpack.packb(["PING", "client", b"salt", proof, "", ""]))
        writer.write(msgpack.packb(["tag", 1, {"message": "secret"}]))
        unpacker.feed(await reader.read(1000))
        pong = unpacker.unpack()
        if pong[1]:
            assert pong[4] == digest(b"salt", pong[3].encode(), nonce, b"sesame")
            await until_kept(kept, 1)
        writer.close()
        return pong[1]

    assert listening("forward_listen", talk) is (key == "sesame")
    assert kept.bodies() == (["secret"] if key == "sesame" else [])


def test_beyond_the_number_of_connections_new_ones_are_refused(kept: Kept, configure: Callable[..., None]) -> None:
    configure(listener_max_connections=1)

    async def talk(listener: Listener) -> None:
        _, first = await asyncio.open_connection("127.0.0.1", listener.server.port)
        first.write(b"<13>one\n")
        await until_kept(kept, 1)
        reader, second = await asyncio.open_connection("127.0.0.1", listener.server.port)
        assert await reader.read(1) == b""
        first.close()
        second.close()

    listening("syslog_tcp_listen", talk)
    assert kept.bodies() == ["one"]


def test_a_silent_connection_is_ended(configure: Callable[..., None]) -> None:
    configure(listener_idle_seconds=0.1)

    async def talk(listener: Listener) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.server.port)
        assert await reader.read(1) == b""
        writer.close()

    listening("syslog_tcp_listen", talk)


def test_what_came_before_the_stop_is_kept(kept: Kept) -> None:
    async def talk(listener: Listener) -> None:
        before = counts("syslog tcp").bytes
        _, writer = await asyncio.open_connection("127.0.0.1", listener.server.port)
        writer.write(b"<13>one\n<13>without an end")
        await until(lambda: counts("syslog tcp").bytes > before)
        await listener.stop()
        writer.close()

    listening("syslog_tcp_listen", talk)
    assert kept.bodies() == ["one", "without an end"]


def test_a_tls_listener_without_a_certificate_says_what_to_set() -> None:
    async def talk(listener: Listener) -> None:
        raise AssertionError("it must not start")

    for setting in ("syslog_tls_listen", "otlp_grpc_tls_listen"):
        with pytest.raises(ValueError, match="intake_tls_cert"):
            listening(setting, talk)
