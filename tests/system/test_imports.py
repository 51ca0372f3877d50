"""What a process holds in memory from its start."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.once
# What only some work needs, each 5 to 40 MB in web and worker alike.
LATE = ("pyarrow", "asyncssh", "fpdf", "sqlalchemy", "mcp", "httpx2")
_LOOK = """
import sys, django
django.setup()
import mainstay.faces.run.{role}, mainstay.faces.web.urls
print(*(name for name in {late} if name in sys.modules))
"""


@pytest.mark.parametrize("role", ["web", "worker"])
def test_what_few_need_is_loaded_when_it_is_needed(role: str) -> None:
    look = _LOOK.format(role=role, late=LATE)
    answer = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == []
