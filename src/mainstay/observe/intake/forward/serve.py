"""One connection of the forward protocol: handshake, messages, acknowledgements."""

import asyncio
import contextlib
import hashlib
import hmac
import logging
import secrets
import socket
from typing import Any

import msgpack

from mainstay.core.settings import current
from mainstay.observe.intake import counters
from mainstay.observe.intake.forward import BROKEN, WrongMessageError, option_of, unpacker
from mainstay.observe.intake.listening.gather import Frame, Gatherer
from mainstay.observe.intake.listening.servers import Serve, read

log = logging.getLogger(__name__)

HANDSHAKE_WITHIN = 10.0
# Of a connection that does not speak the protocol so much is kept, for the operator to see what came.
SHOWN = 4096


class _Messages:
    """The messages of a connection, each with its size."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._limit = current().intake_max_body_mb * 1_000_000
        self._unpacker = unpacker(self._limit)
        self._at = 0
        self.last = b""

    def ready(self) -> Any:
        """The next message that is here as a whole, with its size; nothing when there is none."""
        try:
            message = self._unpacker.unpack()
        except msgpack.OutOfData:
            return None
        except BROKEN as error:
            raise WrongMessageError(f"this is no MessagePack: {error}") from error
        size, self._at = self._unpacker.tell() - self._at, self._unpacker.tell()
        return message, size

    async def more(self) -> bool:
        """Wait for more bytes; false at the end."""
        self.last = await read(self._reader)
        try:
            self._unpacker.feed(self.last)
        except msgpack.BufferFull as error:
            raise WrongMessageError(f"a message is larger than {self._limit // 1_000_000} MB") from error
        return bool(self.last)

    async def next(self) -> Any:
        """The next message alone, for the handshake. Raises ``EOFError`` at the end."""
        while (found := self.ready()) is None:
            if not await self.more():
                raise EOFError("the connection ended during the handshake")
        return found[0]


def conversation(gatherer: Gatherer) -> Serve:
    """Serve connections: what they send goes to the gatherer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sender: str) -> None:
        messages = _Messages(reader)
        try:
            key = current().forward_shared_key
            if key:
                async with asyncio.timeout(HANDSHAKE_WITHIN):
                    await _handshake(messages, writer, key, gatherer.protocol)
            while True:
                await _take(messages, gatherer, writer, sender)
                if not await messages.more():
                    return
        except WrongMessageError as error:
            log.warning("%s: the connection of %s ends: %s", gatherer.protocol, sender, error)
            if not current().forward_shared_key:
                gatherer.offer(Frame(sender, messages.last[:SHOWN], len(messages.last[:SHOWN])))
            counters.add(gatherer.protocol, refused=1)

    return serve


async def _take(messages: _Messages, gatherer: Gatherer, writer: asyncio.StreamWriter, sender: str) -> None:
    """Hand over all messages that are here, wait until they are kept if one asks for it, then acknowledge."""
    frames, acks = [], []
    wrong: WrongMessageError | None = None
    try:
        while (found := messages.ready()) is not None:
            message, size = found
            chunk = option_of(message).get("chunk")
            frames.append(Frame(sender, message, size))
            if chunk is not None:
                acks.append(msgpack.packb({"ack": chunk}, unicode_errors="surrogateescape"))
    except WrongMessageError as error:
        wrong = error
    await gatherer.put(frames, kept=bool(acks))
    if acks:
        writer.write(b"".join(acks))
        with contextlib.suppress(ConnectionError):
            await writer.drain()
    if wrong:
        raise wrong


def _digest(*parts: bytes) -> str:
    return hashlib.sha512(b"".join(parts)).hexdigest()


async def _handshake(messages: _Messages, writer: asyncio.StreamWriter, key: str, protocol: str) -> None:
    """HELO with a nonce, PING that proves the key, PONG that proves it in turn. Raises ``EOFError`` for a wrong one."""
    nonce, name = secrets.token_bytes(16), socket.gethostname()
    writer.write(msgpack.packb(["HELO", {"nonce": nonce, "auth": b"", "keepalive": True}]))
    ping = await messages.next()
    if not isinstance(ping, list) or len(ping) < 4 or ping[0] != "PING":
        raise WrongMessageError("write PING; this listener demands a shared key")
    client, salt, said = (_bytes(one) for one in ping[1:4])
    good = hmac.compare_digest(said, _digest(salt, client, nonce, key.encode()).encode())
    reason = "" if good else "shared_key mismatch"
    proof = _digest(salt, name.encode(), nonce, key.encode()) if good else ""
    writer.write(msgpack.packb(["PONG", good, reason, name, proof]))
    await writer.drain()
    if not good:
        counters.add(protocol, refused=1)
        log.warning("%s: %s does not know the shared key", protocol, client.decode("utf-8", "replace")[:100])
        raise EOFError("wrong shared key")


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
