"""Looking at configuration: files here or over SSH, what a command prints, an address answers, a database is set to."""

import asyncio
import glob
import io
import itertools
import os
import stat
import tarfile
from collections.abc import Mapping

import orjson

from mainstay.change.configs.models import Source
from mainstay.core import http, programs
from mainstay.core.access import SYSTEM
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.restore.runbooks import hosts
from mainstay.restore.runbooks.execution import programs as remote
from mainstay.restore.sqldesk import connections
from mainstay.restore.sqldesk.engines.base import DeskError
from mainstay.restore.sqldesk.models import Connection

# A file as it was seen: its bytes, or nothing with the size of one that is larger than may be kept.
Seen = Mapping[str, tuple[bytes | None, int]]
_SETTINGS = {
    "postgres": "SELECT name, setting || coalesce(' ' || unit, '') FROM pg_catalog.pg_settings ORDER BY name",
    "mysql": "SHOW GLOBAL VARIABLES",
    "sqlite": "SELECT name, sql FROM sqlite_master ORDER BY name",
}


class LookError(Exception):
    """Nothing was seen. The text says why, and what to do."""


def look(source: Source) -> Seen:
    """What there is now, by path. Raises ``LookError``."""
    if source.kind == Source.Kind.FILES:
        return _files_there(source) if source.host else _files_here(source.files)
    if source.kind == Source.Kind.COMMAND:
        return _one("output", _printed(source, source.command))
    if source.kind == Source.Kind.HTTP:
        return _one("answer", _answer(source.url))
    return _one("settings", _settings(source.connection))


def _one(path: str, data: bytes) -> Seen:
    most = current().config_file_kb * 1024
    return {path: (data if len(data) <= most else None, len(data))}


class _Room:
    """How much may be seen at once."""

    def __init__(self) -> None:
        conf = current()
        self.files, self.bytes = conf.config_max_files, conf.config_total_mb * 1024 * 1024
        self.largest = conf.config_file_kb * 1024

    def take(self, size: int) -> bool:
        """Whether a file of this size is read; one that is too large is only counted. Raises ``LookError``."""
        self.files -= 1
        if self.files < 0:
            raise LookError(f"there are more than {current().config_max_files} files (config_max_files)")
        if size > self.largest:
            return False
        self.bytes -= size
        if self.bytes < 0:
            raise LookError(f"the files hold more than {current().config_total_mb} MB (config_total_mb)")
        return True


def _files_here(patterns: list[str]) -> Seen:
    found: dict[str, tuple[bytes | None, int]] = {}
    room = _Room()
    for path in _fitting(patterns):
        try:
            about = os.stat(path)  # noqa: PTH116 - ten thousand of them
            if not stat.S_ISREG(about.st_mode):
                continue
            whole = room.take(about.st_size)
            with open(path, "rb") as file:  # noqa: PTH123 - as above
                found[path] = (file.read() if whole else None, about.st_size)
        except FileNotFoundError:
            continue  # It went between the two looks.
        except OSError as error:
            raise LookError(f"{path} cannot be read: {error.strerror}; let the worker's user read it") from None
    if not found:
        raise LookError(f"no file fits {', '.join(patterns)}")
    return found


def _fitting(patterns: list[str]) -> list[str]:
    """Paths in order, each once, hidden ones too."""
    every = (glob.iglob(one, recursive=True, include_hidden=True) for one in patterns)  # noqa: PTH207 - no Path hides them
    return sorted(set(itertools.chain.from_iterable(every)))


def _files_there(source: Source) -> Seen:
    """One archive of all of them, so that ten thousand files are one answer. The shell there expands the patterns."""
    if any(set(pattern) - _HARMLESS for pattern in source.files):
        raise LookError("over SSH a pattern has letters, digits, and any of / . _ - * ? [ ] alone")
    # What nothing fits is left out. What cannot be read ends tar badly, so that it never counts as gone.
    data = _printed(
        source,
        f'set --; for one in {" ".join(source.files)}; do [ -e "$one" ] && set -- "$@" "$one"; done; '
        '[ $# -eq 0 ] || exec tar -chf - -- "$@"',
    )
    found: dict[str, tuple[bytes | None, int]] = {}
    room = _Room()
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                if member.isreg():
                    file = archive.extractfile(member) if room.take(member.size) else None
                    found[f"/{member.name.lstrip('/')}"] = (file.read() if file else None, member.size)
    except tarfile.TarError:
        found = {}
    if not found:
        raise LookError(f"no file on {source.host} fits {', '.join(source.files)}")
    return found


_HARMLESS = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-*?[]")


def _printed(source: Source, text: str) -> bytes:
    """What a program of the shell prints, here or there. Raises ``LookError`` unless it ends well."""
    out, wrong = bytearray(), bytearray()
    most = (current().config_total_mb + 1) * 1024 * 1024

    def sink(stream: str, data: bytes) -> None:
        if len(out) + len(wrong) <= most:
            (out if stream == "out" else wrong).extend(data)

    machine = hosts.machines([source.host]).get(source.host) if source.host else None
    if source.host and machine is None:
        raise LookError(f"there is no host {source.host!r}; write it under hosts")
    try:
        code = asyncio.run(_run(source, machine, text, sink))
    except (remote.NotBegunError, remote.LostError, programs.CannotBeginError) as error:
        raise LookError(str(error)) from None
    except TimeoutError:
        raise LookError(f"it did not end within {current().config_timeout:g} s (config_timeout)") from None
    if len(out) + len(wrong) > most:
        raise LookError(f"it prints more than {current().config_total_mb} MB (config_total_mb)")
    if code:
        raise LookError(f"it ended with {code}: {wrong.decode(errors='replace').strip()[-300:] or 'it said nothing'}")
    return bytes(out)


async def _run(source: Source, machine: hosts.Machine | None, text: str, sink: programs.Sink) -> int:
    async with asyncio.timeout(current().config_timeout):
        if machine is None:
            user = current().runbook_user
            program = programs.Program(("/bin/sh",), {}, text=text, user=user, named_by="runbook_user", ends_group=True)
            return await programs.run(program, sink)
        from mainstay.restore.runbooks.execution.ssh import Connections  # asyncssh, some 15 MB: for who reaches hosts

        lines = Connections()
        try:
            return await lines.run(machine, remote.Program("sh", text, {}, f"configuration-{source.key}"), sink)
        finally:
            lines.abort()


def _answer(url: str) -> bytes:
    """What an address answers; JSON in one order, so that only what means something differs."""
    conf = current()
    try:
        answer = http.call("GET", url, timeout=conf.config_timeout, max_bytes=conf.config_file_kb * 1024)
    except http.OutgoingError as error:
        raise LookError(str(error)) from None
    if answer.status >= 400:
        raise LookError(f"it answers {answer.status}")
    try:
        return orjson.dumps(orjson.loads(answer.body), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    except orjson.JSONDecodeError:
        return answer.body


def _settings(key: str) -> bytes:
    try:
        found: Connection | None = connections.visible(SYSTEM).filter(key=key).first()
        if found is None or found.dialect not in _SETTINGS:
            raise LookError(f"there is no connection {key!r} of which settings can be read; write it under connections")
        with connections.reading(found) as session:
            rows = session.run(_SETTINGS[found.dialect]).rows
    except (DeskError, ProblemError) as error:
        raise LookError(str(error)) from None
    return "".join(f"{name} = {value}\n" for name, value in rows).encode()
