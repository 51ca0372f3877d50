"""Regular expressions that people write into signatures, each in time that grows with the text alone.

What most of them say (a few words, a beginning, an end, a part) is compared as text. The rest goes to an engine without
backtracking (RE2, as Arrow has it), and what it was asked before is remembered: labels have few values.
"""

import re
from collections.abc import Callable
from functools import lru_cache, partial

import pyarrow as pa
import pyarrow.compute as pc

LONGEST = 300
LONGEST_VALUE = 1000
# All counted repetitions of an expression multiplied: it bounds the states that the engine walks through.
MOST_REPEATED = 100
_REMEMBERED = 20_000
_LITERAL = r"(?:[\w\- :/@#%&=,;<>~!'\"]|\\[.\-+*?()\[\]{}|^$/\\])+"
_BRANCH = re.compile(rf"(?P<open>\.\*)?(?P<literal>{_LITERAL})(?P<close>\.\*)?", re.ASCII)
_COUNTED = re.compile(r"(?<!\\)\{(\d+)(?:,(\d*))?\}")
Fits = Callable[[str], bool]


class ExpressionError(ValueError):
    """An expression cannot be used; the text says why and what to do."""


@lru_cache(maxsize=50_000)
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
    whole = rf"\A(?s:{expression})\z"
    try:
        # By itself as well: a parenthesis too many would close the one around it.
        for one in (expression, whole):
            pc.match_substring_regex(pa.scalar(""), one)
    except pa.ArrowInvalid as error:
        said = str(error).removeprefix("Invalid regular expression: ")
        raise ExpressionError(f"it cannot be compiled: {said}") from None
    return partial(_asked, whole)


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


@lru_cache(maxsize=_REMEMBERED)
def _asked(whole: str, value: str) -> bool:
    return bool(pc.match_substring_regex(pa.scalar(value[:LONGEST_VALUE]), whole).as_py())
