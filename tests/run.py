"""``make test``: lint, types, import rules, migrations, and the suite on SQLite and on PostgreSQL."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests import environment
from tests.postgres import temporary_server

assert environment  # Importing it gives every part below a data directory of its own.
PYTHON = sys.executable
PYTEST = [PYTHON, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "--durations", "8"]
CHECKS: tuple[tuple[str, Sequence[str]], ...] = (
    # The longest first; the others go on beside it.
    ("types", ["mypy"]),
    ("lint", ["ruff", "check", "."]),
    ("format", ["ruff", "format", "--check", "."]),
    ("import rules", ["lint-imports"]),
    ("migrations", [PYTHON, "-m", "tests.migrations"]),
    ("dependencies", [PYTHON, "-m", "tests.audit"]),
)


def step(name: str, command: Sequence[str], **env: str) -> list[str]:
    """Run one part, say how it went, and return the lines that say what failed: none if nothing did."""
    began = time.monotonic()
    print(f"== {name}", flush=True)
    run = subprocess.Popen(
        list(command), env={**os.environ, **env}, stdout=subprocess.PIPE, text=True, errors="replace"
    )
    failed = []
    for line in run.stdout or ():
        print(line, end="", flush=True)
        if line.startswith(("FAILED ", "ERROR ")):
            failed.append(line.rstrip())
    good = run.wait() == 0
    verdict = f"== {name}: {'ok' if good else 'FAILED'} in {time.monotonic() - began:.0f} s"
    print(verdict, flush=True)
    return [] if good else [verdict, *failed]


def check(part: tuple[str, Sequence[str]]) -> list[str]:
    """Run one part whose output is short, beside others; print it whole, so that two do not mix."""
    name, command = part
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    verdict = f"== {name}: {'FAILED' if done.returncode else 'ok'} in {time.monotonic() - began:.0f} s"
    print(f"== {name}\n{done.stdout}{done.stderr}{verdict}", flush=True)
    return [verdict] if done.returncode else []


def main() -> int:
    """Run every part, also after one failed; say last what failed, and fail if anything did."""
    with ThreadPoolExecutor(2) as beside:
        failed = [line for lines in beside.map(check, CHECKS) for line in lines]
    if "--no-tests" not in sys.argv:
        failed += step("suite on SQLite", PYTEST)
        with temporary_server() as url:
            if url is None:
                skipped = "== suite on PostgreSQL: skipped, no PostgreSQL server is installed"
                print(skipped, flush=True)
                failed += [skipped] if os.environ.get("MAINSTAY_TEST_REQUIRE") == "all" else []
            else:
                command = [*PYTEST, "-m", "not once or either"]
                where = {"MAINSTAY_DATABASE_URL": url, "BENCH_POSTGRES": url}
                failed += step("suite on PostgreSQL", command, **where)
    if failed:
        print("== What failed:", *failed, sep="\n", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
