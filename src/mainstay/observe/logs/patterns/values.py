"""What a value in a log message looks like: numbers, addresses, paths, sizes, moments, names after a sign."""

import re
from functools import lru_cache

EMPTY = "\x01"
_MARK = "\x02"
# The signs between words. Dots, dashes, slashes and underscores join what is one word or one value.
SIGNS = r"\s=:,;()\[\]{}\"'<>|"
_WORD = rf"[^{SIGNS}]"
UNIT = r"(?:bytes?|[kKMGTP]i?[Bb]|[numµ]?s|msecs?|secs?|seconds?|mins?|minutes?|hours?|hrs?|days?|%)"

_SPACES = re.compile(r"[ \t]+")
_NOTHING_SAID = re.compile(r"=(?=[\s,;)\]}]|$)")
_METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS")
_TARGET = r"[^\s\"]+(?: HTTP/[\d.]+)?"
_LONG_DATE = (
    r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\w*,? (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\w* +\d+ "
    r"\d\d:\d\d:\d\d(?: [A-Z]\w+)? \d{4}"
)
# Values that contain signs, the longest kinds first: each is folded into one word before the text is split.
_FOLDED = tuple(
    re.compile(one)
    for one in (
        "|".join(rf"(?<=\b{method} ){_TARGET}" for method in _METHODS),
        r"\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s,;\"'<>)\]]+",
        r"\b\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?",
        _LONG_DATE,
        r"(?<![\w.:])[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){3,}(?![\w:])",
        rf"(?<![\w.])(?:< ?)?\d[\d,]*(?:\.\d+)? {UNIT}(?![\w/])(?: \(\d[\d.,]* ?[kKMGT]?i?(?:B|bytes)\))?",
        r"(?<![\w.:])(?:< ?)?\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?(?![\w:])",
        rf"(?<![^{SIGNS}@])/?(?:[\w-]+(?:\.[\w-]+)+|[A-Za-z][\w-]*\d|localhost)?(?:/[\d.]+)?:\d{{2,5}}(?![\w.:/])",
        # A list of values with commas and no spaces.
        rf"{_WORD}*[0-9{_MARK}]{_WORD}*(?:,{_WORD}*[0-9{_MARK}]{_WORD}*)+",
    )
)
_SPLIT = re.compile(rf"([{SIGNS}]+)")
_PLACE = re.compile(f"{_MARK}([\ue000-\uf8ff]){_MARK}")
_FIRST_PLACE, _PLACES = 0xE000, 0xF8FF - 0xE000

_DIGIT = re.compile(r"[0-9]")
# Names that carry a number as part of the name (SOCKS5, tty2, x86_64): a value only when it is seen to vary.
_NUMBERED_NAME = re.compile(r"[A-Za-z_-]+\d{1,2}|[A-Za-z]{1,4}\d{1,3}[A-Za-z_]{1,3}\d{0,2}")
_LITERAL_VALUES = frozenset({"true", "false", "null", "nil", "none", "nan", "n/a", "root", "admin"})
_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+){2,}\.?")
# A name with dots that begins like these is a package of code, not a host.
_PACKAGE = re.compile(r"(?:com|org|net|io|java|javax|jakarta|sun|edu|akka|scala|kotlin|android|dev|system|microsoft)\.")
_ANNOUNCING = frozenset({"user", "host", "node", "file", "path", "username", "hostname", "account", "domain", "group"})
# After an announcing word these go on with the sentence; anything else is what was announced.
_GOES_ON = re.compile(
    "is|was|not|has|had|in|on|at|by|to|from|of|for|and|or|the|a|an|names?|id|with|does|did|do|can|could|will|unknown|"
    "failed|error|as|be|been|already|agent|data|system|format|info|type|list|session|process|mode|space|count|size|level"
)
_PLAIN = re.compile(r"[A-Za-z]?[a-z]*|[A-Z]+|[A-Za-z][a-z]*(?:[-'/_][A-Za-z]?[a-z]+)*")


@lru_cache(maxsize=50_000)
def is_certain(word: str) -> bool:
    """Whether a word is a value by its looks alone, even if it were the same in every line."""
    if word.lower() in _LITERAL_VALUES:
        return True
    if _DIGIT.search(word):
        return not _NUMBERED_NAME.fullmatch(word)
    return _is_path(word) or _is_host(word)


def is_value(word: str, sign_before: str, word_before: str) -> bool:
    """Whether a word stands where a value stands, or looks like one. It may turn out to be always the same."""
    if word == EMPTY or _DIGIT.search(word) or sign_before.endswith("=") or is_certain(word):
        return True
    announced = sign_before == " " and word_before.lower() in _ANNOUNCING
    return announced and not _GOES_ON.fullmatch(word.lower())


def _is_path(word: str) -> bool:
    rooted = word.startswith(("/", "~/")) and len(word) > 1
    return rooted or word.count("/") >= 2 or "\\" in word[1:-1] or ("@" in word[1:-1] and "." in word)


def _is_host(word: str) -> bool:
    return bool(_HOST.fullmatch(word)) and not _PACKAGE.match(word)


@lru_cache(maxsize=50_000)
def is_name(word: str) -> bool:
    """Whether a word looks like an identifier (``IdoTransportMgr``, ``rpc.statd``) rather than a word of a sentence."""
    bare = word.rstrip(".!?*").lstrip("*")
    return any(map(str.isalnum, bare)) and len(bare) > 3 and not _PLAIN.fullmatch(bare)


def is_punctuation(word: str) -> bool:
    """Whether nothing in a word can be read."""
    return not any(map(str.isalnum, word))


def split(text: str) -> tuple[list[str], list[str], list[bool]]:
    """The first line of a text as words, the signs between them, and which words are folded values.

    With W words there are W - 1 signs. A value that was left out, as in ``user=`` or ``()``, is the word ``EMPTY``.
    """
    line = _SPACES.sub(" ", text.partition("\n")[0]).strip().replace(_MARK, "").replace(EMPTY, "")
    line = _NOTHING_SAID.sub("=" + EMPTY, line)
    for pair in ("()", "[]", '""', "''"):
        line = line.replace(pair, pair[0] + EMPTY + pair[1])
    folded: list[str] = []

    def fold(found: re.Match[str]) -> str:
        if len(folded) >= _PLACES:
            return found.group()
        folded.append(found.group())
        return f"{_MARK}{chr(_FIRST_PLACE + len(folded) - 1)}{_MARK}"

    for kind in _FOLDED:
        line = kind.sub(fold, line)
    parts = _SPLIT.split(line)
    words = parts[0::2]
    return [_unfold(word, folded) for word in words], parts[1::2], [_MARK in word for word in words]


def _unfold(word: str, folded: list[str]) -> str:
    while _MARK in word:
        opened = _PLACE.sub(lambda found: folded[ord(found.group(1)) - _FIRST_PLACE], word)
        if opened == word:
            return word.replace(_MARK, "")
        word = opened
    return word
