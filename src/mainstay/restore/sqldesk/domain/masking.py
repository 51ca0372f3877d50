"""Columns that people do not see: the rules of a connection, and what stands in place of a value."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

HIDDEN = "•••"


@dataclass(frozen=True)
class Mask:
    """A column that is hidden. ``table`` empty: in every table. ``show`` is nothing, last4 or hash."""

    column: str
    table: str = ""
    show: str = "nothing"


def masks_of(rules: Sequence[Mapping[str, Any]]) -> tuple[Mask, ...]:
    """From the rules of a connection."""
    return tuple(
        Mask(str(one["column"]).lower(), str(one.get("table") or "").lower(), str(one.get("show") or "nothing"))
        for one in rules
        if one.get("column")
    )


_SHOW: Mapping[str, Callable[[str], str]] = {
    "nothing": lambda _: HIDDEN,
    "last4": lambda text: HIDDEN + text[-4:] if len(text) > 8 else HIDDEN,
    "hash": lambda text: hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12],
}


def shown(mask: Mask, value: Any) -> Any:
    """What stands in place of a value. NULL is shown: that there is nothing gives nothing away."""
    return None if value is None else _SHOW.get(mask.show, _SHOW["nothing"])(str(value))
