"""Where to cut what was read of a file, and how it travels: whole records, as UTF-8, no line without end.

What a line says is read by the server. All that the agent must know is whether a line begins a record, so that a stack
trace that is written in two moments is not sent as two.
"""

import re

BATCH_BYTES, BATCH_LINES = 900_000, 10_000
LINE_BYTES = 200_000
GOES_ON = b" [cut here by mainstay tail, the line goes on]"
# What begins a record for certain: a digit, a bracket, a month, a level, JSON, or key=value.
_BEGINS = re.compile(
    rb"^(?:[\[(<{]|\d|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? "
    rb"|(?i:trace|debug|info|notice|warn|warning|err|error|crit|critical|fatal|severe)\b|[A-Za-z_][\w.]{0,40}=)",
    re.MULTILINE,
)
_NO_CONTINUATION = re.compile(rb"^[^\s}]", re.MULTILINE)
# A record that is larger than this is not waited for.
_HELD_BYTES = 300_000


def end_of_whole(data: bytes, *, flush: bool, flush_partial: bool) -> int:
    """How many bytes of data may be sent now.

    Without ``flush`` the last record is held back, for more of it may come; ``flush_partial`` also gives a last line
    that has not ended.
    """
    end = data.rfind(b"\n") + 1
    if not end and len(data) >= BATCH_BYTES:
        return _at_sign(data, BATCH_BYTES)
    if flush_partial and len(data) < BATCH_BYTES:
        end = len(data)
    elif end and not (flush and len(data) < BATCH_BYTES):
        end = last_begin(data[:end]) or (end if len(data) >= BATCH_BYTES or end > _HELD_BYTES else 0)
    if data.count(b"\n", 0, end) > BATCH_LINES:
        end = sum(map(len, data.split(b"\n", BATCH_LINES)[:BATCH_LINES])) + BATCH_LINES
    return end


def last_begin(lines: bytes) -> int:
    """Where the last record of whole lines begins; 0 when it is the only one."""
    for known in (_BEGINS, _NO_CONTINUATION):
        # The last one is near the end: look there first.
        for start in (max(0, len(lines) - 20_000), 0):
            begins = [found.start() for found in known.finditer(lines, start)]
            # The first may be the middle of a line that was cut by looking near the end only.
            if len(begins) > (1 if start else 0):
                return begins[-1]
    return 0


def _at_sign(data: bytes, place: int) -> int:
    """The place, or up to three before it, so that no sign of UTF-8 is cut."""
    for back in range(4):
        if place - back < len(data) and data[place - back] & 0xC0 != 0x80:
            return place - back
    return place


def ready(data: bytes) -> bytes:
    """Lines as they travel: UTF-8 (what is none was Windows-1252 or Latin-1), long ones in pieces that say so."""
    if len(data) >= LINE_BYTES and max(map(len, data.split(b"\n"))) > LINE_BYTES:
        data = b"\n".join(_pieces(line) for line in data.split(b"\n"))
    try:
        data.decode()
    except UnicodeDecodeError:
        data = b"\n".join(map(_as_utf8, data.split(b"\n")))
    return data


def _pieces(line: bytes) -> bytes:
    parts = []
    while len(line) > LINE_BYTES:
        at = _at_sign(line, LINE_BYTES)
        parts.append(line[:at] + GOES_ON)
        line = line[at:]
    return b"\n".join([*parts, line])


def _as_utf8(line: bytes) -> bytes:
    try:
        line.decode()
    except UnicodeDecodeError:
        try:
            return line.decode("cp1252").encode()
        except UnicodeDecodeError:
            return line.decode("latin-1").encode()
    return line
