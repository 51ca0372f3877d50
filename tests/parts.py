"""Parts of other people that tests talk to. One that is missing skips its tests with a line, or fails them in CI."""

import os
import shutil
from pathlib import Path

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
