"""The header of a line: what a logging library or a daemon wrote before the message.

A style says what may stand where, in the order of the line; it is one regular expression over the head of the line.
None of them names a product: they are the layouts that logging libraries and daemons have in common.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mainstay.observe.logs.reading import levels, times
from mainstay.observe.logs.reading.expressions import ascii_only

# Longer headers than this are not looked for.
HEAD = 400

_ANY_TIME = "|".join(
    times.pattern_of(style)
    for style in ("iso", "compact", "weekday", "web", "syslog", "short year", "digits", "no year")
)
_TIME = rf"[\[(<]?(?P<stamp>{_ANY_TIME})[\])>]?,?"
_LEVEL = rf"[\[(<]?(?P<level>{levels.CAPITALS}|Info|Warning|Warn|Error|Debug|Fatal|Trace|Critical)[\])>]?:?"
_MARKED_LEVEL = rf"\[(?:(?P<module>[\w.]+):)?(?P<level>{levels.ANY_CASE}|[DIWEF])\]"
# Words of a header: numbers, names in capitals, names with digits or signs in them; not words of a sentence.
_FIELD = r"(?:\[[^\]]*\]|\d+|[A-Z][A-Z0-9_]+|[\w$./:@*#-]*[0-9._$/:@#-][\w$./:@*#-]*|-)"
_BEFORE = rf"(?:{_FIELD}\s+){{0,6}}?"
_THREAD = r"(?:\s*\[(?P<thread>[^\[\]]*(?:\[[^\]]*\][^\[\]]*)*)\])?"
_DASH = r"\s*(?:-{1,3}|\||:)\s+"
_LOGGER = r"(?P<logger>[A-Za-z_][\w$/-]*(?:\.[\w$/<>-]+)+|[A-Z][\w$]*[a-z][\w$]*[A-Z][\w$]*)"
_REQUEST = r"(?:\s*\[[^\]]*\])?"


@dataclass(frozen=True)
class Style:
    """One layout. ``expression`` is anchored at the beginning and covers the header and nothing of the message.

    ``bare`` is the same without groups, which finds the end of a header many times as quickly. ``digits_alike`` says
    that it never matters which digit stands somewhere.
    """

    name: str
    expression: str
    bare: str
    digits_alike: bool = True


def _style(name: str, expression: str, *, digits_alike: bool = True) -> Style:
    whole = ascii_only(rf"\A(?P<head>{expression})")
    return Style(name, whole, re.sub(r"\(\?P<\w+>", "(?:", whole), digits_alike)


STYLES = (
    # 2026-01-31 03:04:05,123 INFO [main] org.example.Shop: message / ... - message
    _style(
        "level and logger",
        rf"{_BEFORE}{_TIME}\s+(?:-\s+)?(?:{_FIELD}\s+){{0,5}}?{_LEVEL}\s*{_THREAD}"
        rf"\s*{_LOGGER}(?:{_REQUEST}\s*(?::|\s-{{1,3}})\s+|\s*\[[^\]]*\]\s+)",
    ),
    # [Sun Jan 31 03:04:05 2026] [core:error] [pid 12:tid 34] message
    _style("marked level", rf"{_BEFORE}{_TIME}\s+{_MARKED_LEVEL}(?: \[pid [^\]]*\])?:?\s+"),
    # 01-31 03:04:05.123  1702  2395 D Some Tag : message
    _style("tag", rf"{_TIME}\s+(?P<pid>\d+)\s+(?P<thread>\d+)\s+(?P<level>[VDIWEFA])\s+(?P<logger>[^:]+?)\s*:\s+"),
    # 2026-01-31 03:04:05, Info     PART    message
    _style("columns", rf"{_TIME}\s+{_LEVEL}\s{{3,}}(?P<logger>[A-Za-z][\w.-]*)\s{{2,}}"),
    # 2026-01-31 03:04:05,123 INFO [thread] - message
    _style("level", rf"{_BEFORE}{_TIME}\s+(?:-\s+)?(?:{_FIELD}\s+){{0,5}}?{_LEVEL}\s*{_THREAD}(?:{_DASH}|\s+)"),
    # 20260131-03:04:05:123|Part|3000|message
    _style("bars", rf"{_TIME}(?:\|[^|\s]{{1,80}})*\|"),
    # Jan 31 03:04:05 host program[123]: message
    _style(
        "syslog",
        rf"(?:<\d{{1,3}}>)?{_BEFORE}{_TIME}\s+(?P<host>[\w./:@-]+)\s+(?:--\s+)?"
        rf"(?P<logger>[\w./@-]+(?:\([\w./@-]*\))?(?: [\d.]+)?)(?:\[(?P<pid>\d+)\])?(?: \([^)]*\))?:\s+",
    ),
    # [01.31 03:04:05] program.exe - message
    _style("program", rf"{_TIME}\s+(?P<logger>[\w.-]+(?: \*?\d+)?)\s+-\s+"),
    # ERROR:package.module:message / ERROR package.Module - message
    _style("level first", rf"{_LEVEL}\s*{_THREAD}\s*(?::|\s)\s*{_LOGGER}?(?::|\s-{{1,3}}\s)\s*"),
    # 134681 node-246 part state 1077804742 1 message
    _style(
        "epoch",
        rf"(?:{_FIELD}\s+|[\w.-]+\s+){{0,6}}?(?P<stamp>1\d{{9}}(?:\d{{3}}|\.\d{{1,9}})?)\s+(?:\d{{1,2}}\s+)?",
        digits_alike=False,
    ),
    # 2026-01-31T03:04:05Z message
    _style("time", rf"{_BEFORE}{_TIME}:?\s+(?:-\s+)?"),
)
BY_NAME: Mapping[str, Style] = {style.name: style for style in STYLES}
