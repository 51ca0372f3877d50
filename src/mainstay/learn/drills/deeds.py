"""Break and mend: faults of the demo shop by its own command, and a staging system by a runbook under its guards."""

import subprocess
import sys
from collections.abc import Iterable

from mainstay.core.access import SYSTEM
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.learn.drills.domain import Deed
from mainstay.restore.runbooks import services as runs

_SECONDS = 60


class DeedError(Exception):
    """It could not be broken or mended; the text says why."""


def possible(deed: Deed) -> bool:
    """Whether this installation can do it at all."""
    return bool(current().drill_shop) if deed.faults else bool(deed.runbook)


def carry_out(deed: Deed, verb: str, reason: str) -> None:
    """Break or heal what a deed names. Raises ``DeedError``."""
    if deed.faults:
        _shop(verb, deed.faults)
        return
    try:
        runs.begin(SYSTEM, deed.runbook, dict(deed.inputs), reason=reason, automatic="a drill")
    except ProblemError as error:
        raise DeedError(f"the runbook {deed.runbook} does not begin: {error.detail}") from error


def _shop(verb: str, faults: Iterable[str]) -> None:
    shop = current().drill_shop
    if not shop:
        raise DeedError("the setting drill_shop names no directory of a demo shop")
    for fault in faults:
        command = [sys.executable, "-m", "cornershop", verb, fault, "--dir", shop]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise DeedError(f"{verb} {fault} took more than {_SECONDS} s") from error
        if done.returncode:
            raise DeedError(f"{verb} {fault}: {done.stderr.strip() or done.stdout.strip()}"[:500])
