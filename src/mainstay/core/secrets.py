"""Secrets by name: a configuration names them, and where they are stays outside of it.

A secret is looked for in the environment (``MAINSTAY_SECRET_NAME``, or a file that ``MAINSTAY_SECRET_NAME_FILE``
names), then as a file in the data directory that ``mainstay secret set`` wrote.
"""

import os
import re
import secrets as _random
from pathlib import Path

from mainstay.core.settings import current

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


class SecretError(ValueError):
    """There is no such secret, or it cannot be read. The text says where it may be put."""


def _place(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise SecretError(f"secret {name!r}: write a name of letters, digits, dots and dashes")
    return Path(current().data_dir) / "secrets" / name


def variable(name: str) -> str:
    """The environment variable that holds a secret."""
    return "MAINSTAY_SECRET_" + re.sub(r"[^A-Z0-9]", "_", name.upper())


def get(name: str) -> str:
    """The secret with this name. Raises ``SecretError``."""
    place, inherited = _place(name), variable(name)
    if os.environ.get(inherited):
        return os.environ[inherited]
    named = os.environ.get(f"{inherited}_FILE")
    source = Path(named) if named else place
    try:
        return source.read_text(encoding="utf-8").rstrip("\n")
    except FileNotFoundError:
        raise SecretError(
            f"secret {name!r} is not known: run 'mainstay secret set {name}', or set {inherited} or {inherited}_FILE"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SecretError(f"secret {name!r} cannot be read from {source}: {error}") from None


def put(name: str, value: str) -> None:
    """Keep a secret in the data directory, readable by its owner alone."""
    place = _place(name)
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = place.with_name(f".{name}.{_random.token_hex(8)}")
    fresh.touch(mode=0o600)
    fresh.write_text(value, encoding="utf-8")
    fresh.replace(place)


def remove(name: str) -> bool:
    """Forget a secret of the data directory. Returns whether there was one."""
    place = _place(name)
    found = place.exists()
    place.unlink(missing_ok=True)
    return found


def names() -> list[str]:
    """The secrets that the data directory keeps."""
    place = Path(current().data_dir) / "secrets"
    return sorted(one.name for one in place.glob("[!.]*")) if place.is_dir() else []
