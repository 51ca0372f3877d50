"""The journal of systemd, as ``systemd-journal-upload`` sends it.

Source: systemd's "Journal Export Formats" and systemd.journal-fields(7). An entry is fields up to an empty line; a
field is ``NAME=value`` on a line, or ``NAME``, a newline, eight bytes of length (little endian), the value, a newline.
"""

import struct
from collections.abc import Iterator, Mapping
from functools import partial

from mainstay.core.problems import ProblemError, bad_request
from mainstay.observe.intake import keeping, levels, records
from mainstay.observe.intake.collect import Collector
from mainstay.observe.intake.received import Received, Request, Route
from mainstay.observe.logs.lines import Lines

PROTOCOL = "journald"
CONTENT_TYPE = "application/vnd.fdo.journal"
# Fields of the journal by OpenTelemetry's names; those of the sender's own (without a leading _) keep theirs.
_NAMES = {
    "_HOSTNAME": "host.name",
    "_MACHINE_ID": "host.id",
    "_PID": "process.pid",
    "_COMM": "process.executable.name",
    "_EXE": "process.executable.path",
    "_CMDLINE": "process.command_line",
    "_SYSTEMD_UNIT": "systemd.unit",
    "_TRANSPORT": "systemd.transport",
    "CODE_FILE": "code.file.path",
    "CODE_LINE": "code.line.number",
    "CODE_FUNC": "code.function.name",
    "CONTAINER_NAME": "container.name",
    "CONTAINER_ID_FULL": "container.id",
    "SYSLOG_IDENTIFIER": "syslog.appname",
}
_ELSEWHERE = {"MESSAGE", "PRIORITY", "TRACE_ID", "SPAN_ID", "SYSLOG_TIMESTAMP", "SYSLOG_RAW", "CONTAINER_ID"}
_ENDINGS = (".service", ".scope", ".socket", ".timer", ".mount", ".slice")


def fields_of(data: bytes) -> Iterator[tuple[int, str, bytes]]:
    """(where it ends, name, value) of each field; the empty line between entries has no name.

    Ends before a field that is not there as a whole. Raises ``ProblemError`` for what is no export.
    """
    place, end = 0, len(data)
    while place < end:
        line_end = data.find(b"\n", place)
        if line_end < 0:
            return
        name, sign, value = data[place:line_end].partition(b"=")
        if not name and not sign:
            place = line_end + 1
            yield place, "", b""
            continue
        if not name.replace(b"_", b"").isalnum():
            raise bad_request(f"at byte {place}: write fields of the journal as NAME=value")
        place = line_end + 1
        if not sign:
            if place + 8 > end:
                return
            (size,) = struct.unpack_from("<Q", data, place)
            value, place = data[place + 8 : place + 8 + size], place + 8 + size + 1
            if place > end:
                return
            if data[place - 1 : place] != b"\n":
                raise bad_request(f"at byte {place - 1}: the value of {name.decode()} does not end where it says")
        yield place, name.decode("ascii", "replace"), value


def split(data: bytes) -> int:
    """Where the last whole entry ends."""
    return max((end for end, name, _ in fields_of(data) if not name), default=0)


def _entries(data: bytes) -> Iterator[dict[str, str]]:
    entry: dict[str, str] = {}
    done = 0
    for end, name, value in fields_of(data):
        done = end
        if name:
            entry[name] = value.decode("utf-8", "replace")
        elif entry:
            yield entry
            entry = {}
    if done < len(data):
        raise ProblemError(400, "Bad request", f"at byte {done}: the entry ends too early")
    if entry:
        yield entry


def decode(request: Request) -> Received:
    """Entries of one journal, or of those that a collector has gathered."""
    if request.kind() != CONTENT_TYPE:
        raise ProblemError(415, "Unsupported media type", f"send {CONTENT_TYPE}", "Content-Type")
    keep = [partial(keeping.keep, PROTOCOL, lines_of(request.body, request.sender))]
    return Received(keep=keep, status=202, body=b"OK.\n", content_type="text/plain")


def lines_of(data: bytes, sender: str) -> Lines:
    """The lines of whole entries. Raises ``ProblemError``."""
    collector = Collector("journald", whole=False)
    for entry in _entries(data):
        _add(collector, entry, sender)
    return collector.lines()


def _service(entry: Mapping[str, str]) -> str:
    """The container, else the unit, else what the program calls itself. A session is no service."""
    if entry.get("CONTAINER_NAME"):
        return entry["CONTAINER_NAME"]
    unit = entry.get("_SYSTEMD_UNIT", "")
    if unit and not unit.startswith(("session-", "user@", "init.scope")):
        for ending in _ENDINGS:
            unit = unit.removesuffix(ending)
        return unit
    return entry.get("SYSLOG_IDENTIFIER") or entry.get("_COMM") or ""


def _add(collector: Collector, entry: Mapping[str, str], sender: str) -> None:
    if "MESSAGE" not in entry:
        return
    host, pid = entry.get("_HOSTNAME", ""), entry.get("_PID", "")
    service = _service(entry)
    stream = records.path_of(host, service, pid) or sender
    said = entry.get("_SOURCE_REALTIME_TIMESTAMP") or entry.get("__REALTIME_TIMESTAMP") or ""
    own = {
        _NAMES.get(name, name.lower()): value
        for name, value in entry.items()
        if name in _NAMES or (not name.startswith("_") and name not in _ELSEWHERE)
    }
    about = {"host.name": own.pop("host.name")} if "host.name" in own else {}
    collector.add(
        collector.origin(service, stream, about),
        entry["MESSAGE"],
        int(said) if said.isdigit() and len(said) < 19 else 0,
        levels.of_syslog(entry.get("PRIORITY", "")),
        trace_id=entry.get("TRACE_ID", ""),
        span_id=entry.get("SPAN_ID", ""),
        attributes=own or None,
    )


ROUTES = {("POST", "/upload"): Route(PROTOCOL, decode, split=split)}
