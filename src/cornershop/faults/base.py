"""What a fault is."""

from collections.abc import Callable
from dataclasses import dataclass

from cornershop.changes import ChangeReporter
from cornershop.layout import Shop, read_json, write_json


@dataclass(frozen=True)
class Scene:
    """A running shop and the way to report what is changed in it."""

    shop: Shop
    changes: ChangeReporter


@dataclass(frozen=True)
class Fault:
    """One way in which the shop really breaks.

    `is_active` looks at the cause itself (a configuration file, a row, a file on disk), so that the answer is right
    whichever way the cause was removed. `heal` returns what is left to do, or "".
    """

    name: str
    summary: str
    service: str
    metric: str
    log_line: str
    business_effect: str
    workaround: str
    break_it: Callable[[Scene], None]
    heal: Callable[[Scene], str]
    is_active: Callable[[Shop], bool]


def set_config(shop: Shop, name: str, **values: object) -> None:
    """Change values of a configuration file; the service notices within a second."""
    path = shop.config_path(name)
    write_json(path, {**read_json(path), **values})


def config_is(shop: Shop, name: str, key: str, value: object) -> bool:
    """Whether a configuration value is a certain one."""
    return bool(read_json(shop.config_path(name)).get(key) == value)
