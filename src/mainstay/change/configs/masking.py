"""Secrets taken out of configuration before anything is kept. Pure.

In place of a secret stands ``[secret 3f9a17c2]``: a tag of it under a key of this installation, so that a change of a
secret is seen and the secret is not. Without the key a tag cannot be turned back.

Configuration gives secrets away by their names far more often than by their looks, so that whole values of telling
names go, up to the end of the line where nothing quotes them; what tokens look like is taken from the rules for logs.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence

import polars as pl

from mainstay.observe.logs.redaction import RULES

# A name that gives a secret away, and what such a name ends with when it speaks of the secret instead.
_ABOUT = (
    *("ttl", "timeout", "seconds", "minutes", "hours", "days", "interval", "length", "size", "file", "path", "dir"),
    *("policy", "enabled", "rotation", "count", "header", "name", "type", "algorithm", "expiry", "rounds"),
)
_NAME = (
    r"[\w.\-]*(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_\-.]?key|access[_\-.]?key|private[_\-.]?key|"
    r"signing[_\-.]?key|encryption[_\-.]?key|master[_\-.]?key|credential|dsn|webhook)[\w.\-]*"
    + "".join(f"(?<!{one})" for one in _ABOUT)
)
_QUOTED = r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'"
_FRONT = r"(?:^|[\s,;{(\[?&>$\"'])[\"']?"
# Each has two groups: what stands in front and is kept, and what goes. What one took is a mark for those after it.
_EXPRESSIONS = (
    r"()(-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(?s:.)*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z))",
    # Kubernetes: an entry of an environment, whose value stands on the next line.
    rf"(?im)(name:\s*[\"']?{_NAME}[\"']?\s*\n\s*value:\s*)({_QUOTED}|[^\n]+)",
    rf"(?i)(<{_NAME}(?:\s[^<>]*)?>)([^<>]+)(?=</)",
    rf"(?i)(\bkey=[\"']{_NAME}[\"']\s+value=)({_QUOTED})",
    # NAME = "value", 'value', value; JSON, YAML, INI, properties, shell, TOML.
    rf"(?im)({_FRONT}{_NAME}[\"']?\s*(?:=>|:=|[=:])[ \t]*)({_QUOTED}|[^\s\"',;][^\n,;]*)",
    # .netrc, .pgpass, hashes of passwords, addresses, headers.
    r"(?im)((?:^|[ \t])(?:password|account)[ \t]+)([^\s=:]\S*)",
    r"(?m)(^[^:#\s]+:(?:\d+|\*):[^:\n]+:[^:\n]+:)(\S+)",
    r"()(\$(?:1|2[abxy]|5|6|7|y|argon2\w*|apr1)\$[^\s:\"']+)",
    r"(://[^\s/:@\"']*:)([^\s/@\"']+)(?=@)",
    r"(?i)(\b(?:bearer|basic) )([A-Za-z0-9._~+/=\-]{8,})",
    *(f"()({one.find})" for one in RULES if one.kind == "secrets" and not one.keep and one.name != "private-key"),
)
_PATTERNS = tuple(map(re.compile, _EXPRESSIONS))
_MARK = re.compile(r"\[secret [0-9a-f]{8}\]")
_SECRET_DOCUMENT = re.compile(r"(?im)^\s*[\"']?kind[\"']?:\s*[\"']?Secret[\"']?,?\s*$")
_DATA_BLOCK = re.compile(r"(?m)^(\s*)(?:data|stringData):[ \t]*\n((?:\1[ \t]+.*\n?|[ \t]*\n)+)")
_DATA_LINE = re.compile(r"(?m)^(\s*[\w.\-\"']+:\s*)(\S[^\n]*)$")
# Without one of these a text has no secret that a name or its looks give away.
_TRIGGER = (
    r"(?i)pass|pwd|secret|token|key|credential|dsn|webhook|bearer|basic |://[^/\s]*:|"
    r"akia|asia|gh[pousr]_|github_pat|xox|[rs]k_|aiza|eyj|\$(?:1|2|5|6|7|y|argon|apr)|account |:(?:\d+|\*):"
)


def tag_of(secret: str, key: bytes) -> str:
    """Eight hexadecimal digits that stand for a secret under a key."""
    return hmac.new(key, secret.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()[:8]


def masked(texts: Sequence[str], key: bytes) -> list[str]:
    """The texts without their secrets. Those that cannot have any, most of them, cost one pass of an automaton."""
    suspect = pl.Series(texts, dtype=pl.String).str.contains(_TRIGGER).to_list()
    return [_without(text, key) if one else text for text, one in zip(texts, suspect, strict=True)]


def _without(text: str, key: bytes) -> str:
    def mark(secret: str) -> str:
        bare = secret.strip().strip("\"'")
        if not bare or _MARK.fullmatch(bare) or bare.lower() in _NOTHING or bare.startswith(("${", "{{", "$(")):
            return secret
        quote = secret[0] if secret[:1] in {'"', "'"} and secret[-1:] == secret[:1] and len(secret) > 1 else ""
        return f"{quote}[secret {tag_of(bare, key)}]{quote}"

    if _SECRET_DOCUMENT.search(text):
        text = _DATA_BLOCK.sub(lambda block: _DATA_LINE.sub(_keeping(mark), block.group()), text)
    for pattern in _PATTERNS:
        text = pattern.sub(_keeping(mark), text)
    return text


_NOTHING = frozenset(("", "null", "none", "nil", "~", "true", "false", "yes", "no", "on", "off", "{", "[", "|", ">"))


def _keeping(mark: Callable[[str], str]) -> Callable[[re.Match[str]], str]:
    """What is kept in front, then the mark in place of what goes."""
    return lambda found: found.group(1) + mark(found.group(2))
