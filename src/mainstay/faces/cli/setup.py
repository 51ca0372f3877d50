"""Getting ready to run a command: settings from the flags, then Django."""

import os
import sys
from collections.abc import Sequence

from mainstay.core import settings
from mainstay.core.settings import SPECS, SettingsError


def take_settings(argv: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Split ``--setting VALUE`` and ``--setting=VALUE`` off a command line: (the rest, the settings).

    Every setting is a flag of every command, but for secrets: an argument list can be read by others on the machine.
    """
    by_flag = {f"--{spec.name.replace('_', '-')}": spec for spec in SPECS}
    rest: list[str] = []
    found: dict[str, str] = {}
    words = list(argv)
    while words:
        word = words.pop(0)
        if word == "--":
            rest += [word, *words]
            break
        name, equals, value = word.partition("=")
        spec = by_flag.get(name)
        if spec is None:
            rest.append(word)
            continue
        if spec.secret:
            raise SettingsError(f"{name} is a secret and no flag; set {spec.env} or {spec.env}_FILE instead")
        if not equals:
            if not words:
                raise SettingsError(f"{name} needs a value")
            value = words.pop(0)
        found[spec.name] = value
    return rest, found


def use_settings(flags: dict[str, str]) -> None:
    """Load the settings for this process and those that it starts."""
    loaded = settings.load(flags)
    settings.use(loaded)


def use_django() -> None:
    """Make the rooms usable."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "mainstay.core.django_settings"
    import django

    django.setup()


def say(text: str) -> None:
    """A message for the person: standard error, so that results can be piped."""
    print(text, file=sys.stderr, flush=True)
