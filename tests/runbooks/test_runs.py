"""Runs from the draft to their end, with real programs."""

import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from mainstay.core import clock
from mainstay.core.problems import ProblemError
from mainstay.observe.changes import services as changes
from mainstay.observe.changes.services import ChangeEvent
from mainstay.restore.runbooks import answering, services
from mainstay.restore.runbooks.models import Run
from tests.runbooks.shelf import again, cell, done, draft, person, said, states, step, work, write

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("company")]


def test_steps_run_in_order_and_what_they_say_is_kept(tmp_path: Path) -> None:
    write(
        step("shell id=one", f"echo one >> {tmp_path}/trail; echo hello; echo oops >&2"),
        step("python id=two", f"open('{tmp_path}/trail', 'a').write('two\\n')\nprint('from python')"),
        step("check id=good", f"grep two {tmp_path}/trail"),
        verify="good",
    )
    run = done(draft())
    assert (run.state, run.state_reason) == (Run.State.DONE, "")
    assert states(run) == {"one": "done", "two": "done", "good": "done", "verify:good": "done"}
    assert (tmp_path / "trail").read_text() == "one\ntwo\n"
    assert "hello\n" in said(run, "one")
    assert "oops\n" in said(run, "one")
    assert said(run, "two") == "from python\n"


def test_a_failure_ends_the_run_and_it_resumes_there(tmp_path: Path) -> None:
    write(
        step("shell id=one", f"echo one >> {tmp_path}/trail"),
        step("shell id=two", f"test -e {tmp_path}/ready && echo two >> {tmp_path}/trail"),
        step("shell id=three", f"echo three >> {tmp_path}/trail"),
    )
    run = done(draft())
    assert run.state == Run.State.FAILED
    assert run.state_reason == "two failed: exit code 1"
    assert states(run) == {"one": "done", "two": "failed", "three": "waiting"}
    (tmp_path / "ready").touch()
    services.resume(person("ben"), run.pk)
    work()
    assert again(run).state == Run.State.DONE
    assert (tmp_path / "trail").read_text() == "one\ntwo\nthree\n"
    assert cell(run, "two").attempt == 2


def test_exit_codes_do_not_make_a_run_good_when_its_verification_fails() -> None:
    write(
        step("shell id=one", "true"),
        step("check id=good timeout=300ms every=100ms", "false"),
        step("shell id=never", "true"),
        verify="good",
    )
    run = done(draft())
    assert run.state == Run.State.FAILED
    write(
        step("shell id=one", "true"),
        step("check id=good timeout=300ms every=100ms on-failure=continue", "false"),
        verify="good",
    )
    run = done(draft())
    assert run.state == Run.State.FAILED
    assert "the verification does not hold" in run.state_reason


def test_what_a_step_did_is_undone_in_reverse(tmp_path: Path) -> None:
    trail = tmp_path / "trail"
    write(
        step("shell id=one undo=back-one", f"echo one >> {trail}"),
        step("shell id=two undo=back-two on-failure=undo", f"echo two >> {trail}; exit 3"),
        step("shell id=back-one", f"echo back-one >> {trail}"),
        step("shell id=back-two", f"echo back-two >> {trail}"),
    )
    run = done(draft())
    assert run.state == Run.State.FAILED
    assert run.state_reason == "two failed: exit code 3; it was undone"
    assert trail.read_text().split() == ["one", "two", "back-two", "back-one"]
    assert states(run) == {"one": "waiting", "two": "failed", "undo:back-two": "done", "undo:back-one": "done"}
    with clock.moved(timedelta(hours=3)):
        services.resume(person("ben"), run.pk)
        work()
    assert trail.read_text().split()[4:] == ["one", "two", "back-two", "back-one"]


def test_people_are_asked_and_their_answer_is_an_input(tmp_path: Path) -> None:
    write(
        step('ask id=which-one choices="left,right"', "Which one?"),
        step("manual id=pull", "Pull the plug."),
        step("shell id=use", 'echo "$INPUT_which_one"'),
    )
    run = done(draft())
    assert (run.state, states(run)) == (Run.State.PERSON, {"which-one": "person", "pull": "waiting", "use": "waiting"})
    with pytest.raises(ProblemError, match="left, right"):
        answering.answer(person("cleo"), cell(run, "which-one").pk, "done", "up")
    answering.answer(person("cleo"), cell(run, "which-one").pk, "done", "left")
    work()
    answering.answer(person("cleo"), cell(run, "pull").pk, "done")
    work()
    assert again(run).state == Run.State.DONE
    assert said(run, "use") == "left\n"
    assert cell(run, "pull").by == "Cleo"


def test_a_wait_holds_no_thread() -> None:
    write(step("wait id=rest", "10m"), step("shell id=use", "echo now"))
    run = done(draft())
    assert (run.state, states(run)["rest"]) == (Run.State.WAITING, "waiting")
    work()
    assert again(run).state == Run.State.WAITING
    with clock.moved(timedelta(minutes=10)):
        work()
    assert again(run).state == Run.State.DONE


def test_a_run_that_takes_longer_than_its_book_allows_is_ended() -> None:
    write(step("shell id=long", "sleep 60"), timeout="1s")
    run = done(draft())
    assert (run.state, run.state_reason) == (Run.State.FAILED, "it took longer than 1 s")
    assert cell(run, "long").outcome == "killed while it ran: the run was stopped"


def test_a_daemon_that_a_step_leaves_behind_holds_nothing_up(tmp_path: Path) -> None:
    write(step("shell id=start timeout=20s", f"sleep 300 & echo $! > {tmp_path}/pid; echo started"))
    run = done(draft())
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert (run.state, said(run)) == (Run.State.DONE, "started\n"), run.state_reason


def test_a_run_that_may_have_changed_something_is_told_as_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[ChangeEvent] = []
    monkeypatch.setattr(changes, "tell", told.append)
    write(step("check id=good", "true"))
    assert done(draft()).state == Run.State.DONE
    assert told == []
    write(step("shell id=bad", "false"))
    run = done(draft())
    assert run.state == Run.State.FAILED
    assert [(one.service, one.kind, one.id, one.time) for one in told] == [
        (service, "runbook", str(run), run.started_at) for service in run.service_keys()
    ]
    assert told[0].summary == f"{run}: {run.title}, failed"
