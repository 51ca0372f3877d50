"""What gives secrets away in configuration: telling names with what introduces a value, and what tokens look like."""

import re
from typing import Final

from mainstay.observe.logs.redaction import RULES

_WORDS = (
    r"pass(?:word|wd|phrase|code)?|pwd|passwort|secrets?|tokens?|credentials?|cookie|dsn|webhook|rootpw|bindpw|salt|"
    r"sharedaccesssignature|authorization|otp|"
    r"(?:api|access|private|signing|sign|encryption|encrypt|master|secret|auth|hmac|jwt|session|shared|account|storage|"
    r"app|application|consumer|licen[cs]e|ssh|crypt|cipher|deploy|client|server|webhook|host|service|sas)[_\-. ]?key"
)
# What a name ends with when it speaks of the secret instead.
_ABOUT = (
    *("ttl", "timeout", "seconds", "minutes", "hours", "days", "interval", "length", "size", "file", "path", "dir"),
    *("policy", "enabled", "rotation", "count", "header", "name", "type", "algorithm", "expiry", "rounds", "issuer"),
    *("endpoint", "version", "format", "age", "domain", "samesite", "audience", "prefix", "limit", "encoding"),
)
_NOT_ABOUT = r"(?<![.\-])" + "".join(f"(?<!{one})" for one in _ABOUT)
_NAME = (
    r"(?:(?<![\w.\-])[\w.\-]*(?:"
    + _WORDS
    + r")[\w.\-]*|(?<![\w.\-])(?:[\w.\-]*[_.\-])?(?:auth|pw|sig|psk))"
    + _NOT_ABOUT
)
_TELLING = re.compile(rf"(?i){_NAME}")
_INNOCENT = re.compile(
    r"(?i)(?:proxy|fastcgi|uwsgi|grpc|scgi|memcached)_pass(?:_\w+)?|"
    r".*(?:bypass|compass|passenger|passive|passthrough|passing|trespass|encompass|surpass|"
    r"tokeni[sz]|secretary|secretkeyref|secretref|existingsecret|imagepullsecrets).*"
)
# NAME = value, "NAME": value, NAME => value, up to where the value begins, which in JSON may be the next line. Names
# are taken whole, without going back over them, so that a long word costs its length.
_Q = r"\\*[\"'`]?"
NAMED: Final = re.compile(
    rf"(?<![\w.\-])(?P<name>[\w.\-]{{1,200}}+)"
    rf"(?:{_Q}[ \t]*:\s*(?=[\"'{{\[])|{_Q}[ \t]*(?:=>|:=|\?=|\+=|[=:])[ \t]*)"
)
# Within a Kubernetes secret everything under data is one.
SECRET_DOCUMENT: Final = re.compile(
    r"(?im)^[\s\-]*[\"']?kind[\"']?[ \t]*:[ \t]*[\"']?Secret[\"']?,?[ \t]*$|\"kind\"\s*:\s*\"Secret\""
)


def telling(name: str, *, in_secret: bool) -> bool:
    """Whether a name says that its value is a secret."""
    if in_secret and name in {"data", "stringData"}:
        return True
    return _TELLING.fullmatch(name) is not None and _INNOCENT.fullmatch(name) is None


KEY_BLOCK: Final = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?s:.)*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)"
    r"|PuTTY-User-Key-File-\d(?s:.)*"
)
# What a name of a key may hold that is no key.
PATH: Final = re.compile(r"(?:~|\.{0,2})/[\w./~\-]+|file:\S+")
_QUOTED = r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'"
_STRICT = (
    r"(?:[\w\-]*(?:password|passwd|passphrase|requirepass|masterauth|masteruser|rootpw|bindpw|olcrootpw|credentials?|"
    r"secret(?:[_\-]?key)?|api[_\-]?key|auth[_\-]?token|access[_\-]?token))"
)
_LOOKS = (
    r"AGE-SECRET-KEY-1[0-9A-Z]{20,}|glpat-[\w\-]{15,}|npm_\w{20,}|hvs\.[\w\-]{20,}|dop_v1_\w{20,}|SG\.[\w\-]{10,}\.[\w\-]{10,}|"
    r"sk-[\w\-]{20,}|ya29\.[\w\-]{20,}|\b\d{8,10}:AA[\w\-]{30,}|hooks\.slack\.com/services/[\w/]+|EAACEdEose0cBA\w+|"
    r"\{S?(?:SHA|SMD5|CRYPT)\d*\}[A-Za-z0-9+/=$.]{8,}|\$(?:1|2[abxy]|5|6|7|y|argon2\w*|apr1|pbkdf2[\w\-]*)\$[^\s:\"']+"
)
# Each has two groups: what stands in front and is kept, and what goes. What one took is a mark for those after it.
_EXPRESSIONS: Final = (
    # An entry of an environment or of XML, whose value stands beside its name, in either order.
    rf"(?i)(name[\"']?\s*:\s*[\"']?(?:{{name}})[\"']?\s*,?\s*\n?\s*[\"']?value[\"']?\s*:\s*)({_QUOTED}|[^\n]+)",
    rf"(?i)(value[\"']?\s*:\s*)({_QUOTED}|[^\n]+?)(?=\s*,?\s*[\"']?name[\"']?\s*:\s*[\"']?(?:{{name}})[\"']?\s*(?:[,}}\n]|\Z))",
    rf"(?i)(\b(?:key|name|id)\s*=\s*[\"'](?:{{name}})[\"'][^<>]*?\bvalue\s*=\s*)({_QUOTED})",
    rf"(?i)(\bvalue\s*=\s*)({_QUOTED})(?=[^<>]*?\b(?:key|name|id)\s*=\s*[\"'](?:{{name}})[\"'])",
    r"(?i)(<(?:\w+:)?(?:{name})(?:\s[^<>]*)?>\s*)([^<>]*[^<>\s])(?=\s*</)",
    r"(?i)(\b(?:key|name|id)\s*=\s*[\"'](?:{name})[\"'][^<>]*>\s*(?:<value>\s*)?)([^<>]*[^<>\s])(?=\s*</)",
    rf"(?i)(define\(\s*[\"'](?:{{name}})[\"']\s*,\s*)({_QUOTED})",
    # --password value, and directives with a blank: requirepass value, bindpw value, ENV DB_PASSWORD value.
    rf"(?i)(\s--?(?:{{name}})[ \t]+)({_QUOTED}|[^\s\"'=\-]\S*)",
    rf"(?im)(^[ \t]*(?:(?:set|env|setenv|export|arg)[ \t]+)?\$?{_STRICT}[ \t]+)(?![=:])({_QUOTED}|[^\n;]+)",
    r"(?im)(^[ \t]*(?:set|env|setenv|export|arg)[ \t]+\$?(?:{name})[ \t]+)(?![=:])([^\n;]+)",
    rf"(?i)((?:\b(?:password|passwd|account)|identified by|insecure-password)[ \t]+)({_QUOTED}|[^\s=:\"']\S*)",
    # .pgpass, passwords in addresses, headers.
    r"(?m)(^[^:#\s]+:(?:\d+|\*):[^:\n]+:[^:\n]+:)(\S+)",
    r"(://[^\s/:@\"']*:)([^\s/\"'<>]+)(?=@)",
    r"(?i)(\b(?:bearer|basic|digest|apikey|negotiate)[ \t]+)([A-Za-z0-9._~+/=\-]{8,})",
    *(f"()({one.find})" for one in RULES if one.kind == "secrets" and not one.keep and one.name != "private-key"),
    f"()({_LOOKS})",
)
PATTERNS: Final = tuple(re.compile(one.replace("{name}", _NAME)) for one in _EXPRESSIONS)
NOTHING: Final = frozenset(
    (
        *(
            "null",
            "none",
            "nil",
            "~",
            "true",
            "false",
            "yes",
            "no",
            "on",
            "off",
            "{",
            "[",
            "|",
            ">",
            "|-",
            ">-",
            "{}",
            "[]",
        ),
        *("enabled", "disabled", "required", "optional", "basic", "digest", "default", "md5", "scram-sha-256", "trust"),
    )
)
# Values that say where the secret is, and hold none as their default.
REFERENCE: Final = re.compile(
    r"\$\{\w[\w.\-]*\}|\$\w+|\{\{[^{}'\"]*\}\}|\$\([^()'\"]*\)|%\(\w+\)s|<%[^%'\"]*%>|"
    r"(?:vault|env|secretsmanager|ref\+\w+|arn:aws):[\w./:#\-]+"
)
# Without one of these a text has no secret that a name or its looks give away.
TRIGGER: Final = (
    r"(?i)pass|pwd|secret|token|key|credential|cookie|dsn|webhook|rootpw|bindpw|salt|signature|authorization|otp|auth|\bpw\b|_pw|"
    r"\bsig|psk|bearer|basic |digest |kind|account |identified|://[^/\s]*:|akia|asia|gh[pousr]_|github_pat|xox|[rs]k[_-]|aiza|"
    r"eyj|glpat|npm_|hvs\.|dop_v1|sg\.|ya29|:aa|hooks\.slack|eaaced|\{s?(?:sha|smd5|crypt)|\$(?:1|2|5|6|7|y|argon|apr|pbkdf)|"
    r":(?:\d+|\*):"
)
