"""The names of levels as logs write them, and the six that we keep."""

from collections.abc import Mapping

import polars as pl

# Word in lower case -> one of trace, debug, info, warning, error, fatal.
NAMES: Mapping[str, str] = {
    **dict.fromkeys(("trace", "trc", "finest", "finer", "verbose", "verb", "v", "t"), "trace"),
    **dict.fromkeys(("debug", "dbg", "fine", "d"), "debug"),
    **dict.fromkeys(("info", "inf", "information", "informational", "notice", "note", "config", "log", "i"), "info"),
    **dict.fromkeys(("warning", "warn", "wrn", "w"), "warning"),
    **dict.fromkeys(("error", "err", "severe", "failure", "e"), "error"),
    **dict.fromkeys(("fatal", "ftl", "critical", "crit", "alert", "emerg", "emergency", "panic", "f", "c"), "fatal"),
}
# Numbers: those of Bunyan and Pino.
NUMBERS: Mapping[str, str] = {
    "10": "trace", "20": "debug", "30": "info", "40": "warning", "50": "error", "60": "fatal",
}  # fmt: skip
_LONG = sorted((name for name in NAMES if len(name) > 2), key=len, reverse=True)
# As a word in capitals, which is how a header writes it; in small letters only where something marks it as a level.
CAPITALS = "|".join(name.upper() for name in _LONG if name not in {"log", "note", "alert", "config", "failure"})
ANY_CASE = "(?i:" + "|".join(_LONG) + ")"
_IN_TEXT = r"(?:\A|[\s\[(|:<])(" + CAPITALS + r")(?:[\s\])|:>,]|\z)"
_HEAD = 300


def named(words: pl.Series) -> pl.Series:
    """The level of each word (N), empty where it is no level."""
    low = words.str.strip_chars(" []():<>|,").str.to_lowercase()
    known = {**NAMES, **NUMBERS}
    return low.replace_strict(list(known), list(known.values()), default="", return_dtype=pl.String).fill_null("")


def in_text(texts: pl.Series) -> pl.Series:
    """The first level that a text names in capitals (N), empty where it names none."""
    return named(texts.str.slice(0, _HEAD).str.extract(_IN_TEXT).fill_null(""))
