"""Secrets and personal data taken out of lines before they reach the disk.

A rule is found by one expression and writes ``[redacted:NAME]`` in place of what it found. All triggers together are
one expression, so that the lines in which nothing can be found, nearly all of them, cost one pass.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

_NAMED_VALUE = (
    r"(?i)((?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|apikey|access[_-]?key|client[_-]?secret|"
    r"private[_-]?key|credential|authorization|cookie|session[_-]?id)[A-Za-z0-9_-]{0,20}\\?[\"']?\s{0,3}[=:]\s{0,3}"
    r"\\?[\"']?(?:Bearer |Basic |Splunk |Token |ApiKey )?)[^\s\"',;&\\)\]}\[][^\s\"',;&\\)\]}]{2,}"
)
_EMAIL = r"\b[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*\.[A-Za-z]{2,24}\b"
_CARD = r"\b[2-6][0-9](?:[ -]?[0-9]){11,17}\b"
_CARD_PARTS = re.compile(_CARD)


@dataclass(frozen=True)
class Rule:
    """``find`` is what to look for; ``keep`` what of it stays before the mark; ``kind`` the choice it belongs to."""

    name: str
    find: str
    kind: str = "secrets"
    keep: str = ""


RULES = (
    Rule("private-key", r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?s:.)*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\z)"),
    # Named values go before tokens known by their looks: what is left of them is a mark.
    Rule("secret", _NAMED_VALUE, keep="${1}"),
    Rule("jwt", r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    Rule("bearer", r"(?i)\b(bearer|basic) [A-Za-z0-9._~+/=-]{8,}", keep="${1} "),
    Rule("aws-key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    Rule("github-token", r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})\b"),
    Rule("slack-token", r"\bxox[abprs]-[A-Za-z0-9-]{10,}"),
    Rule("stripe-key", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    Rule("google-key", r"\bAIza[A-Za-z0-9_-]{35}"),
    Rule("url-password", r"(://[^\s/:@]{1,100}:)[^\s/@]{1,200}@", keep="${1}"),
    Rule("email", _EMAIL, kind="emails"),
    Rule("iban", r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b", kind="ibans"),
)
KINDS = ("cards", "secrets", "emails", "ibans")


def redact(texts: pl.Series, kinds: Collection[str]) -> pl.Series:
    """The texts (N) without what the chosen kinds of rules find."""
    rules = [rule for rule in RULES if rule.kind in kinds]
    triggers = [rule.find for rule in rules] + ([_CARD] if "cards" in kinds else [])
    if not triggers:
        return texts
    suspect = texts.str.contains("|".join(f"(?:{one})" for one in triggers)).fill_null(value=False).arg_true()
    if not suspect.len():
        return texts
    found = texts.gather(suspect)
    for rule in rules:
        mark = f"[redacted:{rule.name}]" + ("@" if rule.name == "url-password" else "")
        found = found.str.replace_all(rule.find, rule.keep + mark)
    if "cards" in kinds:
        # The check digit is looked at for those few texts that have enough digits in a row.
        cards = found.str.contains(_CARD).arg_true()
        clean = [_CARD_PARTS.sub(_without_card, text) for text in found.gather(cards)]
        found = found.scatter(cards, pl.Series(clean, dtype=pl.String)) if clean else found
    return texts.scatter(suspect, found)


def _without_card(found: re.Match[str]) -> str:
    digits = [int(sign) for sign in found.group() if sign.isdigit()]
    return "[redacted:card]" if 13 <= len(digits) <= 19 and passes_luhn(digits) else found.group()


def passes_luhn(digits: list[int]) -> bool:
    """Whether the last digit is the check digit of the others. Source: ISO/IEC 7812-1, annex B."""
    doubled = [sum(divmod(2 * digit, 10)) if place % 2 else digit for place, digit in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0 and any(digits)
