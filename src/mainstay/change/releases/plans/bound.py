"""Conditions such as ``<= 5`` and ``== paid``. Pure."""

import math
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

_WRITTEN = re.compile(r"\s*(==|!=|<=|>=|<|>)\s*(.*?)\s*", re.DOTALL)


class BoundError(ValueError):
    """A condition cannot be read; the text says how to write one."""


def number_of(value: object) -> Decimal | None:
    """A value as a number, exactly; nothing for what is none, and for what is no finite one."""
    if isinstance(value, bool) or value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    try:
        found = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def text_of(value: object) -> str:
    """A value as JSON and people write it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


@dataclass(frozen=True)
class Bound:
    """How a value is compared, and with what."""

    operator: str
    wanted: str

    @classmethod
    def of(cls, text: str, *, number: bool = False) -> "Bound":
        """Read one. Only equality compares texts; with ``number`` nothing does."""
        found = _WRITTEN.fullmatch(text)
        if found is None or not found[2]:
            raise BoundError("write a comparison such as '<= 5' or '== paid'")
        bound = cls(found[1], found[2])
        if (number or bound.operator not in {"==", "!="}) and number_of(bound.wanted) is None:
            raise BoundError(f"{bound.wanted!r} is no number; {bound.operator} compares numbers")
        return bound

    def holds(self, value: object) -> bool | None:
        """Whether it is so; nothing when the two cannot be compared."""
        left, right = number_of(value), number_of(self.wanted)
        if self.operator in {"==", "!="}:
            same = left == right if left is not None and right is not None else text_of(value) == self.wanted
            return same is (self.operator == "==")
        if left is None or right is None:
            return None
        return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[self.operator]

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.operator} {self.wanted}"
