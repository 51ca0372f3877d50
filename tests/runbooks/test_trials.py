"""Dry runs: what they say, that they change nothing, and that the worker makes them as a run would be."""

import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client

from mainstay.core import clock
from mainstay.core.models import Person
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.restore.runbooks import services, trial, trials
from mainstay.restore.runbooks.execution import local, loop
from mainstay.restore.runbooks.models import Run, Trial
from tests.runbooks.shelf import again, draft, freeze, host, person, step, text, tried, work, write
from tests.runbooks.test_faces import asked, posted

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("company")]


@pytest.fixture
def worker() -> Iterator[None]:
    """One that works beside the test."""
    runs, ended = loop.Runs(), threading.Event()

    def rounds() -> None:
        while not ended.wait(0.05):
            runs.run_due()
        runs.drain(10)
        connection.close()

    thread = threading.Thread(target=rounds)
    thread.start()
    yield
    ended.set()
    thread.join()


def test_it_says_what_would_run_and_runs_checks_alone(tmp_path: Path) -> None:
    host("pay-1")
    freeze()
    write(
        step("shell id=one secrets=missing", f"touch {tmp_path}/never"),
        step("check id=look target=worker", "echo I looked"),
        targets="[pay-1]",
    )
    run = tried(draft())
    assert not (tmp_path / "never").exists()
    found = run.dry_run
    assert [one["targets"] for one in found["steps"]] == [["pay-1"], []]
    assert (found["checks"][0]["now"], found["checks"][0]["output"]) == ("holds", "I looked\n")
    for told in ("'missing' is not known", "pay-1 does not answer", "the gate is closed"):
        assert any(told in one for one in found["problems"]), found["problems"]
    assert run.state == Run.State.DRAFT
    assert not Trial.objects.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_its_checks_run_as_the_user_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(current().values, "runbook_user", "nobody")
    write(step("check id=who", "id -un; test ! -r /etc/shadow"))
    found = tried(draft()).dry_run["checks"][0]
    assert (found["now"], found["output"]) == ("holds", "nobody\n")


@pytest.mark.usefixtures("worker")
def test_a_process_that_cannot_become_that_user_leaves_it_to_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker asks the same of itself, so it is told apart by its thread."""
    here = threading.get_ident()
    may = local.may_run_here
    monkeypatch.setattr(local, "may_run_here", lambda: threading.get_ident() != here and may())
    book = text(step("check id=say", 'echo "hello $INPUT_who"'), inputs="[{name: who}]")
    seen = services.dry_run_of_text(person("ben"), book, {"who": "you"})
    assert (seen["checks"][0]["output"], seen["problems"]) == ("hello you\n", [])
    assert not Trial.objects.exists()


@pytest.mark.usefixtures("worker")
def test_who_waits_gets_it_at_once() -> None:
    write(step("check id=say", "echo hello"))
    answer = posted(asked(), f"runs/{draft().pk}/dry-run")
    assert answer.json()["dry_run"]["checks"][0]["now"] == "holds"


def test_without_a_worker_it_is_said_and_made_later(monkeypatch: pytest.MonkeyPatch) -> None:
    write(step("check id=say", "echo hello"))
    run = draft()
    monkeypatch.setattr(trials, "_BESIDE", timedelta(0))
    monkeypatch.setitem(current().values, "runbook_dry_run_seconds", 0.2)
    with pytest.raises(ProblemError, match="once a worker has time"):
        services.dry_run(person("ben"), run.pk)
    monkeypatch.setitem(current().values, "runbook_dry_run_seconds", 20.0)
    work()
    assert again(run).dry_run["checks"][0]["now"] == "holds"


def test_one_whose_worker_died_is_made_again_and_the_dead_one_says_nothing() -> None:
    write(step("check id=say", "echo hello"))
    run = draft()
    services.ask_dry_run(person("ben"), run.pk)
    dead = trials.claim()
    assert dead is not None
    assert trials.claim() is None
    with clock.moved(timedelta(minutes=5)):
        second = trials.claim()
        assert second is not None
        trials.carry(dead)
        assert again(run).dry_run == {}
        trials.carry(second)
    assert again(run).dry_run["problems"] == []


def test_what_an_edit_overtook_is_dropped() -> None:
    write(step("check id=say", "echo hello"), inputs="[{name: who}]")
    run = draft(inputs={"who": "me"})
    services.ask_dry_run(person("ben"), run.pk)
    services.edit(person("ben"), run.pk, {"who": "you"})
    work()
    assert again(run).dry_run == {}


def test_one_that_breaks_off_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no memory")

    monkeypatch.setattr(trial, "of_book", broken)
    write(step("check id=say", "echo hello"))
    run = tried(draft())
    assert run.dry_run["problems"] == ["the dry run broke off: RuntimeError: no memory"]
    assert trials.claim() is None


def test_the_page_says_that_it_is_on_its_way_and_then_what_it_found(client: Client) -> None:
    write(step("check id=say", "echo hello"))
    run = draft()
    client.force_login(Person.objects.get(email="ben@x.example"))
    client.post(f"/runs/{run.pk}/dry-run")
    page = f"/runs/{run.pk}"
    assert "The worker is making the dry run" in client.get(page).text
    work()
    part = client.get(f"{page}?trial=1", headers={"HX-Request": "true"}).text
    assert "say holds now: exit code 0" in part
    assert "making the dry run" not in part
    assert "<html" not in part
