"""The names that a pattern may use: what each stands for, as an expression or in terms of others.

The names are those that grok has everywhere. They mean ASCII, take no more than they need, and capture nothing.
"""

from collections.abc import Mapping

from mainstay.observe.logs.reading import levels, times

_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_HEX = r"[0-9A-Fa-f]"
_GROUP = rf"{_HEX}{{1,4}}"
_LABEL = r"[0-9A-Za-z_](?:[0-9A-Za-z_-]*[0-9A-Za-z_])?"
_PATH_SIGN = r"[\w.,:;@#%&=+~$!*'()/-]"

NAMES: Mapping[str, str] = {
    # Numbers.
    "INT": r"[+-]?\d+",
    "POSINT": r"[1-9]\d*",
    "NONNEGINT": r"\d+",
    "NUMBER": r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?",
    "BASE10NUM": r"%{NUMBER}",
    "BASE16NUM": rf"[+-]?(?:0[xX])?{_HEX}+",
    # Text.
    "WORD": r"\w+",
    "NOTSPACE": r"[^ \t]+",
    "SPACE": r"[ \t]*",
    "DATA": r".*?",
    "GREEDYDATA": r".*",
    "QUOTEDSTRING": r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'",
    "QS": r"%{QUOTEDSTRING}",
    "UUID": rf"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}",
    "USERNAME": r"[\w.-]+",
    "USER": r"%{USERNAME}",
    "EMAILADDRESS": r"[\w.%+-]+@%{HOSTNAME}",
    "JAVACLASS": r"[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*",
    "PROG": r"[\w./%@-]+",
    # Machines and places.
    "IPV4": rf"{_OCTET}(?:\.{_OCTET}){{3}}",
    "IPV6": rf"(?:{_GROUP}:){{7}}{_GROUP}|(?:{_GROUP}:){{6}}%{{IPV4}}|(?:{_GROUP}(?::{_GROUP}){{0,6}})?::"
    rf"(?:(?:{_GROUP}:){{0,5}}%{{IPV4}}|{_GROUP}(?::{_GROUP}){{0,6}})?",
    "IP": r"%{IPV4}|%{IPV6}",
    "HOSTNAME": rf"{_LABEL}(?:\.{_LABEL})*\.?",
    "IPORHOST": r"%{IP}|%{HOSTNAME}",
    "HOSTPORT": r"%{IPORHOST}:%{POSINT}",
    "MAC": rf"{_HEX}{{2}}(?:[:-]{_HEX}{{2}}){{5}}|{_HEX}{{4}}(?:\.{_HEX}{{4}}){{2}}",
    "UNIXPATH": rf"/{_PATH_SIGN}*",
    "WINPATH": r"(?:[A-Za-z]:|\\)(?:\\[^\\?*\t ]*)+",
    "PATH": r"%{UNIXPATH}|%{WINPATH}",
    "URIPROTO": r"[A-Za-z][A-Za-z0-9+.-]*",
    "URIHOST": r"%{IPORHOST}(?::%{POSINT})?",
    "URIPATH": rf"/{_PATH_SIGN}*",
    "URIPARAM": r"\?[^ \t\"<>]*",
    "URIPATHPARAM": r"%{URIPATH}(?:%{URIPARAM})?",
    "URI": r"%{URIPROTO}://(?:[^ \t@/\"]+@)?(?:%{URIHOST})?(?:%{URIPATHPARAM})?",
    # Moments.
    "YEAR": r"\d{4}",
    "MONTH": r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*",
    "MONTHNUM": r"1[0-2]|0?[1-9]",
    "MONTHDAY": r"3[01]|[12]\d|0?[1-9]",
    "DAY": r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*",
    "HOUR": r"2[0-3]|[01]?\d",
    "MINUTE": r"[0-5]\d",
    "SECOND": r"(?:[0-5]\d|60)(?:[.,:]\d+)?",
    "TIME": r"%{HOUR}:%{MINUTE}(?::%{SECOND})?",
    "DATE_EU": r"%{MONTHDAY}[./-]%{MONTHNUM}[./-]\d{2,4}",
    "DATE_US": r"%{MONTHNUM}[/-]%{MONTHDAY}[/-]\d{2,4}",
    "DATE": r"%{YEAR}[./-]%{MONTHNUM}[./-]%{MONTHDAY}|%{DATE_EU}|%{DATE_US}",
    "TIMESTAMP_ISO8601": times.pattern_of("iso"),
    "SYSLOGTIMESTAMP": times.pattern_of("syslog"),
    "HTTPDATE": times.pattern_of("web"),
    "LOGLEVEL": f"{levels.ANY_CASE}",
}
