"""Read the settings from their four places and remember where each value came from."""

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from mainstay.core.settings.kinds import Spec
from mainstay.core.settings.spec import BY_NAME, SPECS


class SettingsError(ValueError):
    """A setting cannot be used. The text names the setting, where it stands and the remedy."""


@dataclass(frozen=True)
class Loaded:
    """All settings with their values, and for each the place that it came from."""

    values: Mapping[str, Any]
    origins: Mapping[str, str]

    def __getattr__(self, name: str) -> Any:
        """A setting by name."""
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None

    @cached_property
    def data_dir(self) -> Path:
        """The data directory as an absolute path."""
        return Path(str(self.values["data"])).expanduser().absolute()

    @property
    def public_url(self) -> str:
        """The address that people reach Mainstay at, without a slash at the end."""
        return str(self.values["base_url"] or f"http://{self.values['listen']}").rstrip("/")

    def as_text(self, name: str) -> str:
        """A value as a flag or the environment would give it."""
        value = self.values[name]
        return ",".join(value) if isinstance(value, tuple) else str(value)

    def shown(self, name: str) -> str:
        """A value as text that is fit for a screen: secrets are only said to be set."""
        if BY_NAME[name].secret:
            return "(set, not shown)" if self.values[name] else "(not set)"
        return self.as_text(name)


def _from_environment(spec: Spec, env: Mapping[str, str]) -> tuple[Any, str] | None:
    if spec.env in env:
        return env[spec.env], f"environment {spec.env}"
    file_name = env.get(spec.env + "_FILE")
    if file_name:
        try:
            return Path(file_name).read_text(encoding="utf-8").rstrip("\n"), f"file {file_name} ({spec.env}_FILE)"
        except OSError as error:
            raise SettingsError(f"{spec.env}_FILE: cannot read {file_name}: {error.strerror}") from error
    return None


def read_file(path: Path) -> dict[str, Any]:
    """The settings in a YAML file. An unknown name is refused with the nearest known one."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: not YAML: {error}") from error
    if not isinstance(raw, dict):
        raise SettingsError(f"{path}: write one 'name: value' a line")
    for name in raw:
        if name not in BY_NAME:
            near = difflib.get_close_matches(str(name), BY_NAME, 1)
            raise SettingsError(f"{path}: unknown setting {name!r}" + (f", did you mean {near[0]!r}?" if near else ""))
    return raw


def load(
    flags: Mapping[str, Any] | None = None, env: Mapping[str, str] | None = None, file: Path | None = None
) -> Loaded:
    """Settings from flags, the environment, a YAML file and the defaults, in that order of strength.

    Without ``file`` the file named by ``MAINSTAY_CONFIG`` is read, else ``mainstay.yaml`` in the data directory.
    Raises ``SettingsError`` naming the setting and where its bad value stands.
    """
    flags = {name: value for name, value in (flags or {}).items() if value is not None}
    env = os.environ if env is None else env
    data = str(flags.get("data") or env.get("MAINSTAY_DATA") or BY_NAME["data"].default)
    named = file or (Path(env["MAINSTAY_CONFIG"]) if env.get("MAINSTAY_CONFIG") else None)
    path = named or Path(data) / "mainstay.yaml"
    from_file = read_file(path) if named or path.exists() else {}
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for spec in SPECS:
        if spec.name in flags:
            found: tuple[Any, str] | None = (flags[spec.name], f"flag --{spec.name.replace('_', '-')}")
        else:
            found = _from_environment(spec, env)
        if found is None and spec.name in from_file:
            found = (from_file[spec.name], f"file {path}")
        if found is None:
            values[spec.name], origins[spec.name] = spec.default, "default"
            continue
        try:
            values[spec.name] = spec.parse(found[0])
        except ValueError as error:
            raise SettingsError(f"setting {spec.name} ({found[1]}): {error}") from None
        origins[spec.name] = found[1]
    return Loaded(values, origins)


_current: list[Loaded] = []


def use(loaded: Loaded) -> None:
    """Make these the settings of this process."""
    _current[:] = [loaded]


def current() -> Loaded:
    """The settings of this process, read from the environment and the file on first use."""
    if not _current:
        use(load())
    return _current[0]
