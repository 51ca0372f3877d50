"""``make test``: lint, types, import rules, migrations, and the suite on SQLite and on PostgreSQL."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence

from tests import environment
from tests.postgres import temporary_server

assert environment  # Importing it gives every part below a data directory of its own.
PYTHON = sys.executable
PYTEST = [PYTHON, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "--durations", "8"]
CHECKS: tuple[tuple[str, Sequence[str]], ...] = (
    ("lint", ["ruff", "check", "."]),
    ("format", ["ruff", "format", "--check", "."]),
    ("types", ["mypy"]),
    ("import rules", ["lint-imports"]),
    ("migrations", [PYTHON, "-m", "tests.migrations"]),
    ("dependencies", [PYTHON, "-m", "tests.audit"]),
)


def step(name: str, command: Sequence[str], **env: str) -> bool:
    """Run one part and say how it went."""
    began = time.monotonic()
    print(f"== {name}", flush=True)
    good = subprocess.run(list(command), env={**os.environ, **env}, check=False).returncode == 0
    print(f"== {name}: {'ok' if good else 'FAILED'} in {time.monotonic() - began:.0f} s", flush=True)
    return good


def main() -> int:
    """Run every part, also after one failed, and fail if any did."""
    good = [step(name, command) for name, command in CHECKS]
    if "--no-tests" not in sys.argv:
        good.append(step("suite on SQLite", PYTEST))
        with temporary_server() as url:
            if url is None:
                missing = os.environ.get("MAINSTAY_TEST_REQUIRE") == "all"
                print("== suite on PostgreSQL: skipped, no PostgreSQL server is installed", flush=True)
                good.append(not missing)
            else:
                command = [*PYTEST, "-m", "not once or either"]
                where = {"MAINSTAY_DATABASE_URL": url, "BENCH_POSTGRES": url}
                good.append(step("suite on PostgreSQL", command, **where, MAINSTAY_TEST_CRASH_SEEDS="1"))
    return 0 if all(good) else 1


if __name__ == "__main__":
    raise SystemExit(main())
