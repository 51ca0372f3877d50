"""What a format says, checked, with everything that does not depend on a line worked out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mainstay.core.settings import current
from mainstay.observe.logs.formats.pattern import Field, FormatError, Limits, Pattern, parse
from mainstay.observe.logs.lines import LEVELS
from mainstay.observe.logs.reading import headers
from mainstay.observe.logs.reading.levels import NAMES as LEVEL_WORDS
from mainstay.observe.logs.reading.read import RAW

EVERY = "*"
# The entry of a format without what it must say.
DEFAULTS: Mapping[str, Any] = {
    "name": "",
    "services": [EVERY],
    "contains": "",
    "patterns": {},
    "time": "time",
    "time_format": "",
    "timezone": "",
    "level": "level",
    "levels": {},
    "message": "message",
    "keep_line": True,
    "enabled": True,
}
# Named parts that are columns of their own whatever the format says.
COLUMNS = ("trace_id", "span_id")
# What lines are read as without a format of a person's.
_TAKEN = {RAW, "json", "logfmt", "access", *headers.BY_NAME}
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)\Z")
_DIRECTIVE = re.compile(r"%(?:[-_0]?([A-Za-z%+])|\.?[369]?f|\.f|:?z)")
_DAYS = ({"Y", "m", "d"}, {"Y", "b", "d"}, {"Y", "B", "d"}, {"y", "m", "d"}, {"y", "b", "d"}, {"Y", "j"}, {"F"}, {"s"})


@dataclass(frozen=True)
class Format:
    """A format that can be applied. ``services`` is empty for all of them.

    ``time``, ``level`` and ``message`` are names of fields, empty where the format has none. ``zone`` is what the clock
    shows ahead of UTC where a moment names no zone, or an IANA zone; nothing leaves it to the source of the line.
    """

    key: str
    services: frozenset[str]
    contains: str
    pattern: Pattern
    time: str
    time_format: str
    zone: timedelta | str | None
    level: str
    levels: Mapping[str, str]
    message: str
    keep_line: bool

    def named(self, name: str) -> Sequence[Field]:
        """The parts with a name; there are several where the pattern has a choice."""
        return [one for one in self.pattern.fields if one.name == name] if name else []

    def attributes(self) -> Mapping[str, Sequence[Field]]:
        """The parts that become attributes, by name."""
        taken = {self.time, self.level, self.message, *COLUMNS}
        names = dict.fromkeys(one.name for one in self.pattern.fields)
        return {name: self.named(name) for name in names if name not in taken}


def limits() -> Limits:
    """How large a pattern may be here."""
    conf = current()
    return Limits(conf.log_format_signs, conf.log_format_groups, conf.log_format_states)


def format_of(entry: Mapping[str, Any]) -> Format:
    """The format of an entry, as a configuration file has it. Raises ``FormatError``."""
    entry = {**DEFAULTS, **entry}
    if entry["key"] in _TAKEN:
        raise FormatError("key", f"{entry['key']} is a format that is read anyway", "choose another key")
    pattern = parse(entry["pattern"], entry["patterns"], limits())
    names = {one.name for one in pattern.fields}
    if not names:
        raise FormatError("pattern", "no part of it has a name", "write %{INT:rows} or (?P<rows>[0-9]+)")
    roles = {role: _role(entry, role, names) for role in ("time", "level", "message")}
    services = frozenset(entry["services"])
    if not services:
        raise FormatError("services", "there is none", "name services as lines name them, or * for all")
    return Format(
        key=entry["key"],
        services=frozenset() if EVERY in services else services,
        contains=entry["contains"],
        pattern=pattern,
        time_format=_time_format(entry["time_format"]),
        zone=zone_of(entry["timezone"]),
        levels=_levels(entry["levels"]),
        keep_line=entry["keep_line"],
        **roles,
    )


def _role(entry: Mapping[str, Any], role: str, names: set[str]) -> str:
    """The part that a role goes to. The usual name need not be there; one that was chosen must."""
    wanted: str = entry[role]
    if wanted and wanted not in names and wanted != DEFAULTS[role]:
        raise FormatError(role, f"the pattern has no part {wanted!r}", f"its parts are {', '.join(sorted(names))}")
    return wanted if wanted in names else ""


def zone_of(text: str) -> timedelta | str | None:
    """A zone by its IANA name or as an offset. Raises ``FormatError``."""
    offset = _OFFSET.match(text)
    if offset:
        length = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return -length if offset[1] == "-" else length
    try:
        return str(ZoneInfo(text)) if text else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise FormatError("timezone", f"there is no zone {text!r}", "write Europe/Berlin or +01:00") from None


def _time_format(text: str) -> str:
    """Directives of strftime, such as %d.%m.%Y %H:%M:%S."""
    if not text:
        return ""
    known = {found[1] for found in _DIRECTIVE.finditer(text) if found[1]}
    if known & {"Z", "c", "x", "X", "D"}:
        raise FormatError(
            "time_format", "a zone or a moment by its local name is not supported", "write %z, or its parts"
        )
    if not any(days <= known for days in _DAYS):
        raise FormatError(
            "time_format", "it names no whole day", "write %Y, %m and %d, or leave it empty to have it found"
        )
    return text


def _levels(words: Mapping[str, str]) -> Mapping[str, str]:
    found = {}
    for word, level in words.items():
        meant = LEVEL_WORDS.get(str(level).lower(), "")
        if meant not in LEVELS:
            raise FormatError(f"levels.{word}", f"{level!r} is no level", f"write one of {', '.join(LEVELS)}")
        found[str(word).lower()] = meant
    return found
