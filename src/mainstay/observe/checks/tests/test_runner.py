"""Programs that are run: real processes, their environment, their end."""

import os
import pwd
import select
import signal
import time
from pathlib import Path

import pytest

from mainstay.core.settings import current
from mainstay.observe.checks.runner import Limits, Outcome, run

pytestmark = pytest.mark.once
SECRET = "hunter2-and-more"


def sh(text: str, seconds: float = 10, output: int = 10_000, user: str = "", **env: str) -> Outcome:
    return run([], f"#!/bin/sh\n{text}\n", env, [SECRET], Limits(seconds, output, user))


def is_gone(pid: int) -> bool:
    """Whether a process that was killed is not there any more, which the kernel sees to a moment later."""
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watch], [], [], 5)[0])
    finally:
        os.close(watch)


def test_the_exit_code_and_both_streams_are_kept() -> None:
    found = sh("echo fine; echo beside >&2; exit 2")
    assert (found.code, found.output, found.problem, found.late) == (2, "fine\nbeside\n", "", False)


def test_it_sees_its_own_variables_and_none_of_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAINSTAY_SECRET_KEY", "not for scripts")
    seen = dict(line.partition("=")[::2] for line in sh("env; pwd", ASKED="1").output.splitlines())
    assert seen["ASKED"] == "1"
    assert "MAINSTAY_SECRET_KEY" not in seen
    assert seen["PWD"] != str(Path.cwd())


def test_a_secret_is_a_variable_and_no_argument_and_is_hidden() -> None:
    found = sh('tr "\\0" " " < /proc/$$/cmdline; echo; echo "key is $KEY"', KEY=SECRET)
    assert SECRET not in found.output
    assert "key is •••" in found.output


def test_arguments_are_no_shell() -> None:
    found = run(["/bin/echo", "$(id); `id` && id | x"], "", {}, [], Limits(10, 1000))
    assert found.output == "$(id); `id` && id | x\n"


def test_one_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    began = time.monotonic()
    found = sh(f"trap '' TERM; sleep 600 & echo $! > {file}; echo so far; wait", seconds=0.5)
    assert time.monotonic() - began < 8
    assert (found.code, found.late, found.output) == (None, True, "so far\n")
    assert found.problem == "it did not end within 0.5 s and was ended"
    assert is_gone(int(file.read_text()))


def test_one_that_is_late_may_tidy_up_within_the_grace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "tidy"
    script = f"trap 'echo tidied; touch {file}; exit 0' TERM; sleep 600 & wait"
    assert sh(script, seconds=0.5).late
    assert file.exists()
    file.unlink()
    monkeypatch.setitem(current().values, "program_grace", 0.0)
    assert sh(script, seconds=0.5).late
    assert not file.exists()


def test_one_that_leaves_a_child_with_its_pipe_is_not_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    began = time.monotonic()
    found = sh(f"sleep 600 & echo $! > {file}; echo done; exit 1", seconds=30)
    assert time.monotonic() - began < 5
    assert (found.code, found.output) == (1, "done\n")
    assert is_gone(int(file.read_text()))


def test_one_that_closes_its_output_is_waited_for() -> None:
    found = sh("exec >&- 2>&-; sleep 0.2; exit 3")
    assert (found.code, found.late) == (3, False)
    assert sh("exec >&- 2>&-; sleep 60", seconds=0.3).late


def test_output_beyond_the_limit_is_dropped_and_does_not_block() -> None:
    found = sh("head -c 3000000 /dev/zero | tr '\\0' x; exit 1", output=1000)
    assert (found.code, found.output) == (1, "x" * 1000)


def test_what_cannot_be_run_says_why() -> None:
    limits = Limits(5, 1000)
    assert "No such file" in run(["/nowhere/program"], "", {}, [], limits).problem
    assert "which is no user" in sh("true", user="nobody-there").problem
    assert sh(f"kill -{signal.SIGKILL} $$").problem == "it was ended by signal 9"


@pytest.mark.skipif(os.getuid() != 0, reason="only root may run programs as somebody else")
def test_it_runs_as_another_user_who_owns_its_directory() -> None:
    nobody = pwd.getpwnam("nobody")
    found = sh("id -u; touch here && ls; cat /etc/shadow", user="nobody")
    assert found.output.splitlines()[:3] == [str(nobody.pw_uid), "here", "script"]
    assert "Permission denied" in found.output
