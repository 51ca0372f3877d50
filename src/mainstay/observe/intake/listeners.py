"""Every protocol that listens on a socket of its own. One line each; a setting names the address, empty is off."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from mainstay.core.settings import current
from mainstay.observe.intake import forward, syslog
from mainstay.observe.intake.auth import Senders
from mainstay.observe.intake.forward.serve import conversation
from mainstay.observe.intake.gelf import listen as gelf
from mainstay.observe.intake.listening.framers import Delimited, Syslog
from mainstay.observe.intake.listening.gather import Decode, Frame, Gatherer
from mainstay.observe.intake.listening.servers import Serve, Server, TcpServer, UdpServer, framed

InThread = Callable[..., Awaitable[Any]]


@dataclass
class Listener:
    """One address that is listened on. ``gatherer`` is absent where each request is kept by itself."""

    name: str
    server: Server
    gatherer: Gatherer | None = None

    async def start(self) -> None:
        """Listen. Raises ``OSError`` or ``ValueError`` when it cannot."""
        await self.server.start()
        if self.gatherer is not None:
            self.gatherer.start()

    async def stop(self) -> None:
        """Take no more, and keep what came."""
        await self.server.stop()
        if self.gatherer is not None:
            await self.gatherer.close()

    def problem(self) -> str:
        """Why what comes cannot be kept just now; empty when it can."""
        if isinstance(self.server, UdpServer):
            self.server.count_drops()
        return self.gatherer.problem if self.gatherer is not None else ""


def _gatherer(protocol: str, decode: Decode) -> Gatherer:
    return Gatherer(protocol, decode, current().listener_buffer_mb * 1_000_000)


def _udp(protocol: str, decode: Decode, taking: Callable[[Gatherer], Callable[[bytes, str], object]]) -> "Make":
    def make(address: str, senders: Senders, in_thread: InThread) -> Listener:
        del senders, in_thread
        gatherer = _gatherer(protocol, decode)
        return Listener(protocol, UdpServer(protocol, address, taking(gatherer)), gatherer)

    return make


def _tcp(protocol: str, decode: Decode, serving: Callable[[Gatherer], Serve], *, tls: bool) -> "Make":
    def make(address: str, senders: Senders, in_thread: InThread) -> Listener:
        del senders, in_thread
        gatherer = _gatherer(protocol, decode)
        return Listener(protocol, TcpServer(protocol, address, serving(gatherer), tls=tls), gatherer)

    return make


def _grpc(protocol: str, *, tls: bool) -> "Make":
    def make(address: str, senders: Senders, in_thread: InThread) -> Listener:
        # gRPC brings threads of its own, which a process without it should not have.
        from mainstay.observe.intake.otlp.grpc_server import GrpcServer

        return Listener(protocol, GrpcServer(address, senders, in_thread, tls=tls))

    return make


def _one_by_one(gatherer: Gatherer) -> Callable[[bytes, str], object]:
    return lambda data, sender: gatherer.offer(Frame(sender, data, len(data)))


def _longest() -> int:
    return int(current().listener_max_message_kb) * 1000


def _syslog(gatherer: Gatherer) -> Serve:
    return framed(gatherer, lambda: Syslog(_longest()))


def _gelf(gatherer: Gatherer) -> Serve:
    return framed(gatherer, lambda: Delimited(b"\x00", _longest()))


Make = Callable[[str, Senders, InThread], Listener]
# setting -> what makes its listener
LISTENERS: dict[str, Make] = {
    "syslog_udp_listen": _udp("syslog udp", syslog.decode, _one_by_one),
    "syslog_tcp_listen": _tcp("syslog tcp", syslog.decode, _syslog, tls=False),
    "syslog_tls_listen": _tcp("syslog tls", syslog.decode, _syslog, tls=True),
    "gelf_udp_listen": _udp("gelf udp", gelf.decode, gelf.datagrams),
    "gelf_tcp_listen": _tcp("gelf tcp", gelf.decode, _gelf, tls=False),
    "gelf_tls_listen": _tcp("gelf tls", gelf.decode, _gelf, tls=True),
    "forward_listen": _tcp("forward", forward.decode, conversation, tls=False),
    "forward_tls_listen": _tcp("forward tls", forward.decode, conversation, tls=True),
    "otlp_grpc_listen": _grpc("otlp/grpc", tls=False),
    "otlp_grpc_tls_listen": _grpc("otlp/grpc tls", tls=True),
}
