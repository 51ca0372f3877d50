"""Regular expressions that people write into signatures, each in time that grows with the text alone.

What most of them say (a few words, a beginning, an end, a part) is compared as text. The rest goes to an engine without
backtracking (RE2), compiled once.
"""

import re
from collections.abc import Callable
from functools import lru_cache, partial

import re2

LONGEST = 300
LONGEST_VALUE = 1000
# All counted repetitions of an expression multiplied: it bounds the states that the engine walks through.
MOST_REPEATED = 100
# Bytes an expression may take, compiled and with what it remembers of its states.
_MEMORY = 1 << 18
_LITERAL = r"(?:[\w\- :/@#%&=,;<>~!'\"]|\\[.\-+*?()\[\]{}|^$/\\])+"
_BRANCH = re.compile(rf"(?P<open>\.\*)?(?P<literal>{_LITERAL})(?P<close>\.\*)?", re.ASCII)
_COUNTED = re.compile(r"(?<!\\)\{(\d+)(?:,(\d*))?\}")
Fits = Callable[[str], bool]


class ExpressionError(ValueError):
    """An expression cannot be used; the text says why and what to do."""


@lru_cache(maxsize=20_000)
def compiled(expression: str) -> Fits:
    """Whether a value fits an expression from its first sign to its last. Raises ``ExpressionError``."""
    if len(expression) > LONGEST:
        raise ExpressionError(f"it has {len(expression)} signs, and {LONGEST} may be; write several known errors")
    repeated = 1
    for low, high in _COUNTED.findall(expression):
        repeated *= max(int(low), int(high or 1), 1)
    if repeated > MOST_REPEATED:
        raise ExpressionError(f"it repeats something up to {repeated} times; write + or * instead of a large number")
    branches = [_BRANCH.fullmatch(one) for one in expression.split("|")]
    if all(branches):
        return partial(_any_of, tuple(_plain(one) for one in branches if one))
    try:
        found = re2.compile(expression, _options())
    except re2.error as error:
        raise ExpressionError(f"it cannot be compiled: {_said(error)}") from None
    return lambda value: found.fullmatch(value[:LONGEST_VALUE]) is not None


def _options() -> re2.Options:
    options = re2.Options()
    options.dot_nl, options.log_errors, options.max_mem = True, False, _MEMORY
    return options


def _said(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)


def _plain(found: re.Match[str]) -> tuple[bool, str, bool]:
    """A branch as (may anything stand before, the text, may anything follow)."""
    return bool(found["open"]), re.sub(r"\\(.)", r"\1", found["literal"]), bool(found["close"])


def _any_of(branches: tuple[tuple[bool, str, bool], ...], value: str) -> bool:
    value = value[:LONGEST_VALUE]
    for before, text, after in branches:
        if before and after:
            fits = text in value
        elif before:
            fits = value.endswith(text)
        else:
            fits = value.startswith(text) if after else value == text
        if fits:
            return True
    return False
