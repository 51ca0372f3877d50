"""Parts of other people that tests talk to. One that is missing skips its tests with a line, or fails them in CI."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def need(program: str, *places: str) -> str:
    """The path of a program, or the end of the test that needs it."""
    found = shutil.which(program) or next((place for place in places if Path(place).exists()), None)
    if found:
        return found
    reason = f"{program} is not installed; .ci/run installs it"
    if os.environ.get("MAINSTAY_TEST_REQUIRE") == "all":
        pytest.fail(reason)
    pytest.skip(reason)


def until(what: str, look: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Look again and again until there is something, or fail saying what was waited for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds:.0f} s in vain: {what}")
