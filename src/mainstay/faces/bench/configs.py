"""How long it takes to look at many files of configuration and to compare two looks, and whether a secret stays.

The files are written as configuration is: settings, a secret in some, all different. SQLite.
"""

import random
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from mainstay.core.settings import current
from mainstay.faces.bench.figures import Figure, at_most
from mainstay.faces.bench.installation import own_database

T = TypeVar("T")
GOAL = 30.0
SECRET = "bench-Tr0ub4dor"  # noqa: S105 - what is looked for


def run(files: int, changed: int, seed: int) -> list[Figure]:
    """Look at so many files, change some, look again with the difference, and search the store's bytes."""
    chance = random.Random(seed)  # noqa: S311 - for settings, not for secrets
    place = Path(tempfile.mkdtemp(prefix="mainstay-bench-configs-"))
    try:
        return _measure(place, files, changed, chance)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _measure(place: Path, files: int, changed: int, chance: random.Random) -> list[Figure]:
    paths = [place / f"host{number % 40}" / f"app{number}.conf" for number in range(files)]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text(_text(chance, path.name))
    with own_database():
        from mainstay.change.configs import services
        from mainstay.core.access import LOCAL

        usual = {"kind": "files", "host": "", "command": "", "url": "", "connection": "", "ignore": [], "like": ""}
        entry = {"key": "bench", "name": "Bench", "files": [f"{place}/**/*.conf"], "enabled": True, "interval": None}
        services.save(LOCAL, {**usual, **entry}, None, "")
        first, _ = _timed(lambda: services.take(LOCAL, "bench"))
        again, none = _timed(lambda: services.take(LOCAL, "bench"))
        for path in chance.sample(paths, changed):
            path.write_text(_text(chance, path.name))
        after, row = _timed(lambda: services.take(LOCAL, "bench"))
        if none is not None or row is None:
            raise RuntimeError("a look that should have differed did not, or the other way round")
        before = services.snapshots(LOCAL, row.source)[1]
        diff, found = _timed(lambda: services.compared(LOCAL, row, services.snapshot(LOCAL, before.pk)))
        if len(found.found.changed) != changed:
            raise RuntimeError(f"{len(found.found.changed)} of {changed} changes were found")
        leaks = sum(SECRET.encode() in path.read_bytes() for path in current().data_dir.rglob("*") if path.is_file())
    return [
        Figure(f"first look at {files:,} files", round(first, 2), "s"),
        Figure("nothing has changed", round(again, 2), "s"),
        Figure(f"{changed:,} have changed", round(after, 2), "s"),
        Figure("their difference", round(diff, 2), "s"),
        at_most("first look and difference", first + diff, "s", GOAL),
        at_most("files of the store in which the secret stands", leaks, "files", 0),
    ]


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def _text(chance: random.Random, name: str) -> str:
    lines = [f"# {name}", f"listen = {chance.randrange(1024, 65_000)}", f"workers = {chance.randrange(64)}"]
    lines += [f"option.{chance.randrange(10_000)} = {chance.random():.6f}" for _ in range(40)]
    if chance.random() < 0.3:
        lines.append(f"db_password = {SECRET}-{chance.randrange(10**9)}")
    return "\n".join(lines) + "\n"
