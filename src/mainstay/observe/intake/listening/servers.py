"""Sockets: connections over TCP with or without TLS, and datagrams."""

import asyncio
import contextlib
import logging
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from mainstay.core.settings import current
from mainstay.observe.intake import counters
from mainstay.observe.intake.listening.gather import Frame, Gatherer

log = logging.getLogger(__name__)

READ = 65_536
# Datagrams that are read before other work of the loop has its turn.
ROUND = 256
RECEIVE_BUFFER = 8 * 1024 * 1024
HANDSHAKE_WITHIN = 15.0
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter, str], Awaitable[None]]


class Server(Protocol):
    """Something that listens."""

    port: int

    async def start(self) -> None:
        """Listen. Raises ``OSError`` when the address cannot be had."""

    async def stop(self) -> None:
        """End, and let go of all connections."""


def host_and_port(address: str) -> tuple[str, int]:
    """The parts of HOST:PORT; an IPv6 address may stand in brackets."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def tls_context() -> ssl.SSLContext:
    """TLS as the settings have it. Raises ``ValueError`` or ``OSError`` with what is missing."""
    conf = current()
    if not conf.intake_tls_cert or not conf.intake_tls_key:
        raise ValueError("set intake_tls_cert and intake_tls_key to the files of the certificate and its key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(conf.intake_tls_cert, conf.intake_tls_key)
    if conf.intake_tls_client_ca:
        context.load_verify_locations(conf.intake_tls_client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class TcpServer:
    """Takes connections, up to a number, and gives each to ``serve``, which returns at its end."""

    def __init__(self, protocol: str, address: str, serve: Serve, *, tls: bool) -> None:
        self._protocol, self._address, self._serve, self._tls = protocol, address, serve, tls
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen."""
        host, port = host_and_port(self._address)
        context = tls_context() if self._tls else None
        within = HANDSHAKE_WITHIN if context else None
        self._server = await asyncio.start_server(
            self._accepted, host, port, ssl=context, ssl_handshake_timeout=within, limit=READ
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """End all connections."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*list(self._tasks), return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        peer = writer.get_extra_info("peername") or ("unknown", 0)
        if task is None or len(self._tasks) >= current().listener_max_connections:
            counters.add(self._protocol, refused=1)
            log.warning("%s: too many connections; %s is refused", self._protocol, peer[0])
            writer.transport.abort()
            return
        self._tasks.add(task)
        try:
            await self._serve(reader, writer, f"{peer[0]}:{peer[1]}")
        except (OSError, EOFError, TimeoutError, ssl.SSLError) as error:
            log.debug("%s: the connection of %s ended: %s", self._protocol, peer[0], error)
        except asyncio.CancelledError:
            log.debug("%s: the connection of %s is ended by us", self._protocol, peer[0])
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(OSError, ssl.SSLError, asyncio.CancelledError):
                await writer.wait_closed()


async def read(reader: asyncio.StreamReader) -> bytes:
    """What has come, empty at the end. Raises ``TimeoutError`` when nothing came for too long."""
    async with asyncio.timeout(current().listener_idle_seconds):
        return await reader.read(READ)


class Framer(Protocol):
    """Cuts a stream of bytes into messages; each with the count of its piece, 0 for one that is whole."""

    def feed(self, data: bytes) -> list[tuple[bytes, int]]:
        """The messages that are complete with this."""

    def end(self) -> list[tuple[bytes, int]]:
        """What is left when the stream has ended."""


def framed(gatherer: Gatherer, make: Callable[[], Framer]) -> Serve:
    """Serve connections that only send, message after message."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sender: str) -> None:
        del writer
        framer = make()
        try:
            while data := await read(reader):
                await gatherer.put([Frame(sender, one, len(one), piece) for one, piece in framer.feed(data)])
        finally:
            for one, piece in framer.end():
                gatherer.offer(Frame(sender, one, len(one), piece))

    return serve


class UdpServer:
    """Takes datagrams. Those that the system dropped because we were too slow are counted too."""

    def __init__(self, protocol: str, address: str, take: Callable[[bytes, str], object]) -> None:
        self._protocol, self._address, self._take = protocol, address, take
        self._socket: socket.socket | None = None
        self._dropped = 0
        self.port = 0

    async def start(self) -> None:
        """Listen."""
        host, port = host_and_port(self._address)
        loop = asyncio.get_running_loop()
        family, kind, proto, _, address = (await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM))[0]
        self._socket = socket.socket(family, kind, proto)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            self._socket.setblocking(False)
            self._socket.bind(address)
        except OSError:
            self._socket.close()
            raise
        self.port = self._socket.getsockname()[1]
        loop.add_reader(self._socket, self._readable)

    def _readable(self) -> None:
        if self._socket is None:
            return
        for _ in range(ROUND):
            try:
                data, peer = self._socket.recvfrom(READ)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                log.warning("%s: %s", self._protocol, error)
                return
            if data:
                self._take(data, peer[0])

    async def stop(self) -> None:
        """Read what has come, and end."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._readable()
            self._socket.close()
            self._socket = None

    def count_drops(self) -> None:
        """Add to the counters what the system has dropped since the last call (the last column of /proc/net/udp)."""
        if self._socket is None:
            return
        inode = str(os.fstat(self._socket.fileno()).st_ino)
        for table in (Path("/proc/net/udp"), Path("/proc/net/udp6")):
            rows = [line.split() for line in table.read_text().splitlines()] if table.exists() else []
            total = next((int(row[-1]) for row in rows if len(row) > 12 and row[9] == inode), 0)
            if total > self._dropped:
                counters.add(self._protocol, dropped=total - self._dropped)
                self._dropped = total
