"""Entries name each other by key; here the names become rows."""

from collections.abc import Sequence
from typing import TypeVar

from django.db.models import Model

M = TypeVar("M", bound=Model)


class MissingError(ValueError):
    """An entry names something that does not exist. The text names the field and the nearest name."""


def several(model: type[M], keys: Sequence[str], field: str, by: str = "key") -> list[M]:
    """The rows with these keys, or an error that names the first that is missing."""
    found = {getattr(row, by): row for row in model._default_manager.filter(**{f"{by}__in": list(keys)})}
    for key in keys:
        if key not in found:
            raise MissingError(f"{field}: there is no {model._meta.verbose_name} {key!r}")
    return [found[key] for key in keys]


def one(model: type[M], key: str | None, field: str) -> M | None:
    """The row with this key; nothing for none."""
    return several(model, [key], field)[0] if key else None
