"""Programs on other machines over SSH: keys of hosts are enforced, connections are used again, values travel by stdin.

A program and its values are sent as the input of ``sh``, so that no argument list there shows a value, and nothing is
left on a disk. Quoting is that of POSIX: between single quotation marks every letter but that mark stands for itself.
"""

import asyncio
import re
from contextlib import suppress
from typing import Any

import asyncssh

from mainstay.core import secrets
from mainstay.core.settings import current
from mainstay.restore.runbooks import hosts
from mainstay.restore.runbooks.execution.programs import STEP, LostError, NotBegunError, Program, Sink
from mainstay.restore.runbooks.hosts import Machine

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def quoted(text: str) -> str:
    """Text that a POSIX shell takes to the letter."""
    return "'" + text.replace("'", "'\\''") + "'"


def script(program: Program) -> str:
    """What ``sh`` reads: the environment, and then the interpreter in its place. It is read whole before it begins."""
    values = {**program.environment, STEP: program.identity}
    strange = [name for name in values if not _NAME.fullmatch(name)]
    if strange:
        raise NotBegunError(f"{strange[0]!r} is no name of an environment variable")
    exports = " ".join(f"{name}={quoted(value)}" for name, value in values.items())
    return f"{{ export LANG=C.UTF-8 {exports}; exec {program.interpreter} -c {quoted(program.text)} </dev/null; }}\n"


class _Session(asyncssh.SSHClientSession[bytes]):
    """One program over there: what it writes goes to the sink, its end to ``ended``."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.code: int | None = None

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        """Pass on what came."""
        self.sink("err" if datatype == asyncssh.EXTENDED_DATA_STDERR else "out", data)

    def exit_status_received(self, status: int) -> None:
        """Remember how it ended."""
        self.code = status

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:  # noqa: ARG002
        """Remember that it was killed, as shells count it."""
        self.code = -_number_of(signal)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell how it ended, if anybody can."""
        if self.ended.done():
            return
        if self.code is None:
            self.ended.set_exception(LostError(f"the connection broke while it ran: {exc or 'no exit code came'}"))
        else:
            self.ended.set_result(self.code)


def _number_of(signal: str) -> int:
    import signal as signals

    return int(getattr(signals, f"SIG{signal}", signals.SIGKILL))


class Connections:
    """The connections of one run: one for each host, made when it is first needed, those of bastions shared."""

    def __init__(self) -> None:
        self._open: dict[str, asyncio.Task[asyncssh.SSHClientConnection]] = {}
        self._keys: dict[str, asyncssh.SSHKey] = {}
        self._known: asyncssh.SSHKnownHosts | None = None

    async def run(self, host: Machine, program: Program, sink: Sink) -> int:
        """Run a program to its end and give its exit code. When the caller is cancelled, its whole group is killed."""
        text = script(program)
        connection = await self.to(host)
        try:
            session = _Session(sink)
            channel, _ = await connection.create_session(lambda: session, "exec sh", encoding=None)
        except (OSError, asyncssh.Error) as error:
            self._forget(host)
            raise NotBegunError(f"{host.key} takes no program: {error}") from None
        try:
            channel.write(text.encode())
            channel.write_eof()
            return await session.ended
        except asyncio.CancelledError:
            with suppress(OSError, asyncssh.Error):
                channel.kill()
            channel.abort()
            raise
        except LostError:
            self._forget(host)
            raise

    async def to(self, host: Machine) -> asyncssh.SSHClientConnection:
        """The connection to a host. Raises ``NotBegunError``."""
        task = self._open.get(host.key)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._open[host.key] = asyncio.ensure_future(self._connect(host))
        return await asyncio.shield(task)

    async def _connect(self, host: Machine) -> asyncssh.SSHClientConnection:
        user, name, port = hosts.parse(host.address)
        tunnel = await self.to(host.via) if host.via is not None else None
        options: dict[str, Any] = {"username": user} if user else {}
        seconds = current().runbook_ssh_timeout
        try:
            return await asyncssh.connect(
                name,
                port,
                tunnel=tunnel or (),
                client_keys=[self._key(host.secret)] if host.secret else [],
                known_hosts=self._known_for(host, name, port),
                # Nothing of whoever started the worker: no configuration, no agent, no keys of theirs, no password.
                config=None,
                agent_path=None,
                preferred_auth="publickey",
                connect_timeout=seconds,
                login_timeout=seconds,
                keepalive_interval=15,
                **options,
            )
        except asyncssh.HostKeyNotVerifiable as error:
            raise NotBegunError(
                f"the key of {host.key} is not known, or has changed: {error}. Compare it on the machine itself, then "
                f"write it into {hosts.known_hosts_file()} or under host_key"
            ) from None
        except asyncssh.PermissionDenied:
            raise NotBegunError(
                f"{host.key} does not let {user or 'us'} in: is the key of its secret known there?"
            ) from None
        except (OSError, asyncssh.Error, TimeoutError) as error:
            raise NotBegunError(f"{host.key} does not answer: {str(error) or 'in time'}") from None

    def _key(self, name: str) -> asyncssh.SSHKey:
        """A private key by the name of its secret, read once for all hosts that take it."""
        if name not in self._keys:
            try:
                self._keys[name] = asyncssh.import_private_key(secrets.get(name))
            except secrets.SecretError as error:
                raise NotBegunError(str(error)) from None
            except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
                raise NotBegunError(f"the secret {name} is no private key without passphrase: {error}") from None
        return self._keys[name]

    def _known_for(self, host: Machine, name: str, port: int) -> asyncssh.SSHKnownHosts:
        """The keys that are believed. There are always some rules, for to asyncssh none at all means any key."""
        if host.host_key:
            place = name if port == 22 else f"[{name}]:{port}"
            return asyncssh.import_known_hosts("".join(f"{place} {one}\n" for one in host.host_key.splitlines() if one))
        if self._known is None:
            try:
                text = hosts.known_hosts_file().read_text(encoding="utf-8")
                self._known = asyncssh.import_known_hosts(text)
            except FileNotFoundError:
                self._known = asyncssh.import_known_hosts("")
            except (OSError, ValueError) as error:
                raise NotBegunError(f"{hosts.known_hosts_file()} cannot be read: {error}") from None
        return self._known

    async def still_runs(self, host: Machine, identity: str) -> bool:
        """Whether a step that was begun there still runs."""
        look = f"grep -lsa {STEP}={identity} /proc/[0-9]*/environ"
        connection = await self.to(host)
        try:
            found = await connection.run(look, check=False, timeout=current().runbook_ssh_timeout)
        except (OSError, asyncssh.Error, TimeoutError) as error:
            raise NotBegunError(f"{host.key} does not tell whether it still runs: {error}") from None
        return bool(str(found.stdout or "").strip())

    def leave(self, host: Machine) -> None:
        """Close the connection to a host that is not needed any more."""
        self._forget(host)

    def _forget(self, host: Machine) -> None:
        task = self._open.pop(host.key, None)
        if task is not None and task.done() and not task.cancelled() and task.exception() is None:
            task.result().close()

    def abort(self) -> None:
        """Cut every connection at once."""
        tasks, self._open = list(self._open.values()), {}
        for task in tasks:
            task.cancel()
            if task.done() and not task.cancelled() and task.exception() is None:
                task.result().abort()
