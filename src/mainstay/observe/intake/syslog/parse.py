"""Read one message of syslog.

Sources: RFC 5424, section 6; RFC 3164, section 4, which describes what was found and binds nobody. Beyond it are taken:
ISO 8601 times and times with a year, no host (what ``logger`` writes to the local socket), no time (Python's handler),
and rsyslog's way to write a newline in a message, ``#012``.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from mainstay.observe.intake import levels, times

_PRI = re.compile(r"<(\d{1,3})>")
_HEADER = re.compile(r"[1-9]\d{0,2} (\S+) (\S+) (\S+) (\S+) (\S+) ")
_PARAM = re.compile(r' ([^ =\]"]{1,255})="((?:[^"\\]|\\.)*)"', re.DOTALL)
_ELEMENT_ID = re.compile(r'\[([^ =\]"]{1,255})')
_ESCAPE = re.compile(r'\\(["\\\]])')
_OLD_TIME = re.compile(
    r"(?:([A-Z][a-z]{2}) ([ \d]\d) (?:(\d{4}) )?(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6})\d*)?"
    r"|(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*?)):? "
)
# rsyslog leaves the colon out when the message came by RFC 5424.
_TAG = re.compile(r"([^\s\[\]:]{1,128})(?:\[([^\]\s]{0,128})\]:?|:)(?: |$)")
_HOST = re.compile(r"(\S{1,255}) ")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# So far ahead of ours may the clock of a sender be.
AHEAD = timedelta(days=1)


class Clock:
    """Reads times that name neither year nor zone, as seen from a moment. Remembers what it has read."""

    def __init__(self, now: datetime, zone: tzinfo) -> None:
        self._now, self._zone = now, zone
        self._known: dict[str, int | None] = {}

    def iso(self, text: str) -> int | None:
        """Microseconds of an ISO 8601 time; one without a zone is in the senders' zone."""
        if text not in self._known:
            try:
                when = datetime.fromisoformat(text)
                self._known[text] = times.of_datetime(when if when.tzinfo else when.replace(tzinfo=self._zone))
            except (ValueError, OverflowError):
                self._known[text] = None
        return self._known[text]

    def old(self, found: re.Match[str]) -> int | None:
        """Microseconds of a time of RFC 3164, in the last year in which it is not in the future."""
        text = found.group()
        if text not in self._known:
            self._known[text] = self._latest(found)
        return self._known[text]

    def _latest(self, found: re.Match[str]) -> int | None:
        month, day, year, hour, minute, second, part, _ = found.groups()
        if month not in _MONTHS:
            return None
        here = self._now.astimezone(UTC).year
        near: list[datetime] = []
        for one in (int(year),) if year else (here - 1, here, here + 1):
            try:
                numbers = (one, _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second))
                near.append(datetime(*numbers, int((part or "0").ljust(6, "0")), tzinfo=self._zone))
            except ValueError:
                # There is no 29 February in this year.
                continue
        past = [when for when in near if when <= self._now + AHEAD] or near
        return times.of_datetime(max(past)) if past else None


@dataclass(slots=True)
class Message:
    """One message. ``time`` in microseconds, 0 when none was said; ``said`` is a time that could not be read."""

    facility: int
    severity: int
    time: int = 0
    said: str = ""
    host: str = ""
    app: str = ""
    process: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""


def parse(text: str, clock: Clock) -> Message | None:
    """A message, or nothing when it does not begin with a priority from 0 to 191."""
    pri = _PRI.match(text)
    if pri is None or int(pri[1]) > 191:
        return None
    message = Message(*divmod(int(pri[1]), 8))
    header = _HEADER.match(text, pri.end())
    if header:
        _new(message, header, text, clock)
    else:
        _old(message, text[pri.end() :], clock)
    message.text = message.text.removeprefix("\ufeff")
    if "#012" in message.text:
        message.text = message.text.replace("#012", "\n").replace("#011", "\t")
    return message


def _new(message: Message, header: re.Match[str], text: str, clock: Clock) -> None:
    said, host, app, process, ident = ("" if one == "-" else one for one in header.groups())
    message.host, message.app, message.process = host, app, process
    if ident:
        message.attributes["syslog.msg.id"] = ident
    if said:
        found = clock.iso(said)
        message.time, message.said = (0, said) if found is None else (found, "")
    place = header.end()
    if text[place : place + 1] == "-":
        place += 1
    else:
        place = _elements(message, text, place)
    message.text = text[place:].removeprefix(" ")


def _elements(message: Message, text: str, place: int) -> int:
    """Structured data as attributes. Returns where it ends; what does not follow the rules stays with the text."""
    while element := _ELEMENT_ID.match(text, place):
        end, found = element.end(), {}
        while param := _PARAM.match(text, end):
            found[f"{element[1]}.{param[1]}"] = _ESCAPE.sub(r"\1", param[2])
            end = param.end()
        if text[end : end + 1] != "]":
            break
        message.attributes |= found
        place = end + 1
    return place


def _old(message: Message, text: str, clock: Clock) -> None:
    time = _OLD_TIME.match(text)
    place = 0
    if time:
        found = clock.iso(time[8]) if time[8] else clock.old(time)
        message.time, message.said = (0, time.group().strip()) if found is None else (found, "")
        place = time.end()
        host = _HOST.match(text, place)
        # Without a host the tag comes at once, and a tag ends with a colon.
        if host and not host[1].endswith(":"):
            message.host, place = host[1], host.end()
    tag = _TAG.match(text, place)
    # "ERROR: no answer" has a level before its colon, not the name of a program.
    if tag and not levels.of_text(tag[1]):
        message.app, message.process, place = tag[1], tag[2] or "", tag.end()
    message.text = text[place:]
